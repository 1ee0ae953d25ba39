#!/usr/bin/env bash
# All tests, in the order that keeps two processors busy. Most of a test is waiting (for a disk, a server, another
# process), so four run at once; the attacks, whom a door lets pass 20 events a second, wait beside them, and their build
# serves the browser's tests and the cluster's.
set -euo pipefail
cd "$(dirname "$0")/.."

attacks=$(mktemp)
trap 'kill "$doors" 2>/dev/null || true; rm -f "$attacks"' EXIT
# A process of their own: the driver of the browser keeps an event loop running in its.
pytest -q -m doors >"$attacks" 2>&1 &
doors=$!

failed=0
pytest -q -n 4 --dist loadfile -m "not browser and not doors and not cluster" || failed=$?
wait "$doors" || failed=$?
cat "$attacks"
[ "$failed" -eq 0 ] || exit "$failed"

pytest -q -n 2 --dist loadfile -m browser # two sites of that build; it is the processors that it waits for
pytest -q -m cluster
