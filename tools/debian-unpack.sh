#!/bin/sh
# Downloads a package of another Debian release and unpacks it into DEST, without root and without touching
# what is installed. The mirror is the machine's own; signatures are checked with Debian's keyring.
# usage: tools/debian-unpack.sh SUITE DEST PACKAGE [WANTED NEEDLESS]
#        Of the packages it depends on, those come along whose names match the extended regular expression
#        WANTED and not NEEDLESS.
set -eu
suite=${1:?usage: tools/debian-unpack.sh SUITE DEST PACKAGE [WANTED NEEDLESS]} dest=$2 package=$3 wanted=${4:-} needless=${5:-}
for program in apt-get dpkg-deb; do
  command -v $program >/dev/null || { echo "$package: no $program on this machine; this needs Debian or a relative" >&2; exit 1; }
done
mirror=$("$(dirname "$0")/debian-mirror.sh")
rm -rf "$dest"; mkdir -p "$dest"; dest=$(cd "$dest" && pwd)
state=$dest/.apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
: >"$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$state/sources.list"
apt() {
  apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$state" -o Dir::State::Lists="$state/lists" \
    -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" -o Debug::NoLocking=1 \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Install-Recommends=false "$@"
}
apt update
packages=$package
if [ -n "$wanted" ]; then
  packages="$package $(apt --print-uris install "$package" | awk '{print $2}' | sed 's/_.*//' |
    grep -E "^($wanted)\$" | grep -vE "^($needless)")"
fi
# shellcheck disable=SC2086 -- a list of package names
(cd "$state/cache" && apt download $packages)
for deb in "$state"/cache/*.deb; do dpkg-deb -x "$deb" "$dest"; done
rm -rf "$state"
