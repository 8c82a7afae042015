"""A view answers as brute force over the catalog does, whatever the snapshot root contains."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import publishing
from clipseek.catalog import SqlCatalog
from clipseek.errors import CollectionNotFound, SegmentNotFound, ServiceUnavailable
from clipseek.index import ExactIndex
from clipseek.library.view import View
from clipseek.protocols import CatalogReader
from clipseek.publishing import FolderStore
from clipseek.query import Filters
from clipseek.stored import SegmentBlock
from clipseek.testing import MemoryCatalog
from clipseek.types import Relevance, Scoring, Video
from tests.contracts.catalogs import DIM, a_video, unit_rows

NAME = "default"
QUERIES = unit_rows(np.random.default_rng(5), 4)


def filled(videos: str = "abc", *, segments: int = 3, fingerprint: str = "print") -> MemoryCatalog:
    """Return a catalog of some videos."""
    catalog = MemoryCatalog()
    catalog.ensure_collection(NAME, "demo", DIM, fingerprint)
    for video_id in videos:
        a_video(video_id, count=segments).put_into(catalog)
    return catalog


def build(root: Path, catalog: MemoryCatalog) -> None:
    """Publish a snapshot of the catalog as it is."""
    publishing.build(catalog, FolderStore(root), NAME)


def assert_agrees(view: View, catalog: CatalogReader, only: Filters | None = None) -> None:
    """Compare version, size, answers and rows with those of brute force over the catalog."""
    videos = None if only is None else passing(catalog, only)
    blocks = list(catalog.blocks(NAME, video_ids=videos))
    ids = np.concatenate([block.ids for block in blocks] or [np.empty(0, np.int64)])
    vectors = np.concatenate(
        [block.vectors for block in blocks] or [np.empty((0, DIM), np.float32)]
    )
    assert view.collection == catalog.collection(NAME)
    assert view.version == view.collection.version
    assert len(view) == sum(len(block) for block in catalog.blocks(NAME))
    for k in (1, 5, 1000):
        truth = ExactIndex(ids, vectors).search(QUERIES, k)
        near = view.search(QUERIES, k, only=only)
        assert near.ids.tolist() == truth.ids.tolist()
        assert near.scores.tolist() == truth.scores.tolist()
        if only is None:
            assert view.truth(QUERIES, k).ids.tolist() == truth.ids.tolist()
    for block in blocks:
        backwards = np.arange(len(block))[::-1]
        rows = view.rows(block.ids[backwards])
        assert rows.video_ids.tolist() == block.video_ids[backwards].tolist()
        assert rows.spans.tolist() == block.spans[backwards].tolist()
        assert rows.best_times.tolist() == block.best_times[backwards].tolist()
        assert rows.biases.tolist() == block.biases[backwards].tolist()


def passing(catalog: CatalogReader, only: Filters) -> list[str]:
    """Return the videos that a filter lets through, as the catalog knows them."""
    found = catalog.videos(NAME, limit=1000, tags=only.tags or ())
    ids = {video.id for video in found if _passes(video, only)}
    return sorted(ids if only.video_ids is None else ids & set(only.video_ids))


def _passes(video: Video, only: Filters) -> bool:
    """Say of one video what `Facts` says of many."""
    at = datetime.fromisoformat(video.indexed_at)
    longest = np.inf if only.max_duration is None else only.max_duration
    return (
        (only.folder is None or Path(only.folder) in Path(video.uri).parents)
        and only.min_duration <= video.duration <= longest
        and (only.indexed_from is None or at >= only.indexed_from)
        and (only.indexed_before is None or at < only.indexed_before)
        and video.title.startswith(only.title or "")
        and video.height >= only.min_height
    )


FILTERS = [
    Filters(folder="/videos"),
    Filters(folder="/videos/b/"),
    Filters(min_duration=5.0, tags=("x",)),
    Filters(max_duration=6.0),
    Filters(indexed_from=datetime(2020, 1, 1, tzinfo=UTC)),
    Filters(indexed_before=datetime(2020, 1, 1, tzinfo=UTC)),
    Filters(title="video b"),
    Filters(min_height=361),
    Filters(video_ids=("b", "d", "nowhere", "b")),
    Filters(tags=("x",)),
    Filters(tags=("y", "x")),
    Filters(video_ids=("a", "b", "c"), tags=("y",)),
    Filters(tags=("none has it",)),
]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abcdef"), st.integers(1, 6)),
        st.tuples(st.just("remove"), st.sampled_from("abcdef"), st.just(0)),
        st.tuples(st.just("move"), st.sampled_from("abcdef"), st.integers(0, 2)),
        st.tuples(
            st.sampled_from(["calibrate", "rescore", "build", "wipe", "damage"]),
            st.just(""),
            st.just(0),
        ),
        st.tuples(st.just("refresh"), st.just(""), st.just(0)),
    ),
    max_size=25,
)


def take(step: tuple[str, str, int], catalog: MemoryCatalog, root: Path, seed: int) -> None:
    """Do one step of a random life of a collection."""
    kind, video_id, count = step
    if kind == "put":
        tags = (*("x" for _ in range(seed % 2)), *("y" for _ in range(count % 2)))
        a_video(video_id, count=count, seed=seed, tags=tags).put_into(catalog)
    elif kind == "remove" and catalog.videos_by_id(NAME, [video_id]):
        catalog.remove(NAME, video_id)
    elif kind == "move" and catalog.videos_by_id(NAME, [video_id]):
        folder = ("/videos", "/videos/b", "/elsewhere")[count]
        catalog.relocate(NAME, video_id, f"{folder}/{video_id}.mp4", 1, "1-1")
    elif kind == "calibrate":
        catalog.set_relevance(NAME, Relevance(1.0, float(seed), fitted=True))
    elif kind == "rescore":
        scoring = Scoring("bank", 10.0 + seed % 3, Relevance(1.0, 0.0, fitted=False))
        catalog.rescore(NAME, scoring, lambda vectors: scoring.logit_scale * vectors[:, 0])
    elif kind == "build":
        build(root, catalog)
    elif kind == "wipe":
        shutil.rmtree(root / NAME, ignore_errors=True)
    elif kind == "damage":
        for path in root.glob("*/snapshot-*/index.faiss"):
            path.unlink()


@given(steps)
@settings(deadline=None)
def test_refreshed_views_equal_fresh_ones(life: list[tuple[str, str, int]]) -> None:
    """After any sequence of changes and builds, the view followed and a new one agree."""
    with TemporaryDirectory() as folder:
        root, catalog = Path(folder), filled("ab")
        view = View.open(catalog, FolderStore(root), NAME)
        for seed, step in enumerate(life):
            take(step, catalog, root, seed)
            if step[0] == "refresh":
                view = view.refresh(catalog, FolderStore(root))
                assert_agrees(view, catalog)
                for only in FILTERS:
                    assert_agrees(view, catalog, only)
        view = view.refresh(catalog, FolderStore(root))
        assert_agrees(view, catalog)
        assert_agrees(View.open(catalog, FolderStore(root), NAME), catalog)
        assert view.refresh(catalog, FolderStore(root)) is view


SCORING = Scoring("another bank", 10.0, Relevance(1.0, 0.0, fitted=False))


def judged_anew(catalog: MemoryCatalog) -> None:
    """Give all segments other biases."""
    catalog.rescore(NAME, SCORING, lambda vectors: 7 * vectors[:, 1])


@pytest.mark.parametrize("videos_beside", ["", "de"], ids=["all", "some"])
def test_a_snapshot_of_older_biases_is_searched_with_the_new_ones(
    tmp_path: Path, videos_beside: str
) -> None:
    """Its vectors are as right as ever; no segment of it is judged by the former bank."""
    catalog = filled()
    build(tmp_path, catalog)
    followed = View.open(catalog, FolderStore(tmp_path), NAME)
    for video_id in videos_beside:
        a_video(video_id).put_into(catalog)
    followed = followed.refresh(catalog, FolderStore(tmp_path))
    before = followed.identity
    judged_anew(catalog)
    for view in (
        followed.refresh(catalog, FolderStore(tmp_path)),
        View.open(catalog, FolderStore(tmp_path), NAME),
    ):
        assert_agrees(view, catalog)
        assert view.snapshot_version == 3
        assert view.identity != before


def test_a_snapshot_of_another_scoring_at_the_same_version_is_not_believed(tmp_path: Path) -> None:
    """A database that was restored and scored in another way has the same changes."""
    catalog, restored = filled(), filled()
    judged_anew(catalog)
    build(tmp_path, catalog)
    restored.rescore(
        NAME, Scoring("a third", 10.0, SCORING.relevance), lambda vectors: -vectors[:, 2]
    )
    assert_agrees(View.open(restored, FolderStore(tmp_path), NAME), restored)


def test_without_a_snapshot_the_catalog_is_read(tmp_path: Path) -> None:
    """All segments are searched, and count as searched beside a snapshot."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view, catalog)
    assert (view.snapshot_version, view.delta_size, view.note) == (None, 9, "")
    assert view.model == "demo"


def test_it_is_told_how_much_of_the_catalog_was_read(tmp_path: Path) -> None:
    """Before the first block and after each; nothing where a snapshot spares the reading."""
    catalog = filled("ab", segments=3000)
    told: list[tuple[int, int]] = []
    View.open(catalog, FolderStore(tmp_path), NAME, progress=lambda *counts: told.append(counts))
    assert told == [(0, 6000), (4096, 6000), (6000, 6000)]
    build(tmp_path, catalog)
    told.clear()
    View.open(catalog, FolderStore(tmp_path), NAME, progress=lambda *counts: told.append(counts))
    assert told == []


def test_a_snapshot_is_used_with_what_changed_since(tmp_path: Path) -> None:
    """Only the changed videos are read from the catalog."""
    catalog = filled()
    build(tmp_path, catalog)
    a_video("b", count=2, seed=9).put_into(catalog)
    catalog.remove(NAME, "c")
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view, catalog)
    assert (view.snapshot_version, view.version, view.delta_size, len(view)) == (3, 5, 2, 5)


def test_nothing_new_is_the_same_view(tmp_path: Path) -> None:
    """A refresh without news returns the view itself."""
    catalog = filled()
    build(tmp_path, catalog)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert view.refresh(catalog, FolderStore(tmp_path)) is view


def test_names_that_are_known_are_not_asked_for_again(tmp_path: Path) -> None:
    """A view with the names of its own version is the same view."""
    catalog = filled()
    plain = View.open(catalog, FolderStore(tmp_path), NAME)
    view = plain.named(catalog)
    assert (plain.is_named, view.is_named) == (False, True)
    assert view.named(catalog) is view


@pytest.mark.parametrize("videos", ["", "a", "abc"], ids=["empty", "one video", "some videos"])
def test_a_view_behind_the_pruned_changes_is_read_anew(tmp_path: Path, videos: str) -> None:
    """What it missed cannot be told any more: not following it would be a stale answer for ever."""
    catalog = filled(videos)
    view = View.open(catalog, FolderStore(tmp_path), NAME).named(catalog)
    for video_id in "bcde":
        a_video(video_id, seed=1).put_into(catalog)
    if videos:
        catalog.remove(NAME, "a")
    catalog.prune(NAME, view.version + 2)
    for now in (
        view.refresh(catalog, FolderStore(tmp_path)),
        view.follow(catalog, FolderStore(tmp_path)),
    ):
        assert_agrees(now, catalog)
        named = now.named(catalog, view)
        assert named.videos([*"abcde"]) == {named.id: named for named in catalog.names(NAME)}


def test_a_snapshot_behind_the_pruned_changes_is_left_aside(tmp_path: Path) -> None:
    """Its delta cannot be told any more."""
    catalog = filled()
    build(tmp_path, catalog)
    for video_id in "bcde":
        a_video(video_id, seed=1).put_into(catalog)
    catalog.prune(NAME, 5)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view, catalog)
    assert view.snapshot_version is None
    assert "its changes up to version 3 are not those of the catalog" in view.note


def test_a_view_whose_changes_are_kept_follows_past_pruned_ones(tmp_path: Path) -> None:
    """It does not need changes older than its history, so its base stays."""
    catalog = filled("a")
    for seed in range(publishing.TAIL):
        a_video("b", seed=seed).put_into(catalog)
    build(tmp_path, catalog)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    a_video("c").put_into(catalog)
    catalog.prune(NAME, view.version - publishing.TAIL)
    assert len(catalog.changes(NAME, 0)) == publishing.TAIL + 1
    followed = view.follow(catalog, FolderStore(tmp_path))
    assert_agrees(followed, catalog)
    assert followed.snapshot_version == view.version


def test_an_older_view_stays_as_it_is(tmp_path: Path) -> None:
    """Requests in flight see their version to the end."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    before = view.search(QUERIES, 9)
    catalog.remove(NAME, "a")
    assert len(view.refresh(catalog, FolderStore(tmp_path))) == 6
    assert view.search(QUERIES, 9).ids.tolist() == before.ids.tolist()
    assert len(view.rows(before.ids[0])) == 9


def test_a_new_snapshot_is_picked_up(tmp_path: Path) -> None:
    """When the pointer moves, the delta starts again from the new snapshot."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    build(tmp_path, catalog)
    a_video("d").put_into(catalog)
    view = view.refresh(catalog, FolderStore(tmp_path))
    assert (view.snapshot_version, view.delta_size) == (3, 3)
    build(tmp_path, catalog)
    view = view.refresh(catalog, FolderStore(tmp_path))
    assert (view.snapshot_version, view.delta_size) == (4, 0)
    assert_agrees(view, catalog)


def test_as_many_come_as_there_are_when_most_are_replaced(tmp_path: Path) -> None:
    """Segments of the snapshot that are gone leave no holes, however many they are."""
    catalog = filled("ab", segments=150)
    build(tmp_path, catalog)
    a_video("a", count=2, seed=1).put_into(catalog)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view, catalog)
    assert view.search(QUERIES, 151).ids.shape == (4, 151)


def test_what_a_filter_lets_through_is_found_once_and_anew_after_a_change(tmp_path: Path) -> None:
    """The same array comes again, so that an index may know it, until a video has changed."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    only = Filters(video_ids=("a", "b"))
    (part,) = view.parts
    first = part.allowed(only)
    assert first is not None
    assert not first.flags.writeable
    assert part.allowed(Filters(video_ids=("a", "b"))) is first
    assert part.allowed(Filters(video_ids=("b",))) is not first
    catalog.remove(NAME, "a")
    later = view.refresh(catalog, FolderStore(tmp_path))
    assert_agrees(later, catalog, only)
    assert len(first) == 6
    assert sum(len(found) for each in later.parts if (found := each.allowed(only)) is not None) == 3


def test_no_video_allowed_finds_nothing(tmp_path: Path) -> None:
    """An empty filter, or one of unknown videos, gives no neighbours."""
    catalog = filled()
    build(tmp_path, catalog)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert view.search(QUERIES, 5, only=Filters(video_ids=())).ids.shape == (4, 0)
    assert view.search(QUERIES, 5, only=Filters(video_ids=("nowhere",))).ids.shape == (4, 0)


def test_segments_that_are_not_there_have_no_rows(tmp_path: Path) -> None:
    """Asking for an unknown segment raises SegmentNotFound."""
    with pytest.raises(SegmentNotFound, match="no segment 77"):
        View.open(filled(), FolderStore(tmp_path), NAME).rows(np.array([1, 77]))
    catalog = filled()
    build(tmp_path, catalog)
    a_video("d").put_into(catalog)
    with pytest.raises(SegmentNotFound, match="no segment 77"):
        View.open(catalog, FolderStore(tmp_path), NAME).rows(np.array([1, 77, 12, 78]))


def test_an_empty_collection_can_be_viewed(tmp_path: Path) -> None:
    """Before the first ingest there is nothing to find, and then there is."""
    catalog = filled("")
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert len(view) == 0
    assert view.search(QUERIES, 5).ids.shape == (4, 0)
    a_video("a").put_into(catalog)
    assert_agrees(view.refresh(catalog, FolderStore(tmp_path)), catalog)


def test_an_unknown_collection_is_named(tmp_path: Path) -> None:
    """Opening raises CollectionNotFound, and so does refreshing one that is gone."""
    view = View.open(filled(), FolderStore(tmp_path), NAME)
    with pytest.raises(CollectionNotFound):
        View.open(MemoryCatalog(), FolderStore(tmp_path), NAME)
    with pytest.raises(CollectionNotFound):
        view.refresh(MemoryCatalog(), FolderStore(tmp_path))


@pytest.mark.parametrize("queries", [np.ones((1, DIM + 1)), np.full((1, DIM), np.nan)])
def test_a_wrong_question_is_refused(tmp_path: Path, queries: NDArray[np.float64]) -> None:
    """Queries of another length or that are not numbers raise ValueError."""
    with pytest.raises(ValueError, match="queries must be"):
        View.open(filled(""), FolderStore(tmp_path), NAME).search(queries.astype(np.float32), 5)


class TestSnapshotLeftAside:
    """A snapshot that cannot be used is left aside, the reason kept, and the catalog read."""

    def check(self, catalog: MemoryCatalog, root: Path, reason: str) -> View:
        """Open a view and require that it agrees with the catalog in spite of the snapshot."""
        view = View.open(catalog, FolderStore(root), NAME)
        assert_agrees(view, catalog)
        assert view.snapshot_version is None
        assert reason in view.note
        assert view.refresh(catalog, FolderStore(root)) is view
        return view

    def test_damaged(self, tmp_path: Path) -> None:
        """A damaged file is noticed when opening; a rebuilt snapshot is used again."""
        catalog = filled()
        build(tmp_path, catalog)
        path = tmp_path / NAME / "snapshot-3" / "index.faiss"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        view = self.check(catalog, tmp_path, "another checksum")
        build(tmp_path, catalog)
        view = view.refresh(catalog, FolderStore(tmp_path))
        assert (view.snapshot_version, view.note) == (3, "")

    def test_pointer_to_nowhere(self, tmp_path: Path) -> None:
        """A pointer whose folder is gone is left aside."""
        catalog = filled()
        build(tmp_path, catalog)
        shutil.rmtree(tmp_path / NAME / "snapshot-3")
        self.check(catalog, tmp_path, "manifest.json cannot be read")

    def test_unreadable_pointer(self, tmp_path: Path) -> None:
        """A pointer that names nothing is left aside."""
        (tmp_path / NAME).mkdir()
        (tmp_path / NAME / "current").write_text("../../etc")
        self.check(filled(), tmp_path, "does not name a snapshot")

    def test_of_another_model(self, tmp_path: Path) -> None:
        """Vectors of another model are never compared."""
        build(tmp_path, filled(fingerprint="other"))
        self.check(filled(), tmp_path, "of another model")

    def test_newer_than_the_catalog(self, tmp_path: Path) -> None:
        """After an older database was restored, its content counts."""
        build(tmp_path, filled("abcd"))
        self.check(filled("ab"), tmp_path, "newer than the catalog's 2")

    def test_of_another_past(self, tmp_path: Path) -> None:
        """A restored database that has grown past the snapshot's version is told by its changes."""
        build(tmp_path, filled("abc"))
        self.check(filled("adefg"), tmp_path, "are not those of the catalog")

    def test_a_damaged_successor(self, tmp_path: Path) -> None:
        """A view goes on with the snapshot it has when the next one is damaged."""
        catalog = filled()
        build(tmp_path, catalog)
        view = View.open(catalog, FolderStore(tmp_path), NAME)
        a_video("d").put_into(catalog)
        build(tmp_path, catalog)
        (tmp_path / NAME / "snapshot-4" / "segments.npz").unlink()
        view = view.refresh(catalog, FolderStore(tmp_path))
        assert_agrees(view, catalog)
        assert (view.snapshot_version, view.delta_size) == (3, 3)
        assert "segments.npz cannot be read" in view.note

    def test_a_replica_that_lags_catches_up(self, tmp_path: Path) -> None:
        """A snapshot ahead of the catalog is used once the catalog has come so far."""
        primary, replica = filled("abc"), filled("ab")
        build(tmp_path, primary)
        view = self.check(replica, tmp_path, "newer")
        a_video("c").put_into(replica)
        view = view.refresh(replica, FolderStore(tmp_path))
        assert_agrees(view, replica)
        assert (view.snapshot_version, view.note) == (3, "")


def test_a_snapshot_that_appears_ahead_of_a_replica_is_taken_up_in_time(tmp_path: Path) -> None:
    """A view that was open before follows the replica until then."""
    primary, replica = filled("abc"), filled("ab")
    view = View.open(replica, FolderStore(tmp_path), NAME)
    build(tmp_path, primary)
    view = view.refresh(replica, FolderStore(tmp_path))
    assert view.snapshot_version is None
    a_video("c").put_into(replica)
    view = view.refresh(replica, FolderStore(tmp_path))
    assert_agrees(view, replica)
    assert (view.snapshot_version, view.note) == (3, "")


@pytest.mark.parametrize(
    "restored",
    [
        pytest.param(filled("a"), id="older"),
        pytest.param(filled("adefg"), id="other changes since"),
        pytest.param(filled("abcd", segments=5, fingerprint="other"), id="another model"),
    ],
)
def test_a_restored_database_is_opened_anew(tmp_path: Path, restored: MemoryCatalog) -> None:
    """A view whose version is not of the catalog's past is not followed."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view.refresh(restored, FolderStore(tmp_path)), restored)
    build(tmp_path, catalog)
    assert_agrees(
        View.open(catalog, FolderStore(tmp_path), NAME).refresh(restored, FolderStore(tmp_path)),
        restored,
    )


def test_many_small_changes_stay_few_parts(tmp_path: Path) -> None:
    """Forty puts, each followed, agree with the catalog at the end; work does not pile up."""
    catalog = filled("")
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    for number in range(40):
        a_video(f"video{number}").put_into(catalog)
        view = view.refresh(catalog, FolderStore(tmp_path))
    assert_agrees(view, catalog)
    assert len(view._delta) <= 7


def test_more_changed_videos_than_are_asked_for_at_once(tmp_path: Path) -> None:
    """A view that is far behind reads the changed videos in several queries."""
    catalog = filled("a")
    build(tmp_path, catalog)
    for number in range(520):
        a_video(f"video{number}", count=1).put_into(catalog)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    assert_agrees(view, catalog)
    assert view.delta_size == 520


def test_a_database_is_followed_as_memory_is(tmp_path: Path) -> None:
    """Over SQLite, a snapshot and what was put, replaced and removed since agree with the truth."""
    catalog = SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.ensure_collection(NAME, "demo", DIM, "print")
    for video_id in "abc":
        a_video(video_id).put_into(catalog)
    publishing.build(catalog, FolderStore(tmp_path), NAME)
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    a_video("d").put_into(catalog)
    a_video("b", seed=1, count=5).put_into(catalog)
    catalog.remove(NAME, "a")
    view = view.refresh(catalog, FolderStore(tmp_path))
    assert_agrees(view, catalog)
    assert_agrees(View.open(catalog, FolderStore(tmp_path), NAME), catalog)
    assert (view.snapshot_version, view.delta_size) == (3, 8)
    catalog.close()


class _Large(MemoryCatalog):
    """A catalog of more segments than are searched exactly."""

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield them in one block."""
        count = 100_001
        chance = np.random.default_rng([block, len(collection), len(video_ids or ())])
        heaps = 4 * unit_rows(chance, 40)[np.arange(count) % 40]
        vectors = heaps + unit_rows(chance, count)
        yield SegmentBlock(
            ids=np.arange(1, count + 1),
            video_ids=(np.arange(count) // 500).astype(np.str_),
            spans=np.stack([np.arange(count), np.arange(count) + 1.0], axis=1),
            best_times=np.arange(count, dtype=np.float64),
            biases=np.zeros(count, np.float32),
            vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        )

    @contextmanager
    def consistent(self, collection: str) -> Iterator[MemoryCatalog]:
        """Give itself: nobody writes."""
        self.collection(collection)
        yield self


def test_a_large_catalog_is_indexed_in_memory(tmp_path: Path) -> None:
    """Without a snapshot, past 100 000 segments, searches are approximate and still find."""
    catalog = _Large()
    catalog.ensure_collection(NAME, "demo", DIM, "print")
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    block = next(catalog.blocks(NAME))
    near = view.search(block.vectors[::20_000], 1)
    assert near.ids[:, 0].tolist() == block.ids[::20_000].tolist()
    assert view.search(block.vectors[:1], 600, only=Filters(video_ids=("7",))).ids.shape == (1, 500)
    assert (view.delta_size, view.snapshot_version) == (100_001, None)


class _Gone(MemoryCatalog):
    """A catalog whose database is gone while it is read."""

    @contextmanager
    def consistent(self, collection: str) -> Iterator[MemoryCatalog]:
        """Fail."""
        raise ServiceUnavailable(f"no database for {collection}")
        yield self


def test_a_database_that_is_gone_is_told(tmp_path: Path) -> None:
    """The error passes through, and the old view still answers."""
    catalog = filled()
    view = View.open(catalog, FolderStore(tmp_path), NAME)
    gone = _Gone()
    gone.ensure_collection(NAME, "demo", DIM, "print")
    with pytest.raises(ServiceUnavailable):
        view.refresh(gone, FolderStore(tmp_path))
    assert view.search(QUERIES, 3).ids.shape == (4, 3)


def test_threads_search_while_the_view_is_refreshed(tmp_path: Path) -> None:
    """Searches beside refreshes each see one whole version."""
    catalog = filled()
    views = [View.open(catalog, FolderStore(tmp_path), NAME)]

    def ask(_: int) -> bool:
        view = views[-1]
        near = view.search(QUERIES, 1000)
        return near.ids.shape == (4, len(view)) and len(view.rows(near.ids[0])) == len(view)

    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(ask, range(300))
        for number in range(30):
            a_video(f"video{number}").put_into(catalog)
            if number % 10 == 5:
                build(tmp_path, catalog)
            views.append(views[-1].refresh(catalog, FolderStore(tmp_path)))
    assert all(asked)


@pytest.mark.parametrize(("segments", "warnings"), [(50_000, 0), (100_000, 1)])
def test_many_segments_without_a_snapshot_are_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    segments: int,
    warnings: int,
) -> None:
    """Opening them takes long, so the log says why, and what to run."""
    catalog = filled()
    monkeypatch.setattr(MemoryCatalog, "counts", lambda *_: (1, segments, 1.0))
    View.open(catalog, FolderStore(tmp_path), NAME)
    told = [record.message for record in caplog.records if "no snapshot" in record.message]
    assert len(told) == warnings
    assert all(f"{segments} segments" in one and "`indexer build" in one for one in told)


def test_a_snapshot_of_many_segments_opens_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to run."""
    catalog = filled()
    publishing.build(catalog, FolderStore(tmp_path), NAME)
    monkeypatch.setattr(MemoryCatalog, "counts", lambda *_: (1, 100_000, 1.0))
    View.open(catalog, FolderStore(tmp_path), NAME)
    assert caplog.records == []


@pytest.fixture
def aliased(tmp_path: Path) -> MemoryCatalog:
    """Two collections alike but for one uri, each with its snapshot, and an alias of the first."""
    catalog = MemoryCatalog()
    for name, seed in (("one", 1), ("two", 2)):
        catalog.ensure_collection(name, "demo", DIM, "print")
        a_video("a", seed=seed, uri=f"/{name}.mp4").put_into(catalog, name)
        publishing.build(catalog, FolderStore(tmp_path), name)
    catalog.set_alias(NAME, "one")
    return catalog


def shown(view: View) -> tuple[str, list[int], str, bool]:
    """Return which collection a view shows: its name, neighbours, the uri of "a", its snapshot."""
    names = view.videos(["a"])
    assert names is not None
    near = view.search(QUERIES, 3).ids[0].tolist()
    return view.collection.name, near, names["a"].uri, view.snapshot_version == 1


def test_a_view_by_an_alias_is_of_the_collection_behind(
    aliased: MemoryCatalog, tmp_path: Path
) -> None:
    """With its snapshot, which is published under its own name."""
    store = FolderStore(tmp_path)
    by_alias = View.open(aliased, store, NAME).named(aliased)
    assert shown(by_alias) == shown(View.open(aliased, store, "one").named(aliased))
    assert shown(by_alias)[2:] == ("/one.mp4", True)


@pytest.mark.parametrize("step", ["refresh", "follow"])
def test_a_view_follows_its_alias(aliased: MemoryCatalog, tmp_path: Path, step: str) -> None:
    """Though the other collection has a past, a version and a pointer that look the same."""
    store = FolderStore(tmp_path)
    before = View.open(aliased, store, NAME).named(aliased)
    aliased.set_alias(NAME, "two")
    after = getattr(before, step)(aliased, store).named(aliased, before)
    assert shown(after) == shown(View.open(aliased, store, "two").named(aliased))
    assert shown(after)[2:] == ("/two.mp4", True)
    assert after.version == before.version
    assert after.identity != before.identity


def test_an_alias_that_is_switched_while_a_view_opens(
    aliased: MemoryCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view has the snapshot of the collection that it is of."""
    consistent = aliased.consistent

    def switched(name: str) -> AbstractContextManager[MemoryCatalog]:
        aliased.set_alias(NAME, "two")
        return consistent(name)

    monkeypatch.setattr(aliased, "consistent", switched)
    view = View.open(aliased, FolderStore(tmp_path), NAME)
    assert (view.collection.name, view.snapshot_version, view.note) == ("two", 1, "")


def test_an_index_is_built_under_its_collections_own_name(
    aliased: MemoryCatalog, tmp_path: Path
) -> None:
    """By an alias the same one is found current."""
    store = FolderStore(tmp_path)
    before = store.pointer("one")
    publishing.build(aliased, store, NAME)
    assert store.pointer("one") == before
    a_video("b").put_into(aliased, NAME)
    publishing.build(aliased, store, NAME)
    assert store.pointer("one") != before
    assert store.pointer(NAME) is None


def test_names_come_with_the_changes_that_a_view_follows(
    aliased: MemoryCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same moment, so the catalog is not asked for them again."""
    store = FolderStore(tmp_path)
    view = View.open(aliased, store, NAME).named(aliased)
    a_video("b", uri="/b.mp4").put_into(aliased, "one")
    aliased.relocate("one", "a", "/moved.mp4", 1, "1-1")
    followed = view.follow(aliased, store)
    monkeypatch.setattr(aliased, "consistent", None)
    names = followed.named(aliased).videos(["a", "b"])
    assert names is not None
    assert {name: named.uri for name, named in names.items()} == {"a": "/moved.mp4", "b": "/b.mp4"}


def test_a_view_follows_a_video_that_gets_other_tags(tmp_path: Path) -> None:
    """Its segments are found by the new tags and not by the old ones, in a snapshot too."""
    catalog = filled("abc")
    build(tmp_path, catalog)
    store = FolderStore(tmp_path)
    view = View.open(catalog, store, NAME)
    catalog.edit(NAME, "b", tags=["night"])
    for now in (view.refresh(catalog, store), View.open(catalog, store, NAME)):
        assert_agrees(now, catalog)
        assert_agrees(now, catalog, Filters(tags=("night",)))
        assert len(now.search(QUERIES, 9, only=Filters(tags=("night",))).ids[0]) == 3


def test_tags_of_a_video_that_is_gone_are_gone_when_parts_are_joined(tmp_path: Path) -> None:
    """It came with others, and again with other tags; the others keep theirs."""
    catalog, store = filled("abcdef"), FolderStore(tmp_path)
    view = View.open(catalog, store, NAME)
    for video_id in "gh":
        a_video(video_id, tags=("sea",)).put_into(catalog)
    view = view.refresh(catalog, store)
    for tags in (["night"], ["sun"]):
        catalog.edit(NAME, "g", tags=tags)
        view = view.refresh(catalog, store)
        for tag in ("sea", "night", "sun"):
            assert_agrees(view, catalog, Filters(tags=(tag,)))


def test_a_view_follows_a_video_that_gets_another_title(tmp_path: Path) -> None:
    """Answers have it."""
    catalog = filled("ab")
    store = FolderStore(tmp_path)
    view = View.open(catalog, store, NAME).named(catalog)
    catalog.edit(NAME, "b", title="A day at the sea")
    names = view.refresh(catalog, store).named(catalog).videos(["b"])
    assert names is not None
    assert names["b"].title == "A day at the sea"
