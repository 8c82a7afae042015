#!/bin/sh
# Install the container engine that `make images` and `make compose-test` use, where it is missing and we
# may, and podman-compose in an environment of its own, whose path is printed.
set -eu
cd "$(dirname "$0")/../.."

missing=""
for program in podman runc catatonit debootstrap iptables; do
	command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -x /usr/lib/podman/netavark ] || missing="$missing netavark aardvark-dns"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing" >&2
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2
elif [ -n "$missing" ]; then
	echo "a container engine needs:$missing" >&2
	exit 3
fi

place=${XDG_CACHE_HOME:-$HOME/.cache}/clipseek-tests/podman-compose-1.6.0
if ! [ -x "$place/bin/podman-compose" ]; then
	rm -rf "$place"
	mkdir -p "$(dirname "$place")"
	.venv/bin/python -m venv --without-pip "$place" >&2
	.venv/bin/python -m pip --python "$place/bin/python" install --quiet --disable-pip-version-check \
		podman-compose==1.6.0 >&2
fi
echo "$place"
