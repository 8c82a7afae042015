"""What every store of published indexes promises: whole or not at all, the old one or the new."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import assembly
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.errors import ServiceUnavailable
from clipseek.index import ExactIndex
from clipseek.library.view import View
from clipseek.publishing import IndexStore, Manifest, build, has_biases_of, history, mismatch
from clipseek.stored import SegmentBlock
from clipseek.testing import MemoryCatalog
from tests.contracts import s3
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.stores import DURABLE, STORES, spoil

NAME = "default"


def filled(segments: int = 5, *, videos: str = "ab") -> MemoryCatalog:
    """Return a catalog of some videos of so many segments."""
    catalog = MemoryCatalog()
    catalog.ensure_collection(NAME, "demo", DIM, "print")
    for video_id in videos:
        a_video(video_id, count=segments).put_into(catalog)
    return catalog


@pytest.fixture(scope="module", autouse=True)
def bucket() -> Iterator[s3.Server]:
    """Serve the bucket of the store that needs one, to child processes too."""
    with s3.serving() as server, pytest.MonkeyPatch.context() as patch:
        s3.lead_to(server.endpoint, patch)
        server.empty()
        yield server


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> IndexStore:
    """Return an empty store of each kind."""
    return STORES[request.param](tmp_path)


def block_of(catalog: MemoryCatalog) -> SegmentBlock:
    """Return all segments of the catalog."""
    return next(iter(catalog.blocks(NAME)))


def test_there_may_be_none(store: IndexStore) -> None:
    """Where nothing is published nothing is found, and nothing is wrong."""
    assert store.pointer(NAME) is None
    assert store.manifest(NAME) is None
    assert store.open(NAME) is None
    assert store.damage(NAME) == []


def test_what_was_published_is_opened(store: IndexStore) -> None:
    """Rows, answers and manifest are those of the catalog that it was made from."""
    catalog = filled()
    manifest = build(catalog, store, NAME)
    found = store.open(NAME)
    assert found is not None
    assert (manifest.version, manifest.count, manifest.dim) == (2, 10, DIM)
    assert (found.manifest, found.name) == (manifest, store.pointer(NAME))
    assert store.manifest(NAME) == manifest
    assert store.damage(NAME) == []
    block = block_of(catalog)
    rows = found.table.rows(block.ids)
    assert found.ids.tolist() == block.ids.tolist()
    assert rows.video_ids.tolist() == block.video_ids.tolist()
    assert rows.spans.tolist() == block.spans.tolist()
    assert rows.best_times.tolist() == block.best_times.tolist()
    assert rows.biases.tolist() == block.biases.tolist()
    theirs = ExactIndex(block.ids, block.vectors)
    for allow in (None, block.ids[2:6]):
        near = found.index.search(block.vectors, 4, allow=allow)
        assert near.ids.tolist() == theirs.search(block.vectors, 4, allow=allow).ids.tolist()
        assert near.ids.tolist() == found.index.truth(block.vectors, 4, allow=allow).ids.tolist()
    assert len(found.index) == 10
    assert found.index.recall == 1.0


def test_an_empty_collection_is_published_too(store: IndexStore) -> None:
    """A collection without segments is opened like any other."""
    build(filled(videos=""), store, NAME)
    found = store.open(NAME)
    assert found is not None
    assert len(found.index) == 0
    assert found.index.search(np.eye(1, DIM, dtype=np.float32), 3).ids.shape == (1, 0)


def test_the_pointer_changes_when_there_is_news(store: IndexStore) -> None:
    """It stays while nothing is published, and never says again what it said before."""
    catalog = filled()
    said = []
    for kind in ("exact", "auto", "exact"):
        build(catalog, store, NAME, kind=kind)
        said.append(store.pointer(NAME))
        build(catalog, store, NAME, kind=kind)
        assert store.pointer(NAME) == said[-1]
    assert None not in said
    assert said[0] != said[1] != said[2]


def test_what_is_removed_is_gone_and_can_be_published_again(store: IndexStore) -> None:
    """What was opened before stays readable, and a second removal changes nothing."""
    catalog = filled()
    build(catalog, store, NAME)
    found = store.open(NAME)
    assert found is not None
    query = block_of(catalog).vectors[:1]
    before = found.index.search(query, 3).ids.tolist()
    for _ in range(2):
        store.remove(NAME)
        assert store.pointer(NAME) is None
        assert store.open(NAME) is None
        assert store.manifest(NAME) is None
    assert found.index.search(query, 3).ids.tolist() == before
    build(catalog, store, NAME)
    assert store.manifest(NAME) is not None


def test_what_was_before_is_forgotten(store: IndexStore) -> None:
    """What is published now stays, and so does what is open; without any, nothing fails."""
    store.forget(NAME)
    assert store.pointer(NAME) is None
    catalog = filled()
    build(catalog, store, NAME)
    found = store.open(NAME)
    assert found is not None
    query = block_of(catalog).vectors[:1]
    before = found.index.search(query, 3).ids.tolist()
    a_video("another").put_into(catalog, NAME)
    build(catalog, store, NAME)
    pointer = store.pointer(NAME)
    for _ in range(2):
        store.forget(NAME)
    assert store.pointer(NAME) == pointer
    assert found.index.search(query, 3).ids.tolist() == before
    again = store.open(NAME)
    assert again is not None
    assert again.manifest.version == catalog.collection(NAME).version


def test_what_is_open_outlives_what_replaces_it(store: IndexStore) -> None:
    """A reader goes on with the version that it opened, however often there is a new one."""
    catalog = filled()
    build(catalog, store, NAME)
    found = store.open(NAME)
    assert found is not None
    query = block_of(catalog).vectors[:1]
    before = found.index.search(query, 3).ids.tolist()
    for video_id in "cde":
        a_video(video_id).put_into(catalog)
        build(catalog, store, NAME)
    assert found.index.search(query, 3).ids.tolist() == before
    assert found.manifest.version == 2
    assert store.manifest(NAME) == replace(build(catalog, store, NAME), version=5)


def test_a_builder_that_fails_changes_nothing(store: IndexStore) -> None:
    """Whatever happens while it is built, what was published still is, and can be replaced."""
    catalog = filled(videos="a")
    before = build(catalog, store, NAME)
    a_video("b").put_into(catalog)

    def failing() -> NDArray[np.float32]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(catalog, store, NAME, queries=failing)
    assert store.manifest(NAME) == before
    assert build(catalog, store, NAME).version == 2


def test_an_index_of_another_past_is_replaced(store: IndexStore) -> None:
    """An older database that was restored publishes its own, though its version is lower."""
    build(filled(videos="abc"), store, NAME)
    restored = filled(videos="a")
    manifest = build(restored, store, NAME)
    assert manifest.version == 1
    assert manifest.history == history(restored, NAME, 1)
    assert mismatch(manifest, restored, restored.collection(NAME)) == ""
    assert has_biases_of(manifest, restored.collection(NAME))
    assert mismatch(manifest, filled(videos="b"), restored.collection(NAME)) != ""


def test_keys_are_apart(store: IndexStore) -> None:
    """Each collection has an index of its own."""
    build(filled(), store, NAME)
    assert store.pointer("other") is None
    assert store.open("other") is None


@pytest.mark.parametrize("key", ["", ".", "..", "../other", "a/b", ".hidden", "a\0b"])
def test_a_key_that_leads_elsewhere_is_refused(store: IndexStore, key: str) -> None:
    """No key reaches outside the store."""
    for ask in (store.pointer, store.manifest, store.open, store.remove):
        with pytest.raises(ValueError, match="plain name"):
            ask(key)


class Counted(MemoryCatalog):
    """A catalog that notes whose segments are read; see `counted`."""

    reads: list[str]

    def blocks(self, collection: str, **kwargs: object) -> Iterator[SegmentBlock]:
        """Note it, and read them."""
        self.reads.append(collection)
        return super().blocks(collection, **kwargs)  # type: ignore[arg-type]

    @contextmanager
    def consistent(self, collection: str) -> Iterator[MemoryCatalog]:
        """Open a view of one moment that notes it too."""
        with super().consistent(collection) as now:
            now.__class__ = Counted
            vars(now)["reads"] = self.reads
            yield now


def counted(catalog: MemoryCatalog) -> Counted:
    """Let a catalog note whose segments are read."""
    catalog.__class__ = Counted
    vars(catalog)["reads"] = []
    assert isinstance(catalog, Counted)
    return catalog


def test_builders_that_start_together_build_once(store: IndexStore) -> None:
    """One works, and the others return what it published."""
    catalog = counted(filled())
    start = threading.Barrier(4)

    def work(_number: int) -> Manifest:
        start.wait()
        return build(catalog, store, NAME)

    with ThreadPoolExecutor(4) as pool:
        manifests = list(pool.map(work, range(4)))
    assert manifests == [manifests[0]] * 4
    assert catalog.reads == [NAME]


def test_readers_see_the_old_or_the_new(store: IndexStore) -> None:
    """A reader beside a builder opens a whole index, and never an older one again."""
    catalog = filled(videos="a")
    build(catalog, store, NAME)
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        last = 0
        while not done.is_set():
            found = store.open(NAME)
            assert found is not None
            assert len(found.index) == 3 * found.manifest.version + 2
            assert found.manifest.version >= last
            last = found.manifest.version
            seen.append(last)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(15):
                a_video(f"video{number}").put_into(catalog)
                build(catalog, store, NAME)
        finally:
            done.set()
    assert [reader.result() for reader in readers] == [None, None]
    assert len(seen) > 2


@pytest.mark.parametrize("name", DURABLE)
def test_another_process_opens_it(tmp_path: Path, name: str) -> None:
    """What one store published, another one over the same place opens."""
    manifest = build(filled(), STORES[name](tmp_path), NAME)
    found = STORES[name](tmp_path).open(NAME)
    assert found is not None
    assert found.manifest == manifest


@pytest.mark.parametrize(
    "name", [pytest.param("bucket", marks=pytest.mark.long), "folder", "sqlite"]
)
@pytest.mark.parametrize("limit", [1000, 27_000])
def test_a_killed_builder_leaves_the_old_one(tmp_path: Path, name: str, limit: int) -> None:
    """A process that dies while it writes changes nothing that readers see."""
    store = STORES[name](tmp_path)
    before = build(filled(videos="a"), store, NAME)
    command = [sys.executable, "-m", "tests.contracts.kill_build", name, str(tmp_path), str(limit)]
    died = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == -signal.SIGXFSZ
    assert store.manifest(NAME) == before
    assert store.damage(NAME) == []
    assert build(filled(400), store, NAME).count == 800
    found = store.open(NAME)
    assert found is not None
    assert len(found.index) == 800


@pytest.mark.parametrize("name", DURABLE)
def test_damage_is_told_and_healed(tmp_path: Path, name: str) -> None:
    """What is damaged is not opened, one sentence says so, and the next build replaces it."""
    store, catalog = STORES[name](tmp_path), filled(400)
    build(catalog, store, NAME)
    spoil(name, tmp_path)
    with pytest.raises(ServiceUnavailable, match="run `indexer build`"):
        store.open(NAME)
    assert len(store.damage(NAME)) == 1
    build(catalog, store, NAME)
    assert store.damage(NAME) == []


def test_a_view_follows_any_store(store: IndexStore) -> None:
    """It opens what is published, searches the delta beside it, and opens the next one."""
    catalog = filled()
    build(catalog, store, NAME)
    view = View.open(catalog, store, NAME)
    a_video("c").put_into(catalog)
    beside = view.refresh(catalog, store)
    assert (beside.snapshot_version, beside.version, beside.delta_size) == (2, 3, 3)
    build(catalog, store, NAME)
    news = beside.refresh(catalog, store)
    assert (news.snapshot_version, news.delta_size, len(news)) == (3, 0, 13)
    query = block_of(catalog).vectors[:2]
    assert news.search(query, 6).ids.tolist() == beside.search(query, 6).ids.tolist()


def test_the_example_needs_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another store in `open_indexes` all else builds, opens, searches and verifies by it."""
    monkeypatch.setattr(
        assembly, "open_indexes", lambda settings, **_: STORES["sqlite"](settings.data_dir)
    )
    settings = Settings.load(data_dir=tmp_path)
    service = assembly.open_writer(settings, create=True)
    weights = models.resolve("demo", tmp_path).fingerprint
    service.catalog.ensure_collection(NAME, "demo", DIM, weights)
    a_video("a").put_into(service.catalog)
    manifest = assembly.build_snapshot(service, NAME)
    service.close()
    reader = assembly.open_service(settings)
    view = reader.collections.latest(NAME).view
    assert view.snapshot_version == manifest.version == 1
    assert reader.indexes.damage(NAME) == []
    reader.close()
    assert not settings.snapshot_root.exists()
