#!/usr/bin/env bash
# Makes .venv with everything the program imports (with `--dev` its tests too, with `--bench` the benchmarks as well).
# Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=requirements.txt
case "${1:-}" in
  --dev) requirements=requirements-dev.txt ;;
  --bench) requirements=requirements-bench.txt ;;
esac
stamp=.venv/.installed-$requirements
wanted=$(cat requirements.txt requirements-dev.txt requirements-bench.txt requirements-tracing.txt constraints.txt | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

python=""
for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
  if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }

if [ ! -x .venv/bin/pip ]; then
  rm -rf .venv
  # Debian keeps ensurepip in a package of its own, which a fresh machine does not have.
  if ! "$python" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    scripts/system-packages.sh python3-venv
    "$python" -m venv .venv
  fi
fi
echo "Installing $requirements (the first time takes a minute or two)…"
.venv/bin/pip install --quiet --disable-pip-version-check -r "$requirements"
echo "$wanted" >"$stamp"
