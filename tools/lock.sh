#!/bin/sh
# Pins what pyproject.toml asks for, with hashes, one file a role: requirements/*.txt. dev.txt is solved
# first and holds for the others. Pins stay as they are unless asked: tools/lock.sh --upgrade-package NAME
set -eu
cd "$(dirname "$0")/.."
if [ -z "${UV:=$(command -v uv || true)}" ]; then
  [ -x .build/uv/bin/uv ] || { python3 -m venv .build/uv && .build/uv/bin/pip install -q uv; }
  UV=.build/uv/bin/uv
fi
lock() { # FILE SOURCE... : hashes, who asked for what, and no registry named
  file=requirements/$1.txt; shift
  "$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-package bjdata --override requirements/override.in \
    --output-file "$file" "$@"
}
# bjdata needs a C compiler and NumPy; autobahn does without it, and then the agent needs no NumPy.
extra="pyproject.toml --extra"
lock dev $extra dev "$@"
# Crossbar names these for parts of it that we do not run; two of them are under the GPL and LGPL. Its image goes without.
lock router $extra router -c requirements/dev.txt --no-emit-package jinja2-highlight --no-emit-package validate-email \
  --no-emit-package setuptools "$@"
lock agent $extra agent -c requirements/dev.txt --no-emit-package numpy "$@"
lock services $extra services -c requirements/dev.txt "$@"
for set in build engine node; do lock "$set" "requirements/$set.in" -c requirements/dev.txt "$@"; done
