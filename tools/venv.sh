#!/bin/sh
# Makes .venv with everything Heddle and its tests need, at the versions of requirements/dev.txt.
# The locks are complete, so pip resolves nothing (--no-deps); source packages are built with the pinned
# setuptools and need no compiler. Says what it does in a line each; the rest is in .build/venv.log.
# usage: tools/venv.sh        PYTHON=/path/to/python chooses another interpreter.
set -eu
cd "$(dirname "$0")/.."
fail() { echo "make venv: $*" >&2; exit 1; }
log=.build/venv.log
mkdir -p .build; : >"$log"

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
find_python() {
  for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
    if command -v "$python" >/dev/null && is_new_enough "$python"; then command -v "$python"; return; fi
  done
  fail "Heddle needs Python 3.11 or newer; found $(${PYTHON:-python3} --version 2>&1 || echo none)." \
    "Install one (apt-get install python3 python3-venv) or name it: make venv PYTHON=/path/to/python3"
}
run() { # as pip does, quietly; tell the end of its log if it fails
  "$@" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; fail "\`$*\` failed; all it said is in $log"; }
}
install() { run .venv/bin/python -m pip install --no-deps --no-build-isolation --use-pep517 "$@"; }

# pip's own home may not be there or not be writable; no compiler is needed for ubjson's optional part.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 PYUBJSON_NO_EXTENSION=1
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

if ! { [ -x .venv/bin/python ] && is_new_enough .venv/bin/python && .venv/bin/python -m pip --version >>"$log" 2>&1; }; then
  python=$(find_python)
  echo "make venv: .venv with $("$python" --version)"
  if "$python" -c 'import ensurepip, venv' 2>>"$log"; then run "$python" -m venv --clear .venv
  elif command -v virtualenv >/dev/null; then run virtualenv -q --clear -p "$python" .venv
  else fail "$python cannot make a virtual environment (no ensurepip): apt-get install python3-venv, or pip install virtualenv"
  fi
fi
echo "make venv: $(grep -c '^[a-z].*==' requirements/dev.txt) pinned packages, about a minute"
run .venv/bin/python -m pip install --no-deps --require-hashes -r requirements/build.txt
install --require-hashes -r requirements/dev.txt
install -e .
touch .venv/.ready
