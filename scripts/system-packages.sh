#!/usr/bin/env bash
# Installs packages of the system without asking: apt on Debian and Ubuntu, brew on macOS. `a|b` is a, or b where there
# is no a.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 PACKAGE…" >&2; exit 2; }

if command -v apt-get >/dev/null; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  echo "Installing: $*"
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  packages=()
  for wanted in "$@"; do
    for package in ${wanted//|/ }; do
      if apt-cache show "$package" >/dev/null 2>&1; then break; fi
    done
    packages+=("$package")
  done
  $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
elif command -v brew >/dev/null; then
  brew install --quiet "$@"
else
  echo "Please install by hand: $*" >&2
  exit 1
fi
