#!/bin/sh
# Collects the wheels each image is made of: .build/wheels/ROLE as requirements/ROLE.txt pins them, Heddle's
# own in .build/wheels/heddle. Hashes are checked here; images install them without a network or a compiler.
# usage: tools/wheels.sh [agent engine router services]
set -eu
cd "$(dirname "$0")/.."
log=.build/wheels.log
mkdir -p .build; : >"$log"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 PYUBJSON_NO_EXTENSION=1
wheel() { # DEST WHAT...
  dest=.build/wheels/$1; shift
  rm -rf "$dest.new"
  .venv/bin/python -m pip wheel --no-deps --no-build-isolation --use-pep517 -w "$dest.new" "$@" >>"$log" 2>&1 || {
    tail -n 15 "$log" >&2; echo "make images: wheels for $dest failed; all pip said is in $log" >&2; exit 1
  }
  rm -rf "$dest"; mv "$dest.new" "$dest"
}
for role in ${*:-agent engine router services}; do
  lock=requirements/$role.txt
  cmp -s "$lock" ".build/wheels/$role/lock.txt" && continue
  echo "make images: wheels for $role"
  wheel "$role" --require-hashes -r "$lock"
  cp "$lock" ".build/wheels/$role/lock.txt"
done
cmp -s requirements/build.txt .build/wheels/build/lock.txt || {
  wheel build --require-hashes -r requirements/build.txt
  cp requirements/build.txt .build/wheels/build/lock.txt
}
wheel heddle .
