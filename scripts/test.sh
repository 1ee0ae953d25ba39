#!/usr/bin/env bash
# All tests, in the order that keeps two processors busy: the attacks mostly wait, for a door lets 20 events a second
# pass, so they run beside the fast tests; their build serves the browser's tests and the cluster's.
set -euo pipefail
cd "$(dirname "$0")/.."

attacks=$(mktemp)
trap 'kill "$doors" 2>/dev/null || true; rm -f "$attacks"' EXIT
# A process of their own: the driver of the browser keeps an event loop running in its.
pytest -q -m doors >"$attacks" 2>&1 &
doors=$!

failed=0
pytest -q -n 2 --dist loadfile -m "not browser and not doors and not cluster" || failed=$?
wait "$doors" || failed=$?
cat "$attacks"
[ "$failed" -eq 0 ] || exit "$failed"

pytest -q -n 3 --dist loadfile -m browser # three sites of that build
pytest -q -m cluster
