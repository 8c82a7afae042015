"""The cameras, watches, alerts and holds of the tenants in `tenants`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from clipseek.cameras import Camera
from clipseek.holds import Hold
from clipseek.live.sealing import new_key
from clipseek.watches import Alert, Findings, Watch

CAMERAS: dict[str, Any] = {"camera_key": new_key(), "camera_hosts": "127.0.0.1"}
CAMERA_URL = "http://127.0.0.1:9/none"
HOOK = "https://alarms.example/hook"
START, END = "2026-11-28T09:00:00.000Z", "2026-11-28T09:30:00.000Z"
PART: dict[str, Any] = {
    "upload": "an-upload",
    "part": {
        "name": "part-00001.zip",
        "bytes": 5,
        "sha256": "0" * 64,
        "videos": 1,
        "segments": 1,
        "missing": 0,
        "last": "sea",
    },
    "origin": {"model": "toy", "dim": 8, "fingerprint": "toy", "scoring": None},
}
"""A request that adds a part of an archive."""

WATCHED = ("cameras", "camera_store", "retaining", "watch_reader", "watches")
"""The parts of an application that read cameras, holds, watches and alerts."""


class WatchedLedger:
    """Notes the collections whose rows are listed; `*` for those of all."""

    def __init__(self, ledger: Any, note: Callable[..., None]) -> None:
        self._ledger, self._note = ledger, note
        self._made = 0

    def add(self, row: Any) -> Any:
        """Add a watch by an id that is the same in all worlds, because they are listed by it."""
        self._made += 1
        return self._ledger.add(replace(row, id=f"made-{self._made:06}"))

    def cameras(self, *, collections: Sequence[str] | None = None) -> Any:
        """Return cameras."""
        self._note(*(("*",) if collections is None else collections))
        return self._ledger.cameras(collections=collections)

    def watches(self, *, collections: Sequence[str] | None = None) -> Any:
        """Return watches."""
        self._note(*(("*",) if collections is None else collections))
        return self._ledger.watches(collections=collections)

    def alerts(self, *, collections: Sequence[str] | None = None, **named: Any) -> Any:
        """Return alerts."""
        self._note(*(("*",) if collections is None else collections))
        return self._ledger.alerts(collections=collections, **named)

    def holds(self, *, cameras: Sequence[str] | None = None) -> Any:
        """Return holds."""
        if cameras is None:
            self._note("*")
        return self._ledger.holds(cameras=cameras)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def watch_and_record(app: FastAPI, collection: str, *names: str) -> None:
    """Add cameras with holds, and two watches with alerts, to a collection."""
    state = app.state
    for name in names:
        state.camera_store.add(Camera(name, collection, CAMERA_URL, b"sealed"))
        state.retaining.hold(Hold(name, START, END, f"case {name}", "rival", f"{name}-hold"))
    asked = {"parts": [{"weight": 1.0, "text": "red"}]}
    alerts = []
    for number in (1, 2):
        watch = f"{collection}-watch-{number}"
        made = Watch(watch, f"red {number}", collection, asked, 0.5, webhook=HOOK, secret="s")
        state.watches.add(made)
        name = f"{collection}-alert-{number}"
        alerts.append(Alert(name, watch, made.name, collection, "sea", 2.0, 4.0, 2.5, 0.9))
    turn = state.watches.take("judge", collection, "e", 1e6)
    assert turn is not None
    assert state.watches.commit(turn, turn.version + 1, Findings(alerts), 1e6)
