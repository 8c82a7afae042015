#!/bin/sh
# `wget` and `curl` of health checks: ask the URL, which is the last word.
for url; do :; done
exec python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=3)' "$url"
