#!/bin/sh
# Prints the Debian mirror this machine's apt uses, so that no script of ours names one.
set -eu
found=$(
  awk '/^URIs:/ {print $2}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || :
  awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) {print $i; next}}' /etc/apt/sources.list 2>/dev/null || :
)
mirror=$(echo "$found" | grep -v security | head -n 1)
[ -n "$mirror" ] || { echo "no Debian mirror in this machine's apt sources (/etc/apt)" >&2; exit 1; }
echo "$mirror"
