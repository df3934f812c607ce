#!/bin/sh
# Makes the image local/timescaledb:pg17 without any registry: Debian trixie's PostgreSQL 17 and TimescaleDB
# (Apache edition) behind the official images' contract (POSTGRES_USER, POSTGRES_PASSWORD or _PASSWORD_FILE,
# POSTGRES_DB, PGDATA, /docker-entrypoint-initdb.d); about 30 s and 140 MB. As root, needs mmdebstrap and a
# Docker Engine.
# usage: tools/image-timescaledb.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# mmdebstrap hangs up its whole process group when it fails: let that group be this script's own.
[ -n "${IN_OWN_SESSION:-}" ] || IN_OWN_SESSION=1 exec setsid -w "$0" "$@"
mirror=$("$here/debian-mirror.sh")
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mmdebstrap --quiet --variant=extract \
  --include=base-files,base-passwd,dash,coreutils,util-linux,grep,sed,libc-bin,postgresql-17-timescaledb \
  --setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s usr/$d "$1/$d"; done' \
  --extract-hook="$here/timescaledb-image/extract-hook.sh" trixie "$work/base.tar" "deb $mirror trixie main"
docker import "$work/base.tar" local/timescaledb-base:pg17 >/dev/null
docker build -q -t local/timescaledb:pg17 "$here/timescaledb-image"
