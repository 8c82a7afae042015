#!/bin/sh
# Install the servers that the tests start, where they are missing and we may.
set -eu

# A server of models, which is downloaded while others are installed.
sh tests/inference/install.sh >/dev/null &
models=$!

missing=""
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	missing="$missing postgresql"
fi
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v nginx >/dev/null 2>&1 || missing="$missing nginx"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
command -v wrk >/dev/null 2>&1 || missing="$missing wrk"
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
	|| command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
for program in openssl curl jq; do
	command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
# The RTSP server that shows cameras, for the system's Python.
/usr/bin/python3 -I tests/cameras/rtsp_server.py --check 2>/dev/null || missing="$missing \
	python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-rtsp gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing"
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
elif [ -n "$missing" ]; then
	echo "the tests need:$missing" >&2
	echo "install it with your package manager, for example: sudo apt-get install$missing" >&2
	[ "${CI:-}" = true ] && exit 1
	echo "going on without: tests that need it are skipped" >&2
fi

# The client of tus that tests uploads. Nothing of what it installs is run by its installation.
if command -v npm >/dev/null 2>&1 && ! [ -d tests/tus/node_modules/tus-js-client ]; then
	npm ci --prefix tests/tus --ignore-scripts --no-audit --no-fund || {
		echo "tus-js-client cannot be installed: tests that need it are skipped" >&2
		[ "${CI:-}" = true ] && exit 1
	}
fi

# Azurite has 190 MB, which checkouts share. It is installed again when its lock changes.
azurite="${XDG_CACHE_HOME:-$HOME/.cache}/clipseek-azurite"
if command -v npm >/dev/null 2>&1 && ! { [ -d "$azurite/node_modules/azurite" ] \
	&& cmp -s tests/azurite/package-lock.json "$azurite/package-lock.json"; }; then
	mkdir -p "$azurite"
	cp tests/azurite/package.json tests/azurite/package-lock.json "$azurite/"
	npm ci --prefix "$azurite" --ignore-scripts --no-audit --no-fund || {
		rm -f "$azurite/package-lock.json"
		echo "Azurite cannot be installed: tests that need it are skipped" >&2
		[ "${CI:-}" = true ] && exit 1
	}
fi

wait "$models" || {
	echo "MLServer cannot be installed: tests that need it are skipped" >&2
	[ "${CI:-}" = true ] && exit 1
}
exit 0
