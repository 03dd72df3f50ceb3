#!/usr/bin/env bash
# Scan the images, package the application, and only then release the images. The last step of a build: it runs only
# if everything before it succeeded, and each of its own steps only if those before it did.
#
# ECR scans what was pushed, so an image first goes into a repository that nothing is deployed from. The tag of a
# released image is its commit and never moves: a build that is run again takes the image that is already there.
# ECR's basic scan knows Debian packages; Python packages were audited in list_contents.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${CODEBUILD_RESOLVED_SOURCE_VERSION:?is set by CodeBuild: the commit}"
: "${CODEBUILD_BUILD_NUMBER:?is set by CodeBuild}"
: "${CODEBUILD_BUILD_SUCCEEDING:?is set by CodeBuild: 1 while nothing failed}"
: "${REGISTRY:?ACCOUNT.dkr.ecr.REGION.amazonaws.com, from pipeline.yaml}"
: "${ARTIFACT_BUCKET:?from pipeline.yaml}"
: "${ARTIFACT_KEY_ARN:?from pipeline.yaml}"
: "${AWS_DEFAULT_REGION:?is set by CodeBuild}"
commit=$CODEBUILD_RESOLVED_SOURCE_VERSION
package=out/package

if [ "$CODEBUILD_BUILD_SUCCEEDING" != 1 ]; then
  echo "An earlier step failed, so nothing is published." >&2
  exit 1
fi
if ! [[ $commit =~ ^[0-9a-f]{40}$ ]]; then
  echo "A tag is a commit of 40 hexadecimal digits; '$commit' is none." >&2
  exit 1
fi
images=()
while read -r image; do images+=("$image"); done < out/images.txt
if [ "${#images[@]}" = 0 ]; then
  echo "out/images.txt names no image; run pipeline/build_images.sh first." >&2
  exit 1
fi

released() { # name: whether this commit's image is in its repository already
  local answer
  if answer=$(aws ecr describe-images --repository-name "mri-$1" --image-ids "imageTag=$commit" 2>&1); then
    return 0
  fi
  case $answer in *ImageNotFoundException*) return 1 ;; esac
  echo "$answer" >&2
  exit 1
}

scan() { # name: stops the build on a critical finding
  local tag="$1-$commit-$CODEBUILD_BUILD_NUMBER" critical
  docker tag "mri-$1:$commit" "$REGISTRY/mri-candidates:$tag"
  docker push --quiet "$REGISTRY/mri-candidates:$tag"
  # The scan is known to ECR only some seconds after the push; before, the waiter fails at once.
  for attempt in 1 2 3; do
    if aws ecr wait image-scan-complete --repository-name mri-candidates --image-id "imageTag=$tag"; then break; fi
    if [ "$attempt" = 3 ]; then
      echo "The scan of mri-$1 did not finish; see mri-candidates:$tag in ECR. Nothing is released." >&2
      exit 1
    fi
    sleep "${SCAN_RETRY_SECONDS:-15}"
  done
  critical=$(aws ecr describe-image-scan-findings --repository-name mri-candidates --image-id "imageTag=$tag" \
    --no-paginate --query 'imageScanFindings.findingSeverityCounts.CRITICAL' --output text)
  case $critical in
    None | 0) ;;
    *)
      echo "The scan of mri-$1 found $critical critical flaws; see mri-candidates:$tag in ECR. Nothing is released." >&2
      exit 1
      ;;
  esac
}

aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"

to_release=()
for image in "${images[@]}"; do
  if released "$image"; then
    echo "mri-$image:$commit was released by an earlier build of this commit."
  else
    scan "$image"
    to_release+=("$image")
  fi
done

mkdir -p "$package/pipeline" "$package/samples" "$package/parameters"
${SAM:-.venv-sam/bin/sam} package --template-file .aws-sam/build/template.yaml --region "$AWS_DEFAULT_REGION" \
  --s3-bucket "$ARTIFACT_BUCKET" --s3-prefix packages --kms-key-id "$ARTIFACT_KEY_ARN" \
  --output-template-file "$package/packaged.yaml"
python3 pipeline/write_parameters.py --registry "$REGISTRY" --commit "$commit" --images "${images[@]}" \
  --output "$package"
cp pipeline/smoke_test.py pipeline/smoke_test.buildspec.yml pipeline/requirements_smoke_test.txt "$package/pipeline/"
cp samples/pycortex_S1_T1w.nii.gz samples/NOTICE.md "$package/samples/"

for image in ${to_release[@]+"${to_release[@]}"}; do
  docker tag "mri-$image:$commit" "$REGISTRY/mri-$image:$commit"
  docker push --quiet "$REGISTRY/mri-$image:$commit"
done
