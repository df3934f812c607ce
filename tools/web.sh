#!/bin/sh
# Builds the page, services/web -> services/web/dist; its packages only when their lock has changed.
set -eu
cd "$(dirname "$0")/.."
. tools/node.sh
log=$PWD/.build/web.log
mkdir -p .build; : >"$log"
run() { "$@" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; echo "make web: \`$*\` failed; all it said is in $log" >&2; exit 1; }; }
cd services/web
if ! cmp -s package-lock.json node_modules/.lock; then
  echo "make web: packages"
  # Not `npm ci`: it refuses a lock without other platforms' optional packages, which some mirrors lack.
  run npm install --no-save --no-audit --no-fund
  cp package-lock.json node_modules/.lock
fi
echo "make web: the page"
run npm run build
touch dist/.ready
