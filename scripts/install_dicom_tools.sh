#!/bin/sh
# dciodvfy checks DICOM objects against the standard; the tests that ask it are skipped without it.
set -u
command -v dciodvfy >/dev/null && exit 0
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    echo "Without dicom3tools some tests are skipped: sudo apt-get install dicom3tools" >&2; exit 0
  fi
  echo "installing dicom3tools, which checks DICOM objects"
  $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends dicom3tools >/dev/null
fi
exit 0
