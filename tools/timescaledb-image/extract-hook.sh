#!/bin/sh
# Makes a bootable root of unpacked packages, less what a database does not need (LLVM, Perl, manuals).
set -eu
cd "$1"
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/i18n usr/share/perl* usr/bin/perl* \
  usr/lib/x86_64-linux-gnu/perl* usr/lib/x86_64-linux-gnu/libLLVM* usr/lib/x86_64-linux-gnu/libz3* \
  usr/lib/x86_64-linux-gnu/libperl* usr/lib/llvm* usr/lib/postgresql/*/lib/bitcode \
  usr/lib/postgresql/*/lib/llvmjit* etc/apt/sources.list*
cp usr/share/base-passwd/passwd.master etc/passwd; cp usr/share/base-passwd/group.master etc/group
echo "postgres:x:999:999::/var/lib/postgresql:/bin/sh" >>etc/passwd; echo "postgres:x:999:" >>etc/group
ln -sf dash usr/bin/sh; chroot . ldconfig; mkdir -p run/postgresql var/lib/postgresql; chmod 1777 tmp
rm -rf var/run; ln -s /run var/run
