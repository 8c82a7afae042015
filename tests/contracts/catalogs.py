"""Catalogs of every kind, and videos to put into them."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.catalog import SqlCatalog
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCatalog
from clipseek.timed import TimedText
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Scoring, Video

DIM = 8
CODED = 2 / 127
"""By how much a component of a unit row may change when it is stored: by one code at most."""


@dataclass(frozen=True)
class Given:
    """What `CatalogWriter.put` is given, made up from a seed."""

    video: Video
    picture: FieldSegments
    frames: FrameVectors | None
    texts: tuple[TimedText, ...] = ()

    def put_into(
        self,
        catalog: CatalogWriter,
        collection: str = "default",
        scoring: Scoring | None = None,
        *,
        by: str = "",
    ) -> int:
        """Put the video, as the run `by` if it is named, and return the version."""
        put = Put(self.video, {PICTURE: self.picture}, frames=self.frames, scoring=scoring)
        put = replace(put, texts=self.texts)
        return catalog.put(collection, put, by=by)


RECORDED = "2024-05-01T12:00:00Z"


def a_video(
    video_id: str = "a",
    *,
    uri: str | None = None,
    count: int = 3,
    seed: int = 0,
    tags: tuple[str, ...] = (),
) -> Given:
    """Return a video of `count` segments of two seconds, with a frame at every second."""
    rng = np.random.default_rng([seed, *video_id.encode()])
    starts = np.arange(0.0, 2.0 * count, 2.0)
    uri = f"/videos/{video_id}.mp4" if uri is None else uri
    video = Video(
        id=video_id,
        uri=uri,
        title=f"video {video_id}",
        duration=2.0 * count,
        width=640,
        height=360,
        size_bytes=2**40 + seed,
        frame_rate="30000/1001",
        coding="mov h264 yuv420p aac",
        recorded_at=RECORDED,
        stream="yard",
        stamp=f"{seed}-stamp",
        state="incomplete",
        reason="the file ends early",
        tags=tags,
    )
    picture = FieldSegments(
        spans=np.stack([starts, starts + 2.0], axis=1),
        vectors=unit_rows(rng, count),
        best_times=starts + rng.integers(2, size=count),
        biases=rng.normal(size=count).astype(np.float32),
        thumbnails=tuple(f"{video_id}/{seed}-{i}.jpg" for i in range(count)),
        shots=np.arange(count) % 2 == 0,
    )
    frames = FrameVectors(np.arange(2.0 * count), unit_rows(rng, 2 * count))
    return Given(video, picture, frames)


def unit_rows(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return float32 (count, DIM) random unit rows."""
    rows = rng.normal(size=(count, DIM))
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")
    return unit


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty catalog in each kind of database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return sqlite_url(tmp_path)


@cache
def _empty_catalog() -> bytes:
    """Return the file of an empty catalog, which is made once: that takes a tenth of a second."""
    with TemporaryDirectory(prefix="clipseek-catalog-") as folder:
        path = Path(folder) / "catalog.db"
        SqlCatalog.open(f"sqlite:///{path}").close()
        return path.read_bytes()


def sqlite_url(folder: Path) -> str:
    """Return the URL of the catalog of a folder; if there is none, make an empty one."""
    path = folder / "catalog.db"
    if not path.exists():
        path.write_bytes(_empty_catalog())
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("UPDATE identity SET id = ?", [secrets.token_hex(16)])
    return f"sqlite:///{path}"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """Return the URL of an empty catalog in each kind of database, or None for a fake."""
    if request.param == "memory":
        return None
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return sqlite_url(tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without a catalog, of each kind."""
    if request.param == "postgres":
        return str(request.getfixturevalue("bare_postgres_url"))
    return f"sqlite:///{tmp_path / 'bare.db'}"


@pytest.fixture
def sql_catalog(catalog_url: str) -> Iterator[SqlCatalog]:
    """Return an opened SqlCatalog with the collection "default"."""
    catalog = SqlCatalog.open(catalog_url)
    catalog.ensure_collection("default", "toy", DIM, "f1")
    yield catalog
    catalog.close()


@pytest.fixture
def sqlite_catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    """Return an empty catalog in a file."""
    catalog = SqlCatalog.open(sqlite_url(tmp_path))
    yield catalog
    catalog.close()


@pytest.fixture
def memory_catalog() -> MemoryCatalog:
    """Return an empty catalog in memory."""
    return MemoryCatalog()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def catalog(request: pytest.FixtureRequest) -> CatalogWriter:
    """Return a catalog of each kind with the collection "default"."""
    made: CatalogWriter = request.getfixturevalue(f"{request.param}_catalog")
    made.ensure_collection("default", "toy", DIM, "f1")
    return made
