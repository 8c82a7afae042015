#!/bin/sh
# Make the passwords that docker-compose.yml mounts. Existing ones are not changed.
set -eu

folder="$(dirname "$0")/secrets"
mkdir -p "$folder"
# Nobody else on this machine may enter the folder. The files themselves are readable for everybody,
# because Docker mounts them unchanged and the containers run as other users than you.
chmod 700 "$folder"
cd "$folder"

keep() { # NAME: write stdin to the file NAME, unless that file exists
	[ -s "$1" ] && return
	cat > "$1"
	chmod 644 "$1"
	echo "made docker/secrets/$1"
}

random() {
	od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

random | keep postgres_password
random | keep redis_password
random | keep cache_secret
random | keep grafana_password
random | keep milvus_password
random | keep oidc_session_secret
random | keep store_secret
# 32 bytes, as `indexer cameras key` prints them.
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | keep camera_key
printf 'postgresql://clipseek:%s@postgres:5432/clipseek' "$(cat postgres_password)" | keep database_url
printf 'redis://:%s@redis:6379/0' "$(cat redis_password)" | keep redis_url
printf 'root:%s' "$(cat milvus_password)" | keep milvus_token
