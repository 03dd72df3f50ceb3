#!/bin/sh
# dciodvfy checks DICOM objects against the standard, Orthanc is a PACS; tests that ask them are skipped without them.
set -u
command -v dciodvfy >/dev/null && command -v Orthanc >/dev/null && exit 0
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    echo "Without them some tests are skipped: sudo apt-get install dicom3tools orthanc orthanc-dicomweb" >&2; exit 0
  fi
  echo "installing dicom3tools and Orthanc for the DICOM tests"
  $as_root apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends dicom3tools orthanc orthanc-dicomweb iproute2 >/dev/null
  # Its package starts a server on every address where an init system runs; the tests start their own.
  if command -v systemctl >/dev/null && systemctl is-active --quiet orthanc 2>/dev/null; then $as_root systemctl disable --now --quiet orthanc; fi
fi
exit 0
