"""The verb `keys`: makes, lists and revokes the keys of the API."""

import argparse
from contextlib import closing
from datetime import UTC, datetime
from time import time

from clipseek.assembly import open_existing, open_keys
from clipseek.config import Settings, collection_name
from clipseek.errors import ConfigError, NothingIndexed
from clipseek.keys import SCOPES, Key, Rate, digest_of, end_of, key_name, new_secret, timestamp
from indexer.output import Column, emit, note, say, table

ALL = "*"


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what is named: add, list or revoke."""
    if options.action == "add":
        return _add(settings, options)
    if options.action == "revoke":
        return _revoke(settings, options.name, json=options.json)
    return _list(settings, json=options.json)


def _add(settings: Settings, options: argparse.Namespace) -> int:
    """Make a key and print its secret, which is stored nowhere."""
    secret = new_secret()
    key = _made(options, digest_of(secret.encode()))
    with closing(open_keys(settings)) as keys:
        if not keys.add(key):
            raise ConfigError(
                f"there is a key {key.name!r} already; choose another name, or run `indexer keys "
                f"revoke {key.name}` first"
            )
    if options.json:
        emit({**_shown(key), "key": secret})
    else:
        say(secret)
        note(f"this is the key {key.name}; it cannot be shown again, so store it now")
    return 0


def _made(options: argparse.Namespace, digest: str) -> Key:
    """Return the key that the options describe; raise ConfigError."""
    now = datetime.now(UTC)
    try:
        expires = None if options.expires is None else timestamp(end_of(options.expires, now))
        return Key(
            name=key_name(options.name),
            digest=digest,
            scopes=frozenset(options.scope),
            collections=_collections(options.collection),
            created_at=timestamp(now),
            expires_at=expires,
            rate=None if options.rate is None else Rate.of(options.rate),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _collections(named: list[str]) -> frozenset[str] | None:
    """Return the collections that a key is for, or None for all."""
    if ALL not in named:
        return frozenset(map(collection_name, named))
    if len(named) > 1:
        raise ValueError(f"--collection '{ALL}' is all collections; leave the other names out")
    return None


def _list(settings: Settings, *, json: bool) -> int:
    try:
        with open_existing(settings) as service:
            keys = service.keys.keys()
    except NothingIndexed:
        keys = ()
    if json:
        for key in keys:
            emit(_shown(key))
    elif keys:
        columns = ("name", "scopes", "collections", "rate", "created", "expires")
        table([Column(title) for title in columns], (_row(key) for key in keys))
    else:
        say("there are no keys; `indexer keys add NAME --scope search --collection '*'` makes one")
    return 0


def _revoke(settings: Settings, name: str, *, json: bool) -> int:
    with closing(open_keys(settings)) as keys:
        if not keys.remove(name):
            raise ConfigError(f"no key {name!r}; `indexer keys list` lists the keys")
    if json:
        emit({"name": name, "state": "revoked"})
    else:
        say(f"revoked key {name}; servers refuse it within two seconds")
    return 0


def _shown(key: Key) -> dict[str, object]:
    """Return what is said of a key, without its digest."""
    return {
        "name": key.name,
        "scopes": _scopes(key),
        "collections": None if key.collections is None else sorted(key.collections),
        "created_at": key.created_at,
        "rate": None if key.rate is None else str(key.rate),
        "expires_at": key.expires_at,
        "expired": key.ends <= time(),
    }


def _scopes(key: Key) -> list[str]:
    return [scope for scope in SCOPES if scope in key.scopes]


def _row(key: Key) -> list[str]:
    expires = key.expires_at or "never"
    return [
        key.name,
        ", ".join(_scopes(key)),
        ALL if key.collections is None else ", ".join(sorted(key.collections)),
        "" if key.rate is None else str(key.rate),
        key.created_at,
        f"{expires} (expired)" if key.ends <= time() else expires,
    ]
