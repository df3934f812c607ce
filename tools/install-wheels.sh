#!/bin/sh
# In an image: installs every wheel of a folder, with the pip among the build wheels, from no index.
# usage: install-wheels.sh WHEELS TARGET
set -eu
pip=$(echo /wheels/build/pip-*.whl)
python3 "$pip/pip" install --quiet --no-index --no-deps --no-cache-dir --root-user-action=ignore \
  --disable-pip-version-check --target "$2" "$1"/*.whl
