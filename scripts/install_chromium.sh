#!/bin/sh
# The browser tests drive Chromium; this only makes sure that there is one.
set -u
for name in chromium chromium-browser google-chrome; do command -v $name >/dev/null && exit 0; done
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    echo "Install Chromium for the browser tests: sudo apt-get install chromium" >&2; exit 2
  fi
  echo "installing chromium for the browser tests"
  $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium >/dev/null || exit 2
  exit 0
fi
echo "Install Chromium for the browser tests (macOS: brew install --cask chromium)" >&2
exit 2
