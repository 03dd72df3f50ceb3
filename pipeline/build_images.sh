#!/usr/bin/env bash
# Build the images of this commit, push nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${CODEBUILD_RESOLVED_SOURCE_VERSION:?is set by CodeBuild: the commit}"
commit=$CODEBUILD_RESOLVED_SOURCE_VERSION
mkdir -p out
: > out/images.txt

build() { # name, Dockerfile
  # One plain manifest: SageMaker refuses the index that attestations would make of it.
  docker build --platform linux/amd64 --provenance=false \
    --build-arg BASE=public.ecr.aws/docker/library/python:3.13-slim \
    --label "org.opencontainers.image.revision=$commit" \
    --file "$2" --tag "mri-$1:$commit" .
  echo "$1" >> out/images.txt
}

build segmentation models/segmentation/Dockerfile
if [ -f frontend/Dockerfile ]; then
  build reading-room frontend/Dockerfile
fi
