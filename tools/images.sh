#!/bin/sh
# Builds heddle/ROLE:TAG for each role, with a Docker Engine. BASE defaults to local/python, if
# tools/image-python.sh made it, or else to the official image of the Python that .venv has: wheels fit one
# version only.
# usage: tools/images.sh [engine agent backend fleetdata gateway router]        BASE=image TAG=dev
set -eu
cd "$(dirname "$0")/.."
version() { "$@" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
ours=$(version .venv/bin/python)
log=$PWD/.build/images.log
docker info >/dev/null 2>&1 || { echo "make images: no Docker Engine answers: start one (apt-get install docker.io)" >&2; exit 1; }
base=local/python:$ours-slim
docker image inspect "$base" >/dev/null 2>&1 || base=python:$ours-slim
base=${BASE:-$base}
theirs=$(version docker run --rm --entrypoint python3 "$base") || { echo "make images: no base image $base" >&2; exit 1; }
[ "$ours" = "$theirs" ] || { echo "make images: .venv has Python $ours, $base $theirs: the wheels would not fit; choose another BASE, or make .venv with another PYTHON" >&2; exit 1; }
roles=${*:-engine agent backend fleetdata gateway router}
sets=$(echo "$roles" | sed 's/backend\|fleetdata\|gateway/services/g' | tr ' ' '\n' | sort -u)
# shellcheck disable=SC2086 -- lists of words
tools/wheels.sh $sets
.venv/bin/python -m tools.sbom .build/sbom
image=org.opencontainers.image
of_base=$(docker image inspect -f '{{with .RepoDigests}}{{index . 0}}{{else}}{{$.Id}}{{end}}' "$base" 2>/dev/null || echo unknown)
revision=$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)
for role in $roles; do
  echo "make images: heddle/$role:${TAG:-dev} on $base"
  docker build -q --rm --build-arg BASE="$base" --target "$role" -t "heddle/$role:${TAG:-dev}" \
    --label $image.title="Heddle $role" --label $image.version="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' heddle/__init__.py)" \
    --label $image.revision="$revision" --label $image.licenses=Apache-2.0 --label $image.base.name="$base" \
    --label $image.base.digest="${of_base#*@}" . >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "make images: heddle/$role failed" >&2; exit 1; }
done
