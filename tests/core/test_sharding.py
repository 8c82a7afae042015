"""A divided index answers as one over all vectors does, and says which shard nobody searches."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import publishing
from clipseek.config import Settings
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.index import FaissIndex, ShardedIndex, ShardsMissing, wire
from clipseek.index.wire import Question
from clipseek.indexes import open_indexes, open_serving
from clipseek.library.view import View
from clipseek.publishing import FolderStore, Serving
from clipseek.query import Filters
from clipseek.sharding import shard_of, shards_of
from tests.contracts.catalogs import DIM, a_video, unit_rows
from tests.core.test_view import FILTERS, NAME, QUERIES, assert_agrees, filled

SECRET = "0123456789abcdef"


def test_a_video_stays_in_its_shard() -> None:
    """Another release finds it there, so the numbers are pinned; each shard gets its share."""
    assert [shard_of(name, 4) for name in ("a", "b", "c", "d")] == [4, 2, 4, 1]
    names = [f"{number:032x}" for number in range(4000)]
    numbers = shards_of(names, 4)
    assert numbers.tolist() == [shard_of(name, 4) for name in names]
    assert np.bincount(numbers, minlength=5)[1:].min() > 900


@pytest.mark.parametrize("shards", [2, 5])
@pytest.mark.parametrize("only", [None, *FILTERS])
def test_a_view_of_shards_agrees_with_the_catalog(
    tmp_path: Path, shards: int, only: Filters | None
) -> None:
    """With every filter, with what changed since, and when a video of a shard was removed."""
    catalog = filled("abcdefg")
    store = FolderStore(tmp_path, shards=shards)
    manifest = publishing.build(catalog, store, NAME, spool=tmp_path)
    assert [piece.count for piece in manifest.shards] == [
        3 * sum(shard_of(name, shards) == number for name in "abcdefg")
        for number in range(1, shards + 1)
    ]
    view = View.open(catalog, store, NAME)
    assert_agrees(view, catalog, only)
    a_video("b", count=2).put_into(catalog)
    catalog.remove(NAME, "c")
    a_video("x", count=4).put_into(catalog)
    view = view.refresh(catalog, store)
    assert view.snapshot_version == manifest.version
    assert_agrees(view, catalog, only)


def test_each_shard_is_a_file_and_one_replica_maps_its_own(tmp_path: Path) -> None:
    """What another one searches is not even opened: here the file is gone."""
    catalog = filled("abcdefg")
    store = FolderStore(tmp_path, shards=2)
    manifest = publishing.build(catalog, store, NAME, spool=tmp_path)
    folder = tmp_path / NAME / "snapshot-7"
    assert {path.name for path in folder.iterdir()} == {
        *("manifest.json", "segments.npz", "shard-1-of-2.faiss", "shard-2-of-2.faiss")
    }
    assert manifest.bytes_per_vector == round(
        sum(manifest.files[name].bytes for name in manifest.indexes) / manifest.count
    )
    (folder / "shard-1-of-2.faiss").unlink()
    with pytest.raises(ServiceUnavailable, match=r"shard-1-of-2\.faiss cannot be read"):
        store.open(NAME)
    with pytest.raises(ConfigError, match="nobody searches shard 1 of them"):
        FolderStore(tmp_path, serving=Serving(frozenset({2}))).open(NAME)
    assert "shard-1-of-2.faiss" in store.damage(NAME)[0]


def test_another_number_of_shards_is_built_anew(tmp_path: Path) -> None:
    """Of the same version; a replica reads both, whatever it would build itself."""
    catalog = filled()
    for shards in (1, 4, 2, 1):
        manifest = publishing.build(
            catalog, FolderStore(tmp_path, shards=shards), NAME, spool=tmp_path
        )
        assert len(manifest.indexes) == shards
        assert manifest.version == 3
        assert_agrees(View.open(catalog, FolderStore(tmp_path), NAME), catalog)


def test_the_vectors_of_one_shard_are_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them wait in a file that is gone afterwards."""
    sizes: list[int] = []
    build = FaissIndex.build

    def noting(vectors: NDArray[np.float32], *rest: object, **named: object) -> FaissIndex:
        assert not isinstance(vectors, np.memmap)
        sizes.append(len(vectors))
        return build(vectors, *rest, **named)  # type: ignore[arg-type]  # as they were given

    monkeypatch.setattr(FaissIndex, "build", noting)
    spool = tmp_path / "spool"
    publishing.build(filled("abcdefg"), FolderStore(tmp_path, shards=3), NAME, spool=spool)
    assert sorted(sizes) == [3, 6, 12]
    assert list(spool.iterdir()) == []


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 40),
    rows=st.none() | st.integers(0, 40),
    k=st.integers(1, 9),
)
def test_a_question_is_read_as_it_was_written(
    seed: int, count: int, rows: int | None, k: int
) -> None:
    """Few allowed rows as numbers, many as bits."""
    chance = np.random.default_rng(seed)
    some = None if rows is None else np.flatnonzero(chance.random(count) < rows / 40)
    asked = Question("search", "key", 3, "d" * 64, count, k, unit_rows(chance, 2), some)
    read = Question.read(asked.written())
    assert replace(read, queries=None, rows=None) == replace(asked, queries=None, rows=None)
    assert read.queries is not None
    assert asked.queries is not None
    assert read.queries.tolist() == asked.queries.tolist()
    assert (read.rows is None) == (some is None)
    if read.rows is not None and some is not None:
        assert read.rows.tolist() == some.tolist()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xff\xff\x7f{}", id="length"),
        pytest.param(b"\x02\x00\x00\x00[]", id="list"),
        pytest.param(wire.written({"asked": "drop"}, {}), id="kind"),
        pytest.param(Question("search", "key", 1, "", 5).written(), id="no-queries"),
        pytest.param(Question("vectors", "key", 1, "", 5).written(), id="no-rows"),
        pytest.param(Question("holds", "key", 1, "", 5).written() + b"x", id="longer"),
        pytest.param(wire.written({}, {"a": np.zeros(2, np.complex128)}), id="numbers"),
    ],
)
def test_what_is_not_a_question_is_refused(body: bytes) -> None:
    """With one error, whatever is wrong."""
    with pytest.raises(wire.Unreadable):
        Question.read(body)


def test_a_seal_is_of_the_secret_and_of_every_byte() -> None:
    """Another secret, another byte or another border between the parts is another seal."""
    sealed = wire.seal(b"secret", [b"ab", b"c"])
    assert wire.is_sealed(b"secret", [b"ab", b"c"], sealed)
    for secret, parts in (
        (b"other", [b"ab", b"c"]),
        (b"secret", [b"a", b"bc"]),
        (b"secret", [b"ab"]),
    ):
        assert not wire.is_sealed(secret, parts, sealed)
    assert not wire.is_sealed(b"secret", [b"ab", b"c"], "é")


def test_all_shards_that_fail_are_named() -> None:
    """In one error, so that an answer can leave out all of them."""

    class Gone(FaissIndex):
        def search(self, *_: object, **__: object) -> "None":  # type: ignore[override]  # it fails
            raise ShardsMissing({int(self.ids[0])}, "it is gone")

        def holds(self, digest: str) -> bool:
            return digest == "old"

    def made(number: int) -> FaissIndex:
        return Gone.build(unit_rows(np.random.default_rng(number), 1), np.array([number]))

    with ThreadPoolExecutor(2) as threads:
        away = {2: made(2), 3: made(3)}
        one = FaissIndex.build(QUERIES[:1], np.array([1]))
        index = ShardedIndex(DIM, {1: one}, away, threads)  # type: ignore[arg-type]  # has `holds`
        with pytest.raises(ShardsMissing, match=r"shard 2, 3 of the index.*it is gone") as caught:
            index.search(QUERIES, 2)
        assert caught.value.shards == {2, 3}
        rest = index.without({2, 3})
        assert rest.search(QUERIES, 2).ids.tolist() == [[1]] * len(QUERIES)
        assert (len(index), len(rest)) == (3, 1)
        assert not index.waits_for({1: "new", 2: "old", 3: "old"})
        assert index.waits_for({2: "old", 3: "new"})


def test_a_view_lacks_the_videos_of_a_shard(tmp_path: Path) -> None:
    """It finds no more and no less than the others, and says what it lacks."""
    catalog = filled("abcdefg")
    store = FolderStore(tmp_path, shards=2)
    publishing.build(catalog, store, NAME, spool=tmp_path)
    whole = View.open(catalog, store, NAME)
    less = whole.lacking({2})
    assert (sorted(whole.lacks), sorted(less.lacks)) == ([], [2])
    rest = {name for name in "abcdefg" if shard_of(name, 2) == 1}
    near = less.search(QUERIES, 1000)
    assert set(less.rows(near.ids.ravel()).video_ids) == rest
    assert near.ids.shape[1] == 3 * len(rest) == len(less)
    for only in FILTERS:
        expected = [
            [i for i in row if less.rows(np.array([i])).video_ids[0] in rest]
            for row in whole.search(QUERIES, 1000, only=only).ids.tolist()
        ]
        assert less.search(QUERIES, 1000, only=only).ids.tolist() == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"shards": 0}, "greater than or equal to 1", id="none"),
        pytest.param({"shard": "1;3"}, "such as 1,3, got '1;3'", id="numbers"),
        pytest.param({"shard_peers": "2=api-2:8000"}, "got '2=api-2:8000'", id="url"),
        pytest.param({"shard_peers": "2=http://a 2,3=http://b"}, "shard 2 must have one", id="two"),
        pytest.param({"shard_secret": "short"}, "at least 16", id="secret"),
        pytest.param({"shard_missing": "half"}, "'refuse' or 'answer'", id="missing"),
    ],
)
def test_a_wrong_setting_is_one_sentence(given: dict[str, str], expected: str) -> None:
    """It names the setting and what is expected."""
    (name,) = given
    with pytest.raises(ConfigError, match=f"CLIPSEEK_{name.upper()}: ") as caught:
        Settings.load(**given)
    assert expected in str(caught.value)


def test_the_password_of_a_peer_is_not_repeated() -> None:
    """What is before the @ may be one."""
    with pytest.raises(ConfigError, match="CLIPSEEK_SHARD_PEERS") as caught:
        Settings.load(shard_peers="2=http://me:hush@a:8000")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"shard": "1", "shard_peers": "2=http://a"}, "SHARD_SECRET", id="no-secret"),
        pytest.param({"shard_peers": "2=http://a", "shard_secret": SECRET}, "shard 2", id="all"),
        pytest.param(
            {"shard": "1,2", "shard_peers": "2,3=http://a", "shard_secret": SECRET},
            "shard 2 would be searched here and at a peer",
            id="both",
        ),
    ],
)
def test_settings_that_contradict_each_other(given: dict[str, str], expected: str) -> None:
    """Are found before anything is asked."""
    with pytest.raises(ConfigError, match=expected):
        open_serving(Settings.load(**given))


def test_milvus_is_not_divided(tmp_path: Path) -> None:
    """It does that itself."""
    settings = Settings.load(data_dir=tmp_path, index_url="milvus://a:19530", shards=2)
    with pytest.raises(ConfigError, match="Milvus divides its collections itself"):
        open_indexes(settings, identity=str)
