#!/bin/sh
# apt.sh install|download PACKAGE...: Debian packages as they were when the base image was made, so that every build gets
# the same. Debian's images name the dated archive of that moment in a comment of their list of sources; DEBIAN=today, or a
# base that names none, takes what the archive has now.
set -eu
sources=/etc/apt/sources.list.d/debian.sources
if [ "${DEBIAN:-dated}" = dated ] && grep -qs '^# http' "$sources"; then
  cp "$sources" /tmp/sources
  awk '/^# http/ { dated = $2 } /^URIs:/ && dated { $0 = "URIs: " dated; dated = "" } { print }' /tmp/sources >"$sources"
  trap 'mv /tmp/sources "$sources"' EXIT
fi
options='--quiet=2 -o Acquire::Check-Valid-Until=false -o Acquire::Retries=5'
# shellcheck disable=SC2086
apt-get $options update || {
  echo "apt.sh: the archive does not answer; --build-arg DEBIAN=today takes the present one" >&2
  exit 2
}
command=$1
shift
case $command in
  # shellcheck disable=SC2086
  install) apt-get $options install --yes --no-install-recommends "$@" ;;
  # shellcheck disable=SC2086
  download) apt-get $options download "$@" ;;
esac
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/lib/dpkg/*-old \
  /var/log/* /etc/machine-id /etc/*- /usr/share/man /usr/share/locale
find /usr/share/doc -type f ! -name copyright -delete
