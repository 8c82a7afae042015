"""Worlds for several tenants: equal for the keys of one of them, and different for all others."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.audit import Entry, Work
from clipseek.jobs import Job
from clipseek.keys import SCOPES, Scope
from clipseek.testing import DictCache, MemoryCatalog, ToyEmbedder
from clipseek.types import Segment
from clipseek.uploads import Uploads
from tests.api.library import MP4, Library, toy_model
from tests.api.live_tenants import CAMERAS, WATCHED, WatchedLedger, watch_and_record
from tests.api.review_tenants import QuietCurating, tag
from tests.contracts.catalogs import sqlite_url
from tests.searching import searcher_over

SCOPES_OF_KEYS: tuple[tuple[Scope, ...], ...] = (SCOPES, ("search",), ("write",), ("admin",))
COLLECTIONS_OF_KEYS = (
    frozenset({"mine"}),
    frozenset({"ours"}),
    frozenset({"mine", "gone"}),
    frozenset({"gone"}),
)
"""`ours` is an alias of `mine`; `gone` does not exist in any world."""
KEYS = tuple((scopes, names) for scopes in SCOPES_OF_KEYS for names in COLLECTIONS_OF_KEYS)

ALLOWED = frozenset({"mine", "ours", "gone"})
BACKGROUND = frozenset(
    {"refresh", "keys", "jobs", "audit", "prepare", "recall", "watch-counts", "MainThread"}
)
"""Threads that look at all collections for nobody; the main one prepares the worlds."""

CHUNK: dict[str, Any] = {"stream": "yard", "recorded_at": "2026-11-28T09:00:00Z"}
"""Of a camera of others that has a name which is also known here."""

REFRESH_S = 30.0
INDEXED_AT = "2026-11-28T10:00:00Z"
_HEADERS = frozenset({"date", "upload-expires", "x-request-id"})
_CLOCKS = (
    (re.compile(r'"(took_ms|age_seconds)":[0-9.]+'), r'"\1":0'),
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"whsec_[A-Za-z0-9+/=]+"), "SECRET"),
    (re.compile(r'"id":"[A-Za-z0-9_-]{12}"'), '"id":"HOLD"'),
)
_MADE = re.compile(r"/v1/(job|upload)s/([A-Za-z0-9_-]{16,})\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; ids that differ between worlds are written as `<name>`."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One answer, without what differs between worlds for a reason: ids and clocks."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


class Watched(MemoryCatalog):
    """Notes the names of the collections that requests look at."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def note(self, *names: str) -> None:
        """Note names, unless a thread looks at them that looks at all."""
        if threading.current_thread().name not in BACKGROUND:
            self.seen.update(names)

    def _found(self, name: str) -> Any:
        self.note(name, self._aliases.get(name, name))
        return super()._found(name)

    def collections(self) -> Any:
        """Return all collections."""
        self.note(*self._shelves)
        return super().collections()

    def aliases(self, *given: Any, **named: Any) -> dict[str, str]:
        """Return aliases."""
        found = super().aliases(*given, **named)
        self.note(*found, *found.values())
        return found

    def segment(self, *given: Any, **named: Any) -> tuple[str, Segment]:
        """Return a segment and the name of its collection."""
        name, segment = super().segment(*given, **named)
        self.note(name)
        return name, segment


class WatchedJobs:
    """Notes the collections whose jobs are listed; `*` for those of all."""

    def __init__(self, jobs: Any, catalog: Watched) -> None:
        self._jobs, self._catalog = jobs, catalog

    def jobs(self, *, collections: Sequence[str] | None = None, **named: Any) -> list[Job]:
        """Return jobs."""
        self._catalog.note(*(("*",) if collections is None else collections))
        found: list[Job] = self._jobs.jobs(collections=collections, **named)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)


class WatchedHistory:
    """Notes the collections whose history is read; `*` for that of all."""

    def __init__(self, history: Any, catalog: Watched) -> None:
        self._history, self._catalog = history, catalog

    def history(self, *, collections: Sequence[str] | None = None, **named: Any) -> Any:
        """Return entries of the history."""
        self._catalog.note(*(("*",) if collections is None else collections))
        return self._history.history(collections=collections, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._history, name)


@dataclass(slots=True)
class World:
    """A server, what its catalog was asked for, and the ids that have other names elsewhere."""

    folder: Path
    catalog: Watched
    client: TestClient
    keys: list[dict[str, str]]
    cache: DictCache
    ids: dict[str, str]
    theirs: dict[str, str]

    def ask(self, asked: Asked, headers: dict[str, str]) -> Told:
        """Send a request with the headers of a key."""
        self.catalog.seen.clear()
        self.client.cookies.clear()
        conditions = {name: self._here(value) for name, value in asked.headers.items()}
        answer = self.client.request(
            asked.method,
            self._here(asked.path),
            params={name: self._here(value) for name, value in asked.params.items()},
            # Compressed, texts that differ in ids and clocks alone differ in their lengths too.
            headers={"X-Request-ID": "asked", "Accept-Encoding": "identity"}
            | {**conditions, **headers},
            json=None if asked.body is None else json.loads(self._here(json.dumps(asked.body))),
            content=asked.content,
        )
        made = _MADE.search(answer.headers.get("Location", ""))
        if made is not None and made[2] not in self.ids.values():
            self.ids[f"<{made[1]} {len(self.ids)}>"] = made[2]
        is_timed = "took_ms" in answer.text or "age_seconds" in answer.text
        left_out = {*_HEADERS, "content-length"} if is_timed else _HEADERS
        kept = [
            (name, self._anywhere(value))
            for name, value in sorted(answer.headers.items())
            if name not in left_out
        ]
        return Told(answer.status_code, tuple(kept), self._anywhere(answer.text))

    def _here(self, text: str) -> str:
        for name, value in self.ids.items():
            text = text.replace(name, value)
        return text

    def _anywhere(self, text: str) -> str:
        for name, value in self.ids.items():
            text = text.replace(value, name)
        for pattern, written in _CLOCKS:
            text = pattern.sub(written, text)
        return text


@contextmanager
def worlds(folder: Path) -> Iterator[list[World]]:
    """Open three worlds: without other tenants, with some, and with others."""
    media = folder / "media"
    (media / "theirs").mkdir(parents=True)
    with ExitStack() as stack:
        # Tags of answers contain when a video was indexed.
        clock = stack.enter_context(pytest.MonkeyPatch.context())
        clock.setattr("clipseek.testing.catalog.now", lambda: INDEXED_AT)
        clock.setattr("api.alert_streams.LONGEST_S", 0.0)  # what they send is tested elsewhere
        opened = []
        for name, add in (("alone", _nothing), ("beside", _beside), ("other", _other)):
            (folder / name).mkdir()
            opened.append(stack.enter_context(_world(folder / name, media, add)))
        for name in ("beside", "other"):
            (theirs,) = (world.theirs for world in opened if world.folder.name == name)
            for world in opened:
                world.ids |= {f"<{name} {what[1:]}": value for what, value in theirs.items()}
        yield opened


@contextmanager
def _world(folder: Path, media: Path, others: Any) -> Iterator[World]:
    catalog, cache = Watched(), DictCache()
    sqlite_url(folder)  # of the jobs
    library = Library(folder, catalog, media=media)
    _mine(library)
    keys = [
        library.key(f"key {number}", *scopes, collections=names)
        for number, (scopes, names) in enumerate(KEYS)
    ]
    operator = library.key("operator", *SCOPES)
    # A view that is late on a busy machine has no suggestions, and then worlds would differ.
    searcher = searcher_over(catalog, folder / "snapshots", toy_model, refresh_s=REFRESH_S)
    service = library.service(access="keys", cache=cache, refresh_s=REFRESH_S, **CAMERAS)
    app = create_app(replace(service, searcher=searcher))
    app.state.curating.close()
    app.state.curating = QuietCurating(catalog)
    tag(app, "mine")
    ids = _work(app, "mine", "key 0")
    watch_and_record(app, "mine", "yard", "hall")
    ids |= {f"<key {n}>": key["Authorization"].partition(" ")[2] for n, key in enumerate(keys)}
    theirs = others(library, app)
    for name in WATCHED:
        setattr(app.state, name, WatchedLedger(getattr(app.state, name), catalog.note))
    app.state.history = WatchedHistory(app.state.history, catalog)
    app.state.jobs = WatchedJobs(app.state.jobs, catalog)
    app.state.queue = WatchedJobs(app.state.queue, catalog)
    with TestClient(app, raise_server_exceptions=False) as client:
        world = World(folder, catalog, client, keys, cache, ids, theirs)
        assert client.get("/readyz").status_code == 200
        for name in ("default", "theirs", "mine"):
            # Answers and suggestions of others are in memory and in the cache.
            asked = {"query": "black", "collection": name}
            answer = client.post("/v1/search", json=asked, headers=operator)
            if theirs and "ETag" in answer.headers:
                theirs[f"<{name} tag>"] = answer.headers["ETag"]
        client.get("/v1/collections", headers=operator)
        yield world


def _mine(library: Library) -> None:
    library.add("traffic.mp4", ["red", "green", "blue"], collection="mine", tags=("city",))
    library.add("sea.mp4", ["blue", "green"], collection="mine", frames=True, frame_rate="25")
    library.add("dusk.mp4", ["red"], collection="mine", tags=("city", "night"), frame_rate="25")
    library.catalog.set_alias("ours", "mine")


def _nothing(_library: Library, _app: FastAPI) -> dict[str, str]:
    """Add nobody."""
    return {}


def _beside(library: Library, app: FastAPI) -> dict[str, str]:
    """Add tenants with the same names of videos, and a default collection."""
    content = MP4[:-1]
    for name in ("theirs", "default"):
        for video in ("traffic", "secret"):
            path, tags = f"theirs/{video}.mp4", ("city", "classified")
            library.add(path, ["black"], collection=name, tags=tags, content=content, frames=True)
    library.catalog.set_alias("nights", "theirs")
    library.catalog.ensure_collection("theirs.next", "toy", ToyEmbedder.dim, "other weights")
    library.add("theirs/chunk.mp4", ["black"], collection="theirs", **CHUNK)
    tag(app, "theirs")
    tag(app, "default")
    watch_and_record(app, "theirs", "door", "shed")
    watch_and_record(app, "default", "gate")
    _work(app, "nights", "rival")
    return _work(app, "theirs", "rival")


def _other(library: Library, app: FastAPI) -> dict[str, str]:
    """Add tenants with other names, another model and nothing indexed."""
    library.catalog.ensure_collection("theirs", "another", 5, "other weights")
    library.catalog.ensure_collection("min", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    for number in range(30):
        library.catalog.ensure_collection(f"mine{number}", "toy", 4, ToyEmbedder.fingerprint)
        library.catalog.set_alias(f"nights{number}", "theirs")
    library.add("theirs/night.mp4", ["black", "white"], collection="min")
    tag(app, "min")
    watch_and_record(app, "min", "door")
    return _work(app, "min", "rival")


def _work(app: FastAPI, collection: str, by: str) -> dict[str, str]:
    """Add jobs and uploads of a collection; return their ids."""
    work = Work(collection, "ingest", seconds=2.0, indexed=1, reason=f"{collection}.mp4: no video")
    app.state.audit.add([Entry(INDEXED_AT, by, "job ingest", "", "done", work=work)])
    add, uploads = app.state.queue.add, app.state.receiving.uploads
    assert isinstance(uploads, Uploads)
    waiting = add("remove", collection, {"video": "sea"}, by=by, request_id="1")
    ended = add("edit", collection, {"video": "sea", "title": "a"}, by=by, request_id="2")
    app.state.queue.cancel(ended.id)
    begun = uploads.create(by, collection, 5, {"filename": "a.mp4"})
    whole = uploads.create(by, collection, 5, {"filename": "b.mp4"})
    appending = uploads.append(whole.id, by, 0)
    appending.write(b"12345")
    appending.sync()
    appending.close()
    return {
        "<waiting>": waiting.id,
        "<ended>": ended.id,
        "<begun>": begun.id,
        "<whole>": whole.id,
    }
