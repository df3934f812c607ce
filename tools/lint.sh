#!/bin/sh
# Runs every check of style, types and import contracts, and fails at the end if one of them did.
set -u
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
export NO_MKDOCS_2_WARNING=1
failed=0
check() { echo "make lint: $*"; "$@" || failed=1; }
check ruff check --quiet .
check ruff format --quiet --check .
check mypy --no-error-summary
check lint-imports --no-logo
check mkdocs build --quiet --strict --site-dir .build/site
if [ -d services/web/node_modules ]; then
  . tools/node.sh
  cd services/web && check npm run --silent check
fi
exit $failed
