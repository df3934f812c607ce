#!/bin/sh
# Runs every test: the page's own, those in a browser, then all others. Browser tests have a process of their
# own, for Playwright's loop and Twisted's reactor do not share one. The last line is the summary of the
# others; the exit code tells of all.
# usage: tools/test.sh [pytest arguments]        With arguments the page's own tests are left out; with a path
# among them it is plain pytest.
set -u
cd "$(dirname "$0")/.."
browser=tests/e2e/browser
for argument; do
  [ ! -e "${argument%%::*}" ] || exec .venv/bin/python -m pytest "$@"
done
failed=0
if [ $# = 0 ]; then
  (. tools/node.sh && cd services/web && npm run --silent test) || failed=1
fi
if ls $browser/test_*.py >/dev/null 2>&1; then
  .venv/bin/python -m pytest "$@" $browser
  case $? in 0 | 5) ;; *) failed=1 ;; esac # 5: none of them was asked for
fi
.venv/bin/python -m pytest "$@" --ignore=$browser || exit
exit "$failed"
