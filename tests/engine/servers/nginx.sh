#!/bin/sh
# Write conf.d from the templates, as the official image does, and run nginx.
set -eu
names=$(env | sed -n "s/^\(${NGINX_ENVSUBST_FILTER:-}[A-Za-z0-9_]*\)=.*/\${\1}/p" | tr '\n' ' ')
for template in /etc/nginx/templates/*.template; do
	envsubst "$names" <"$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
done
exec "$@"
