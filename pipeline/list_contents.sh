#!/usr/bin/env bash
# List what is in the package, and refuse Python requirements with known flaws.
#
# *.cdx.json are bills of materials (CycloneDX): of the pinned requirements, and of the Python packages that are
# installed in each image. *-debian-packages.txt is the plain list of an image's Debian packages, no bill of materials.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${CODEBUILD_RESOLVED_SOURCE_VERSION:?is set by CodeBuild: the commit}"
commit=$CODEBUILD_RESOLVED_SOURCE_VERSION
contents=out/package/contents
tools=${PIPELINE_TOOLS:-}
mkdir -p "$contents"

if [ -z "$tools" ]; then
  python3 -m venv .venv-pipeline
  .venv-pipeline/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    -r pipeline/requirements.txt
  tools=.venv-pipeline/bin
fi

# A flaw that cannot be mended yet is accepted by its id, with the reason beside it.
accepted=()
while read -r id _; do
  case $id in "" | "#"*) continue ;; esac
  accepted+=(--ignore-vuln "$id")
done < pipeline/accepted_flaws.txt

for folder in layers/mri_analysis functions/prepare_study models/segmentation; do
  name=${folder//\//-}
  "$tools/pip-audit" --strict --disable-pip --require-hashes --requirement "$folder/requirements.txt" \
    ${accepted[@]+"${accepted[@]}"}
  "$tools/cyclonedx-py" requirements "$folder/requirements.txt" --output-reproducible \
    --output-file "$contents/$name.cdx.json"
done

while read -r image; do
  docker run --rm --entrypoint python "mri-$image:$commit" -m pip freeze --all > "out/$image-freeze.txt"
  "$tools/cyclonedx-py" requirements "out/$image-freeze.txt" --output-reproducible \
    --output-file "$contents/image-$image-python.cdx.json"
  docker run --rm --entrypoint dpkg-query "mri-$image:$commit" --show > "$contents/image-$image-debian-packages.txt"
done < out/images.txt
