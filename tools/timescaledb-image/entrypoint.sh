#!/bin/sh
# The official images' contract, in short: POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE,
# POSTGRES_DB, PGDATA, /docker-entrypoint-initdb.d/*.sql and *.sh, run once on an empty data folder.
set -eu
: "${PGDATA:=/var/lib/postgresql/data}" "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export PGDATA
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql; chown postgres:postgres "$PGDATA" /run/postgresql; chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
  : "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set}"
  secret=$(mktemp); printf '%s\n' "$POSTGRES_PASSWORD" >"$secret"
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile="$secret" -A scram-sha-256 --auth-local=trust -E UTF8 --locale=C.UTF-8 >/dev/null
  rm -f "$secret"
  cat >>"$PGDATA/postgresql.conf" <<C
listen_addresses='*'
shared_preload_libraries='timescaledb'
C
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/tmp" -w start >/dev/null
  ask() { psql -X -q -v ON_ERROR_STOP=1 -h /tmp -U "$POSTGRES_USER" "$@"; }
  [ "$POSTGRES_DB" = postgres ] || ask -d postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
  ask -d "$POSTGRES_DB" -c 'CREATE EXTENSION IF NOT EXISTS timescaledb' >/dev/null 2>&1
  for f in /docker-entrypoint-initdb.d/*; do case $f in *.sql) ask -d "$POSTGRES_DB" -f "$f";; *.sh) . "$f";; esac; done
  pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
fi
exec "$@"
