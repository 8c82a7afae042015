#!/bin/sh
# Dump the catalog into BACKUP_DIR and keep the newest BACKUP_KEEP dumps.
set -eu

url=$(cat "$DATABASE_URL_FILE")
name="clipseek-$(date -u +%Y%m%dT%H%M%SZ).dump"
# Remove what an interrupted dump has left.
rm -f "$BACKUP_DIR"/clipseek-*.dump.part
pg_dump --format=custom --no-owner --no-privileges \
	--dbname="$url" --file="$BACKUP_DIR/$name.part"
# A dump that cannot be read is not a backup.
pg_restore --list "$BACKUP_DIR/$name.part" >/dev/null
mv "$BACKUP_DIR/$name.part" "$BACKUP_DIR/$name"
# Names sort by time. Nothing is deleted before the new dump exists.
ls -1 "$BACKUP_DIR" | grep '^clipseek-.*\.dump$' | sort -r | tail -n "+$((BACKUP_KEEP + 1))" |
	while read -r old; do rm -f "$BACKUP_DIR/$old"; done
echo "$BACKUP_DIR/$name: $(wc -c <"$BACKUP_DIR/$name") bytes"
