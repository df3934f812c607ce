#!/bin/sh
# Makes the image local/python:3.11-slim without any registry: Debian bookworm's python3.11, libstdc++, tini and CA
# certificates; about 20 s and 60 MB. As root, needs mmdebstrap and a Docker Engine.
# usage: tools/image-python.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# mmdebstrap hangs up its whole process group when it fails: let that group be this script's own.
[ -n "${IN_OWN_SESSION:-}" ] || IN_OWN_SESSION=1 exec setsid -w "$0" "$@"
mirror=$("$here/debian-mirror.sh")
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
hook='set -eu; cd "$1"
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/perl* usr/bin/perl* usr/lib/x86_64-linux-gnu/perl* etc/apt/sources.list*
cp usr/share/base-passwd/passwd.master etc/passwd; cp usr/share/base-passwd/group.master etc/group
ln -sf dash usr/bin/sh; ln -sf python3 usr/bin/python; chroot . ldconfig
install -D -m644 /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt; chmod 1777 tmp'
mmdebstrap --quiet --variant=extract --aptopt='Apt::Install-Recommends "false"' \
  --include=base-files,base-passwd,dash,coreutils,libc-bin,tini,ca-certificates,libstdc++6,python3,python3.11,libpython3.11-stdlib \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s usr/$d "$1/$d"; done' \
  --extract-hook="$hook" bookworm "$work/python.tar" "deb $mirror bookworm main"
docker import "$work/python.tar" local/python:3.11-slim
