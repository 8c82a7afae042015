#!/bin/sh
# Install MLServer, which tests start as an inference server, in an environment of its own: it needs an
# older fastapi. The environment is kept outside the checkout, made once for each list of packages, and
# its path is printed. Every package is pinned, also those that others need: pip resolves nothing. The
# pip of `make install` installs them, and only what is imported is compiled.
set -eu
cd "$(dirname "$0")/../.."

list=tests/inference/requirements.txt
python=.venv/bin/python
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
sum=$(cksum <"$list" | cut -d ' ' -f 1)
place=${XDG_CACHE_HOME:-$HOME/.cache}/clipseek-tests/mlserver-$version-$sum

if [ "${1:-}" = path ]; then # and nothing is installed
	[ -f "$place/complete" ] || exit 1
elif ! [ -f "$place/complete" ]; then
	rm -rf "$place"
	mkdir -p "$(dirname "$place")"
	"$python" -m venv --without-pip "$place" >&2
	"$python" -m pip --python "$place/bin/python" install --quiet --disable-pip-version-check \
		--no-deps --no-compile --only-binary :all: --requirement "$list" >&2
	touch "$place/complete"
fi
echo "$place"
