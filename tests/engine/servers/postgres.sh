#!/bin/sh
# Make the database on the first start, as the official image does, and run the server.
set -eu
if [ "$1" = postgres ] && ! [ -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres}
	initdb --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 \
		--auth-local=trust --encoding=UTF8 --locale=C.UTF-8
	echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	pg_ctl --wait --options "-c listen_addresses=''" start
	createdb --username="$user" "${POSTGRES_DB:-$user}" || [ "${POSTGRES_DB:-$user}" = postgres ]
	pg_ctl --wait --mode=fast stop
fi
exec "$@"
