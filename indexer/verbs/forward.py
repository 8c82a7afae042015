"""The verb `forward`: send what is indexed here to a central library."""

import argparse
import hashlib
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError, NothingIndexed, ServiceUnavailable
from clipseek.forwarding import Forwarder, Sent
from indexer import moments
from indexer.output import counted, emit, note, say
from indexer.verbs import ingest

if TYPE_CHECKING:
    from clipseek.center import HttpCenter

LONGEST_PAUSE_S = 60.0


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Send once, or with `--follow` whatever is new until a signal comes."""
    if not 0.1 <= options.every <= 3600:
        raise ConfigError(f"--every must be 0.1 to 3600 seconds, got {options.every:g}")
    stop = threading.Event()
    with open_existing(settings) as service, ingest.stopping_on_signal(stop):
        center = _center(settings, options)
        forwarder = Forwarder(
            service.catalog,
            service.thumbnails,
            center,
            mark=_mark(settings, options.url, options.into or settings.collection),
        )
        if options.follow:
            with moments.sending(service, center, stop, is_allowed=not options.no_moments):
                _follow(forwarder, settings, options, stop)
        else:
            _tell(forwarder.send(settings.collection), options)
    return 0


def _center(settings: Settings, options: argparse.Namespace) -> "HttpCenter":
    try:
        from clipseek.center import HttpCenter
    except ImportError as error:
        raise ConfigError(
            f"`indexer forward` needs the package {error.name}; install clipseek[live]"
        ) from error
    key = None if settings.center_key is None else settings.center_key.get_secret_value()
    return HttpCenter(options.url, key, collection=options.into or settings.collection)


def _mark(settings: Settings, url: str, there: str) -> Path:
    """Return the file of how far it has come: one for each collection and central library."""
    said = "\n".join((settings.collection, url.rstrip("/"), there))
    name = hashlib.sha256(said.encode()).hexdigest()[:32]
    return settings.data_dir / "forwarded" / f"{name}.json"


def _follow(
    forwarder: Forwarder, settings: Settings, options: argparse.Namespace, stop: threading.Event
) -> None:
    """Send what is new, again and again; without a network, wait longer each time."""
    failures = 0
    while not stop.is_set():
        pause = options.every
        try:
            with suppress(NothingIndexed, CollectionNotFound):
                _tell(forwarder.send(settings.collection), options)
            failures = 0
        except ServiceUnavailable as error:
            if not failures:
                note(f"indexer: {error}; it is tried again until it succeeds")
            failures += 1
            # Not all machines of a site at the same time, once the network is back.
            longest = min(LONGEST_PAUSE_S, options.every * 2 ** min(failures, 16))
            pause = longest * random.uniform(0.5, 1)
        stop.wait(pause)


def _tell(sent: Sent, options: argparse.Namespace) -> None:
    if options.follow and not (sent.videos or sent.removed):
        return
    if options.json:
        emit({"videos": sent.videos, "removed": sent.removed, "bytes": sent.bytes})
    elif not options.quiet:
        removed = f", {counted(sent.removed, 'video')} removed" if sent.removed else ""
        say(f"sent {counted(sent.videos, 'video')}, {sent.bytes / 1e6:.1f} MB{removed}")
