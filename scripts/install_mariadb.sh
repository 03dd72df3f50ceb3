#!/bin/sh
# The database tests start a MariaDB server of their own; this only makes sure that there is one to start.
set -u
PATH=$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin
command -v mariadbd >/dev/null && exit 0
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    echo "Install the MariaDB server for the database tests: sudo apt-get install mariadb-server" >&2; exit 2
  fi
  echo "installing mariadb-server for the database tests"
  $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null || exit 2
  exit 0
fi
echo "Install the MariaDB server for the database tests (macOS: brew install mariadb)" >&2
exit 2
