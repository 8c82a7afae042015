"""The verb `watches`: makes, lists and tries watches, lists alerts, and runs both."""

import argparse
import re
import secrets
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from clipseek.assembly import open_existing, open_writer
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_watch_reader, open_watches
from clipseek.live.asking import described, require, said
from clipseek.live.patrol import Patrol
from clipseek.live.signing import Secrets
from clipseek.live.trying import DAY_S, Trial, tried
from clipseek.parts import Part, Text
from clipseek.query import WITHIN_S, Query, Step
from clipseek.service import Service
from clipseek.sources.guard import MAX_URL_CHARACTERS, Outgoing
from clipseek.watches import (
    DAYS,
    Alert,
    Hours,
    Watch,
    WatchReader,
    WatchStore,
    alert_json,
    delivery_json,
    moment_json,
)
from indexer.output import Column, emit, note, say, table
from indexer.verbs.ingest import stopping_on_signal
from indexer.verbs.search import wanted_parts
from indexer.watch_options import THRESHOLD

_HOURS = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")
POLL_S = 0.2


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what is named."""
    return _ACTIONS[options.action](settings, options)


def _add(settings: Settings, options: argparse.Namespace) -> int:
    with open_existing(settings) as service:
        service.catalog.collection(settings.collection)
        watch = _watch(service, settings, options)
    if options.webhook is not None:
        url = _from_stdin() if options.webhook == "-" else options.webhook
        Outgoing(settings.webhook_hosts).check(url)
        secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
        watch = replace(watch, webhook=url, secret=secret)
    require(watch)
    with closing(open_watches(settings)) as store:
        made = store.add(Secrets.of(settings).kept(watch))
    if options.json:
        emit({**shown(made), **({"secret": watch.secret} if made.webhook else {})})
        return 0
    say(f"watching {made.collection} for {described(made.asked)} ({made.id})")
    if made.webhook:
        say(watch.secret)
        note("this is the secret that signs what is sent; it is not shown again")
    note("`clipseek serve`, `indexer work` or `indexer watches run` must run, so that it fires")
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    with closing(open_watch_reader(settings)) as reader:
        found = reader.watches()
    if options.json:
        for watch in found:
            emit(shown(watch))
    elif found:
        titles = ("id", "name", "on", "threshold", "collection", "query")
        table([Column(title) for title in titles], map(_row, found))
    else:
        say("there are no watches; `indexer watches add NAME SENTENCE` makes one")
    return 0


def _row(watch: Watch) -> list[str]:
    state, threshold = "yes" if watch.is_on else "no", f"{watch.threshold:g}"
    return [watch.id, watch.name, state, threshold, watch.collection, described(watch.asked)]


def _pause(settings: Settings, options: argparse.Namespace) -> int:
    return _changed(settings, options, is_on=False, line="paused")


def _resume(settings: Settings, options: argparse.Namespace) -> int:
    return _changed(settings, options, is_on=True, line="watching again:")


def _changed(settings: Settings, options: argparse.Namespace, *, is_on: bool, line: str) -> int:
    with closing(_store(settings)) as store:
        watch = store.change(replace(_named(store, options.name), is_on=is_on))
    if options.json:
        emit(shown(watch))
    else:
        say(f"{line} {watch.name}")
    return 0


def _remove(settings: Settings, options: argparse.Namespace) -> int:
    with closing(_store(settings)) as store:
        watch = _named(store, options.name)
        store.remove(watch.id)
    if options.json:
        emit({"id": watch.id, "name": watch.name, "state": "removed"})
    else:
        say(f"removed {watch.name}; its alerts stay")
    return 0


def _alerts(settings: Settings, options: argparse.Namespace) -> int:
    if not 1 <= options.limit <= 10_000:
        raise ConfigError(f"--limit must be 1 to 10000, got {options.limit}")
    with closing(open_watch_reader(settings)) as reader:
        only = None if options.watch is None else _named(reader, options.watch).id
        found = reader.alerts(watch=only, limit=options.limit)
    if options.json:
        for alert in found:
            emit(alert_json(alert) | delivery_json(alert))
    elif found:
        titles = ("at", "watch", "relevance", "from", "to", "camera or video", "sent")
        table([Column(title) for title in titles], map(_alert_row, found))
    else:
        say("there are no alerts")
    return 0


def _alert_row(alert: Alert) -> list[str]:
    return [
        alert.start_at or alert.created_at,
        alert.watch_name,
        f"{alert.relevance:.2f}",
        f"{alert.start:.1f}",
        f"{alert.end:.1f}",
        alert.stream or alert.video_id,
        alert.delivery if alert.delivery != "failed" else f"failed: {alert.reason}",
    ]


def _test(settings: Settings, options: argparse.Namespace) -> int:
    """Print what a watch would have done; nothing is stored."""
    with open_existing(settings) as service:
        watch, now = _watch(service, settings, options), time.time()
        searcher = service.searcher
        trial = tried(
            searcher.collections,
            searcher.texts,
            searcher.senses,
            watch,
            since=now - options.days * DAY_S,
            until=now + 1.0,
            wanted_a_day=options.alerts_per_day,
        )
        if options.pictures is not None:
            _write_pictures(service, trial, Path(options.pictures))
    proposed = trial.proposed
    if options.json:
        emit(
            {
                "days": trial.days,
                "videos": trial.videos,
                "alerts": trial.fired,
                "threshold": watch.threshold,
                "proposed_threshold": None if proposed is None else proposed.threshold,
                "proposed_alerts": None if proposed is None else proposed.alerts,
                "moments": [moment_json(alert) for alert in trial.alerts],
            }
        )
        return 0
    times = "once" if trial.fired == 1 else f"{trial.fired} times"
    say(
        f"would have fired {times} in {trial.days:.1f} days ({trial.videos} videos) at a threshold "
        f"of {watch.threshold:g}"
    )
    if trial.alerts:
        titles = ("at", "watch", "relevance", "from", "to", "camera or video", "sent")
        table([Column(title) for title in titles[:-1]], (_alert_row(a)[:-1] for a in trial.alerts))
    if proposed is not None:
        say(
            f"--threshold {proposed.threshold:g} would have fired {proposed.alerts} times, "
            f"{proposed.alerts / trial.days:.1f} a day"
        )
    return 0


def _write_pictures(service: Service, trial: Trial, folder: Path) -> None:
    """Write the picture of each time, numbered from the newest on."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, alert in enumerate(trial.alerts, 1):
            segments = service.catalog.segments(alert.collection, alert.video_id)
            best = next((s for s in segments if alert.best_time < s.span.end), segments[-1])
            picture = folder / f"{number:03}-{alert.relevance:.2f}.jpg"
            picture.write_bytes(service.thumbnails.read(best.thumbnail))
    except OSError as error:
        raise ConfigError(f"--pictures {folder}: {error.strerror}; name another folder") from error


def _run(settings: Settings, options: argparse.Namespace) -> int:
    """Judge and send until a signal comes, or with `--once` until nothing is new."""
    stop = threading.Event()
    with open_writer(settings, create=True) as service, closing(open_watches(settings)) as store:
        patrol = Patrol(settings, service.searcher, store)
        try:
            if options.once:
                patrol.once()
            else:
                patrol.start()
                with stopping_on_signal(stop):
                    while not stop.wait(POLL_S):
                        pass
        finally:
            patrol.close()
    if options.json:
        emit({"alerts": patrol.alerts})
    elif options.once:
        say(f"{patrol.alerts} alerts")
    return 0


_ACTIONS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "add": _add,
    "list": _list,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "alerts": _alerts,
    "test": _test,
    "run": _run,
}


def _store(settings: Settings) -> WatchStore:
    """Return the watches of a catalog that is there."""
    open_writer(settings).close()
    return open_watches(settings)


def _named(reader: WatchReader, name: str) -> Watch:
    """Return the watch of an id or a name; raise ConfigError unless there is one."""
    watches = reader.watches()
    found = [watch for watch in watches if watch.id == name]
    found = found or [watch for watch in watches if watch.name == name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"no watch {name!r}; `indexer watches list` prints the watches")
    ids = ", ".join(watch.id for watch in found)
    raise ConfigError(f"{len(found)} watches are called {name!r}; name the id of one: {ids}")


def _watch(service: Service, settings: Settings, options: argparse.Namespace) -> Watch:
    """Return the watch that the options describe, without a webhook."""
    parts: list[Part] = wanted_parts(options, service.catalog, settings.collection)
    within = WITHIN_S if options.within is None else options.within
    query = Query.of(
        parts,
        collection=settings.collection,
        then=[Step((Text(text),), within) for text in options.then],
    )
    if (wrong := query.problem()) is not None:
        raise wrong
    return Watch(
        id=secrets.token_hex(12),
        name=getattr(options, "name", "test"),
        collection=settings.collection,
        asked=said(query),
        threshold=THRESHOLD if options.threshold is None else options.threshold,
        cameras=None if not options.camera else tuple(options.camera),
        hours=_hours(options),
        cooldown_s=options.cooldown,
        keeps=getattr(options, "keep", False),
    )


def _hours(options: argparse.Namespace) -> Hours | None:
    """Return the hours that the options name; raise ConfigError."""
    if options.hours is None and options.days_of_week is None:
        return None
    start, end = 0, 24 * 60
    if options.hours is not None:
        found = _HOURS.fullmatch(options.hours)
        if found is None:
            raise ConfigError(f"--hours must be such as 22:00-06:00, got {options.hours!r}")
        start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    named = [day.strip() for day in (options.days_of_week or ",".join(DAYS)).split(",")]
    if unknown := [day for day in named if day not in DAYS]:
        raise ConfigError(f"--days-of-week must be some of {', '.join(DAYS)}, got {unknown[0]!r}")
    hours = Hours(tuple(d for d in DAYS if d in named), start, end, options.zone or "UTC")
    if (wrong := hours.problem()) is not None:
        raise ConfigError(f"--hours and --zone: {wrong}")
    return hours


def _from_stdin() -> str:
    url = sys.stdin.readline(MAX_URL_CHARACTERS + 2).strip()
    if not url:
        raise ConfigError("no URL on stdin; write it on one line, as in `<url.txt`")
    return url


def shown(watch: Watch) -> dict[str, object]:
    """Return what is said of a watch; its webhook may contain a secret, so it is not."""
    return {
        "id": watch.id,
        "name": watch.name,
        "collection": watch.collection,
        "described": described(watch.asked),
        "threshold": watch.threshold,
        "margin": watch.margin,
        "cameras": None if watch.cameras is None else list(watch.cameras),
        "cooldown_s": watch.cooldown_s,
        "keeps": watch.keeps,
        "webhook": watch.webhook is not None,
        "on": watch.is_on,
        "by": watch.by,
        "created_at": watch.created_at,
    }
