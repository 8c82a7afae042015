"""What every catalog promises, over MemoryCatalog, SQLite and PostgreSQL."""

import gc
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.catalog import SqlCatalog
from clipseek.errors import (
    CollectionNotFound,
    ModelMismatch,
    SegmentNotFound,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.protocols import CatalogReader, CatalogWriter
from clipseek.publishing import history
from clipseek.stored import SegmentBlock
from clipseek.types import PICTURE, Change, Collection, Named, Put, Relevance, Scoring, Span, Video
from tests.contracts.catalogs import CODED, DIM, RECORDED, a_video


def stored(video: Video, segments: int) -> Video:
    """Return the video as the catalog gives it back, but for the time of indexing."""
    return replace(video, segments=segments, indexed_at="")


def whole(
    catalog: CatalogReader, video_ids: list[str] | None = None, *, block: int = 4096
) -> SegmentBlock:
    """Return all blocks as one."""
    blocks = list(catalog.blocks("default", video_ids=video_ids, block=block))
    names = ("ids", "video_ids", "spans", "best_times", "biases", "vectors")
    return SegmentBlock(*(np.concatenate([getattr(b, name) for b in blocks]) for name in names))


class TestCollections:
    def test_a_new_collection_is_empty_and_at_version_zero(self, catalog: CatalogWriter) -> None:
        """ensure_collection makes what is missing."""
        made = catalog.ensure_collection("family", "toy", DIM, "f1")
        assert made == Collection("family", "toy", DIM, "f1", version=0, epoch=made.epoch)
        assert catalog.counts("family") == (0, 0, 0.0)

    def test_ensuring_again_returns_the_version_of_now(self, catalog: CatalogWriter) -> None:
        """An existing collection comes back as it is."""
        a_video().put_into(catalog)
        assert catalog.ensure_collection("default", "toy", DIM, "f1").version == 1

    @pytest.mark.parametrize(
        ("model", "dim", "fingerprint"),
        [
            pytest.param("other", DIM, "f1", id="another model"),
            pytest.param("toy", DIM, "f2", id="other weights"),
            pytest.param("toy", DIM + 1, "f1", id="another length"),
        ],
    )
    def test_another_model_is_refused(
        self, catalog: CatalogWriter, model: str, dim: int, fingerprint: str
    ) -> None:
        """Vectors of two models never meet in one collection."""
        with pytest.raises(ModelMismatch) as refused:
            catalog.ensure_collection("default", model, dim, fingerprint)
        assert refused.value.collection == "default"

    def test_collections_come_by_name(self, catalog: CatalogWriter) -> None:
        """Names are ordered by code points, not by a language."""
        for name in ("b", "_a", "B", "ä"):
            catalog.ensure_collection(name, "toy", DIM, "f1")
        assert [c.name for c in catalog.collections()] == ["B", "_a", "b", "default", "ä"]

    @pytest.mark.parametrize(
        "name", ["nope", "a\0b", "\udcff"], ids=["unknown", "NUL", "surrogate"]
    )
    def test_a_missing_collection_has_its_error(self, catalog: CatalogWriter, name: str) -> None:
        """A name that no collection has, or could have, is not found."""
        with pytest.raises(CollectionNotFound):
            catalog.collection(name)
        with pytest.raises(CollectionNotFound):
            a_video().put_into(catalog, name)
        with pytest.raises(CollectionNotFound):
            catalog.consistent(name).__enter__()

    def test_reading_a_missing_collection_finds_nothing(self, catalog: CatalogWriter) -> None:
        """Readers of videos, segments and changes need no collection."""
        assert catalog.videos("nope") == []
        assert catalog.changes("nope", 0) == []
        assert list(catalog.blocks("nope")) == []
        assert list(catalog.thumbnails("nope")) == []
        assert catalog.counts("nope") == (0, 0, 0.0)

    def test_collections_are_apart(self, catalog: CatalogWriter) -> None:
        """The same video in two collections is two videos."""
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video(count=2).put_into(catalog)
        a_video(count=3).put_into(catalog, "other")
        catalog.remove("default", "a")
        assert catalog.counts("other") == (1, 3, 6.0)
        assert catalog.collection("other").version == 1

    def test_relevance_is_stored_as_a_change(self, catalog: CatalogWriter) -> None:
        """Fitted constants get a version, so that caches see them."""
        fitted = Relevance(scale=0.5, offset=-1.25, fitted=True)
        assert catalog.set_relevance("default", fitted) == 1
        assert catalog.collection("default").relevance == fitted
        assert catalog.changes("default", 0) == [Change(1, "calibrate", None)]

    def test_relevance_must_be_numbers(self, catalog: CatalogWriter) -> None:
        """NaN is not a constant."""
        with pytest.raises(ValueError, match="finite"):
            catalog.set_relevance("default", Relevance(float("nan"), 0.0, fitted=True))


BANK = Scoring("bank 1", 100.0, Relevance(1.0, -7.5, fitted=False))
OTHERS = {
    "bank": replace(BANK, bank="bank 2"),
    "logit scale": replace(BANK, logit_scale=50.000001),
    "logit bias": replace(BANK, logit_bias=-12.5),
    "formula": replace(BANK, formula=2),
}


def sums(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stand in for a bias: it depends on the vector alone."""
    total: NDArray[np.float32] = vectors.sum(axis=1)
    return total


class TestScoring:
    def test_a_collection_keeps_what_it_is_made_with(self, catalog: CatalogWriter) -> None:
        """Ensuring it with another scoring changes nothing: biases are as they were."""
        assert catalog.ensure_collection("new", "toy", DIM, "f1", BANK).scoring == BANK
        again = catalog.ensure_collection("new", "toy", DIM, "f1", OTHERS["bank"])
        assert (again.scoring, again.scored_at) == (BANK, 0)

    def test_rescoring_gives_every_segment_its_bias_anew(self, catalog: CatalogWriter) -> None:
        """From the stored vectors, as one change of its collection alone."""
        a_video("a").put_into(catalog)
        a_video("b", count=2).put_into(catalog)
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video("a").put_into(catalog, "other")
        before = catalog.biases("other")[1].tolist()
        assert catalog.rescore("default", BANK, sums) == 3
        block = whole(catalog)
        np.testing.assert_array_equal(block.biases, sums(block.vectors))
        ids, biases = catalog.biases("default")
        assert ids.tolist() == block.ids.tolist()
        np.testing.assert_array_equal(biases, block.biases)
        assert catalog.biases("other")[1].tolist() == before
        assert catalog.changes("default", 2) == [Change(3, "calibrate", None)]
        now = catalog.collection("default")
        assert (now.scoring, now.scored_at) == (BANK, 3)

    @pytest.mark.parametrize("scoring", OTHERS.values(), ids=OTHERS.keys())
    def test_other_evidence_takes_fitted_constants_away(
        self, catalog: CatalogWriter, scoring: Scoring
    ) -> None:
        """They were fitted to evidence that is not computed any more."""
        catalog.rescore("default", BANK, sums)
        catalog.set_relevance("default", Relevance(0.5, 1.0, fitted=True))
        catalog.rescore("default", scoring, sums)
        assert catalog.collection("default").relevance is None

    def test_other_constants_of_the_model_leave_fitted_ones(self, catalog: CatalogWriter) -> None:
        """The evidence that they were fitted to is the same."""
        fitted = Relevance(0.5, 1.0, fitted=True)
        catalog.rescore("default", BANK, sums)
        catalog.set_relevance("default", fitted)
        moved = replace(BANK, relevance=Relevance(2.0, 0.0, fitted=True))
        catalog.rescore("default", moved, sums)
        assert catalog.collection("default").relevance == fitted
        assert catalog.collection("default").scoring == moved

    @pytest.mark.parametrize("scoring", OTHERS.values(), ids=OTHERS.keys())
    def test_biases_of_another_scoring_are_refused(
        self, catalog: CatalogWriter, scoring: Scoring
    ) -> None:
        """A run that began before the collection was scored again stores nothing."""
        catalog.ensure_collection("new", "toy", DIM, "f1", BANK)
        with pytest.raises(ServiceUnavailable, match="run the same command again"):
            a_video().put_into(catalog, "new", scoring)
        assert catalog.collection("new").version == 0
        assert a_video().put_into(catalog, "new", BANK) == 1

    def test_a_video_that_comes_meanwhile_is_judged_too(self, sql_catalog: SqlCatalog) -> None:
        """Biases are computed before the transaction; what is put until then is not left out."""
        a_video("a").put_into(sql_catalog)
        late = iter([a_video("b"), a_video("c", count=1)])

        def bias(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
            for given in late:
                given.put_into(sql_catalog)
            return sums(vectors)

        sql_catalog.rescore("default", BANK, bias)
        block = whole(sql_catalog)
        assert len(block) == 7
        np.testing.assert_allclose(block.biases, sums(block.vectors), rtol=1e-6)


class TestPut:
    def test_a_video_comes_back_as_it_was_put(self, catalog: CatalogWriter) -> None:
        """All fields return; the catalog counts the segments and notes the time."""
        given = a_video(tags=("night", "é", "a 'quote'"))
        assert given.put_into(catalog) == 1
        got = catalog.video("default", "a")
        assert stored(got, got.segments) == stored(given.video, 3)
        assert datetime.fromisoformat(got.indexed_at).utcoffset() is not None
        assert got.indexed_at.endswith("Z")

    def test_segments_come_back_in_the_order_of_time(self, catalog: CatalogWriter) -> None:
        """Span, best time, bias and thumbnail belong to the row that they were put with."""
        given = a_video()
        given.put_into(catalog)
        got = catalog.segments("default", "a")
        assert [s.span for s in got] == [Span(0.0, 2.0), Span(2.0, 4.0), Span(4.0, 6.0)]
        assert [s.best_time for s in got] == given.picture.best_times.tolist()
        assert [s.bias for s in got] == given.picture.biases.tolist()
        assert [s.thumbnail for s in got] == list(given.picture.thumbnails)
        assert [s.id for s in got] == sorted({s.id for s in got})
        assert [s.begins_shot for s in got] == [True, False, True]

    def test_shots_begin_with_segments(self, catalog: CatalogWriter) -> None:
        """Those of one video, in the order of time; of no video, none."""
        a_video().put_into(catalog)
        a_video("b", count=5).put_into(catalog)
        assert catalog.shots("default", "a") == [0.0, 4.0]
        assert catalog.shots("default", "b") == [0.0, 4.0, 8.0]
        assert catalog.shots("default", "c") == catalog.shots("nope", "a") == []

    def test_frame_vectors_come_back_as_unit_rows(self, catalog: CatalogWriter) -> None:
        """Within the rounding of codes."""
        given = a_video()
        given.put_into(catalog)
        times, vectors = catalog.frame_vectors("default", "a")
        assert times.dtype == np.float64
        assert given.frames is not None
        np.testing.assert_array_equal(times, given.frames.times)
        np.testing.assert_allclose(vectors, given.frames.vectors, atol=CODED)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)

    def test_frame_vectors_come_in_blocks(self, catalog: CatalogWriter) -> None:
        """They are the same; a video that is not there is refused at once."""
        a_video().put_into(catalog)
        times, vectors = catalog.frame_vectors("default", "a")
        at, blocks = catalog.frame_blocks("default", "a")
        np.testing.assert_array_equal(at, times)
        np.testing.assert_array_equal(np.concatenate(list(blocks)), vectors)
        with pytest.raises(VideoNotFound):
            catalog.frame_blocks("default", "b")

    def test_vectors_are_normalised(self, catalog: CatalogWriter) -> None:
        """A row of any length is stored as its direction."""
        given = a_video()
        assert given.frames is not None
        longer = replace(
            given,
            picture=replace(given.picture, vectors=given.picture.vectors * np.float32(7)),
            frames=replace(given.frames, vectors=given.frames.vectors * np.float32(1e6)),
        )
        longer.put_into(catalog)
        _, frames = catalog.frame_vectors("default", "a")
        np.testing.assert_allclose(whole(catalog).vectors, given.picture.vectors, atol=CODED)
        np.testing.assert_allclose(frames, given.frames.vectors, atol=CODED)

    def test_putting_again_replaces(self, catalog: CatalogWriter) -> None:
        """The same id has one video, with new segment ids, and two changes."""
        a_video(count=3).put_into(catalog)
        before = {s.id for s in catalog.segments("default", "a")}
        assert a_video(count=2, seed=1).put_into(catalog) == 2
        after = {s.id for s in catalog.segments("default", "a")}
        assert catalog.counts("default") == (1, 2, 4.0)
        assert len(after) == 2
        assert min(after) > max(before)
        assert catalog.changes("default", 0) == [Change(1, "put", "a"), Change(2, "put", "a")]

    def test_another_video_of_the_same_uri_is_removed_first(self, catalog: CatalogWriter) -> None:
        """A file whose content changed is a new video; the old one goes, as its own change."""
        a_video("a", uri="/x.mp4").put_into(catalog)
        assert a_video("b", uri="/x.mp4").put_into(catalog) == 3
        assert catalog.changes("default", 1) == [Change(2, "remove", "a"), Change(3, "put", "b")]
        found = catalog.video_at("default", "/x.mp4")
        assert found is not None
        assert found.id == "b"
        assert catalog.counts("default") == (1, 3, 6.0)

    def test_the_newest_chunk_of_a_camera_is_found(self, catalog: CatalogWriter) -> None:
        """By when it begins, not by when it was stored; of this camera and collection alone."""
        times = {"a": "2026-11-29T10:00:00.500Z", "b": "2026-11-29T10:05:00.000Z"}
        for name in "ba":
            chunk = a_video(name)
            video = replace(chunk.video, stream="door", recorded_at=times[name])
            replace(chunk, video=video).put_into(catalog)
        a_video("c").put_into(catalog)
        found = catalog.newest("default", "door")
        assert found is not None
        assert found.id == "b"
        assert catalog.newest("default", "gate") is None
        assert catalog.newest("none", "door") is None

    def test_videos_are_found_by_their_uris_at_once(self, catalog: CatalogWriter) -> None:
        """Those that exist, in this collection, however many are asked for."""
        catalog.ensure_collection("other", "toy", DIM, "f1")
        for name in "ab":
            a_video(name, uri=f"/é/{name}.mp4").put_into(catalog)
        a_video("c", uri="/é/c.mp4").put_into(catalog, "other")
        asked = [f"/é/{name}.mp4" for name in "abc"] + [f"/none/{i}" for i in range(2000)]
        found = catalog.videos_at("default", asked)
        assert {uri: video.id for uri, video in found.items()} == {
            "/é/a.mp4": "a",
            "/é/b.mp4": "b",
        }
        assert catalog.videos_at("default", []) == {}

    def test_put_remove_put_equals_put(self, catalog: CatalogWriter) -> None:
        """Nothing of a removed video stays behind."""
        given = a_video()
        given.put_into(catalog)
        first = whole(catalog)
        catalog.remove("default", "a")
        given.put_into(catalog)
        second = whole(catalog)
        for name in ("video_ids", "spans", "best_times", "biases", "vectors"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert catalog.counts("default") == (1, 3, 6.0)
        assert stored(catalog.video("default", "a"), 3) == stored(given.video, 3)

    def test_ids_of_removed_segments_are_not_used_again(self, catalog: CatalogWriter) -> None:
        """An index that still holds an old id never shows another segment under it."""
        a_video().put_into(catalog)
        last = max(s.id for s in catalog.segments("default", "a"))
        catalog.remove("default", "a")
        a_video().put_into(catalog)
        assert min(s.id for s in catalog.segments("default", "a")) > last

    def test_a_video_without_segments_is_a_video(self, catalog: CatalogWriter) -> None:
        """A video in which nothing was found is still known."""
        a_video(count=0).put_into(catalog)
        assert catalog.segments("default", "a") == []
        times, vectors = catalog.frame_vectors("default", "a")
        assert (times.shape, vectors.shape) == ((0,), (0, DIM))
        assert list(catalog.blocks("default")) == []

    def test_numbers_of_numpy_are_taken(self, catalog: CatalogWriter) -> None:
        """Whatever the decoder counted with is stored as a number."""
        given = a_video()
        video = replace(given.video, width=np.int64(3), duration=np.float32(1.5))  # type: ignore[arg-type]  # what is tested
        replace(given, video=video).put_into(catalog)
        got = catalog.video("default", "a")
        assert (got.width, got.duration) == (3, 1.5)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 0.0], ids=["NaN", "infinity", "zero"])
    def test_a_vector_without_direction_is_refused(
        self, catalog: CatalogWriter, value: float
    ) -> None:
        """A broken row never reaches the index, and nothing is stored of its video."""
        given = a_video()
        vectors = given.picture.vectors.copy()
        vectors[1] = value
        broken = replace(given, picture=replace(given.picture, vectors=vectors))
        with pytest.raises(ValueError, match="segment vectors"):
            broken.put_into(catalog)
        assert catalog.videos("default") == []
        assert catalog.collection("default").version == 0

    def test_a_vector_of_another_length_is_refused(self, catalog: CatalogWriter) -> None:
        """All vectors of a collection have its dim."""
        given = a_video()
        short = replace(given.picture, vectors=given.picture.vectors[:, 1:])
        with pytest.raises(ValueError, match=f"have {DIM} components"):
            replace(given, picture=short).put_into(catalog)
        assert catalog.collection("default").version == 0

    def test_a_frame_vector_of_another_length_is_refused(self, catalog: CatalogWriter) -> None:
        """Those of frames are compared with sentences too."""
        given = a_video()
        assert given.frames is not None
        short = replace(given.frames, vectors=given.frames.vectors[:, 1:])
        with pytest.raises(ValueError, match=f"have {DIM} components"):
            replace(given, frames=short).put_into(catalog)
        assert catalog.collection("default").version == 0

    def test_frame_vectors_can_be_left_out(self, catalog: CatalogWriter) -> None:
        """The video is the same without them, and there are none to read."""
        given = a_video()
        replace(given, frames=None).put_into(catalog)
        times, vectors = catalog.frame_vectors("default", "a")
        assert (times.shape, vectors.shape) == ((0,), (0, DIM))
        assert [s.bias for s in catalog.segments("default", "a")] == given.picture.biases.tolist()

    def test_frame_vectors_of_before_do_not_stay(self, catalog: CatalogWriter) -> None:
        """A video that is put without them replaces one that had them."""
        given = a_video()
        given.put_into(catalog)
        replace(given, frames=None).put_into(catalog)
        assert len(catalog.frame_vectors("default", "a")[0]) == 0

    @pytest.mark.parametrize("bad", ["a\0b", "caf\udce9"], ids=["NUL", "surrogate"])
    @pytest.mark.parametrize("name", ["id", "uri", "title", "reason", "tag"])
    def test_text_that_no_database_holds_is_refused(
        self, catalog: CatalogWriter, name: str, bad: str
    ) -> None:
        """The name of a file that is not UTF-8 is told to the user, not stored changed."""
        given = a_video()
        video = replace(given.video, **({"tags": (bad,)} if name == "tag" else {name: bad}))
        with pytest.raises(ValueError, match=f"{name} must be Unicode"):
            replace(given, video=video).put_into(catalog)

    def test_a_thumbnail_that_no_database_holds_is_refused(self, catalog: CatalogWriter) -> None:
        """Its path is a text like the others."""
        given = a_video(count=1)
        picture = replace(given.picture, thumbnails=("a\0b.jpg",))
        with pytest.raises(ValueError, match="thumbnail must be Unicode"):
            replace(given, picture=picture).put_into(catalog)


class TestRemove:
    def test_a_removed_video_is_gone_from_everywhere(self, catalog: CatalogWriter) -> None:
        """Video, segments, vectors and thumbnails go; the change stays."""
        a_video().put_into(catalog)
        segment_id = catalog.segments("default", "a")[0].id
        assert catalog.remove("default", "a") == 2
        for read in (catalog.video, catalog.segments, catalog.frame_vectors):
            with pytest.raises(VideoNotFound):
                read("default", "a")
        with pytest.raises(SegmentNotFound):
            catalog.segment(segment_id)
        assert catalog.video_at("default", "/videos/a.mp4") is None
        assert list(catalog.thumbnails("default")) == []
        assert list(catalog.blocks("default")) == []
        assert catalog.counts("default") == (0, 0, 0.0)
        assert catalog.changes("default", 1) == [Change(2, "remove", "a")]

    def test_removing_what_is_not_there_changes_nothing(self, catalog: CatalogWriter) -> None:
        """No version is spent on an error."""
        with pytest.raises(VideoNotFound):
            catalog.remove("default", "nope")
        assert catalog.collection("default").version == 0
        assert catalog.changes("default", 0) == []


class TestRemovedCollection:
    @pytest.fixture
    def aliased(self, catalog: CatalogWriter) -> CatalogWriter:
        """Two collections of the same videos, and an alias of each."""
        catalog.ensure_collection("new", "toy", DIM, "f1")
        for name in ("default", "new"):
            for video_id in "ab":
                a_video(video_id, seed=len(name), tags=(name,)).put_into(catalog, name)
            catalog.set_alias(f"of {name}", name)
        return catalog

    def test_it_is_gone_with_its_aliases(self, aliased: CatalogWriter) -> None:
        """Each read finds what it finds of a collection that never was."""
        assert aliased.aliases() == {"of default": "default", "of new": "new"}
        assert aliased.aliases(["of new", "new", "nothing"]) == {"of new": "new"}
        assert aliased.aliases([]) == {}
        segment = aliased.segments("default", "a")[0].id
        aliased.remove_collection("default")
        assert aliased.aliases() == {"of new": "new"}
        assert [each.name for each in aliased.collections()] == ["new"]
        for name in ("default", "of default"):
            with pytest.raises(CollectionNotFound, match=name):
                aliased.collection(name)
            assert list(aliased.blocks(name)) == []
            assert list(aliased.tagged(name)) == []
            assert aliased.counts(name) == (0, 0, 0.0)
        with pytest.raises(SegmentNotFound):
            aliased.segment(segment)
        with pytest.raises(VideoNotFound):
            aliased.frame_vectors("default", "a")

    def test_the_others_stay(self, aliased: CatalogWriter) -> None:
        """Even those that have the same videos."""
        before = seen(aliased, "new")
        aliased.remove_collection("default")
        assert seen(aliased, "new") == before
        assert len(aliased.frame_vectors("new", "a")[0]) == 6

    def test_one_made_anew_is_another_one(self, aliased: CatalogWriter) -> None:
        """The same changes lead to the same version, with other segments and another history."""
        before = aliased.collection("default"), history(aliased, "default", 2)
        ids = whole(aliased).ids.tolist()
        aliased.remove_collection("default")
        made = aliased.ensure_collection("default", "toy", DIM, "f1")
        assert made.version == 0
        assert aliased.changes("default", 0) == []
        for video_id in "ab":
            a_video(video_id).put_into(aliased)
        after = aliased.collection("default")
        assert after.version == before[0].version
        assert after.epoch != before[0].epoch
        assert history(aliased, "default", 2) != before[1]
        assert not set(ids) & set(whole(aliased).ids.tolist())

    @pytest.mark.parametrize("name", ["nope", "of new"], ids=["unknown", "an alias"])
    def test_what_is_not_a_collection_cannot_be_removed(
        self, aliased: CatalogWriter, name: str
    ) -> None:
        """Nothing is changed."""
        with pytest.raises(CollectionNotFound, match=name):
            aliased.remove_collection(name)
        assert aliased.collection("of new").version == 2
        assert aliased.collection("default").version == 2

    def test_one_of_another_model_takes_no_vectors_of_the_old_one(
        self, aliased: CatalogWriter
    ) -> None:
        """An ingest that runs meanwhile fails, even if both models have as many dimensions."""
        aliased.remove_collection("default")
        aliased.ensure_collection("default", "toy", DIM, "f2")
        given = a_video("c")
        put = Put(given.video, {PICTURE: given.picture}, fingerprint="f1")
        with pytest.raises(ModelMismatch, match="fingerprint f2, not f1"):
            aliased.put("default", put)
        assert aliased.counts("default") == (0, 0, 0.0)
        assert aliased.put("default", replace(put, fingerprint="f2")) == 1

    def test_nothing_can_be_put_into_it_any_more(self, aliased: CatalogWriter) -> None:
        """An ingest that runs meanwhile fails, and does not bring it back."""
        aliased.remove_collection("default")
        with pytest.raises(CollectionNotFound):
            a_video("c").put_into(aliased)


class TestAlias:
    @pytest.fixture
    def aliased(self, catalog: CatalogWriter) -> CatalogWriter:
        """Two collections of two videos each, and a name that stands for the second one."""
        catalog.ensure_collection("new", "toy", DIM, "f1")
        for name, videos in {"default": "ab", "new": "ac"}.items():
            for video_id in videos:
                a_video(video_id, seed=len(name), tags=(name,)).put_into(catalog, name)
        catalog.set_alias("shown", "new")
        return catalog

    def test_every_read_is_of_the_collection_behind(self, aliased: CatalogWriter) -> None:
        """The name that a collection has itself is that which is returned."""
        assert aliased.collection("shown") == aliased.collection("new")
        assert aliased.collection("shown").name == "new"
        assert seen(aliased, "shown") == seen(aliased, "new") != seen(aliased, "default")

    def test_every_change_is_of_the_collection_behind(self, aliased: CatalogWriter) -> None:
        """Its version counts on, and the other collection stays as it is."""
        before = seen(aliased, "default")
        scoring = Scoring("bank", 10.0, Relevance(1.0, 0.0, fitted=False))
        assert aliased.ensure_collection("shown", "toy", DIM, "f1").name == "new"
        assert a_video("d").put_into(aliased, "shown") == 3
        assert aliased.remove("shown", "a") == 4
        assert aliased.relocate("shown", "c", "/moved.mp4", 1, "1-1") == 5
        assert aliased.set_relevance("shown", Relevance(2.0, 0.0, fitted=True)) == 6
        assert aliased.rescore("shown", scoring, lambda vectors: vectors[:, 0]) == 7
        aliased.prune("shown", 6)
        assert [change.version for change in aliased.changes("new", 0)] == [7]
        assert [video.uri for video in aliased.videos("new")] == ["/moved.mp4", "/videos/d.mp4"]
        assert aliased.collection("new").scoring == scoring
        assert seen(aliased, "default") == before
        assert [each.name for each in aliased.collections()] == ["default", "new"]

    def test_a_name_is_switched_at_once(self, aliased: CatalogWriter) -> None:
        """A view that was opened before is of the collection that it was opened of."""
        with aliased.consistent("shown") as before:
            aliased.set_alias("shown", "default")
            assert seen(before, "shown") == seen(aliased, "new")
            assert seen(aliased, "shown") == seen(aliased, "default")

    @pytest.mark.parametrize("collection", ["new", "default"], ids=["another", "itself"])
    def test_an_alias_hides_no_collection(self, aliased: CatalogWriter, collection: str) -> None:
        """What a collection is called itself always means it."""
        with pytest.raises(ValueError, match="no collection has itself, got 'default'"):
            aliased.set_alias("default", collection)
        assert aliased.collection("default").name == "default"

    @pytest.mark.parametrize("collection", ["nope", "shown"], ids=["none", "an alias"])
    def test_a_name_stands_for_a_collection_alone(
        self, aliased: CatalogWriter, collection: str
    ) -> None:
        """Not for what there is not, and not for another alias; what it stood for stays."""
        with pytest.raises(CollectionNotFound, match=collection):
            aliased.set_alias("shown", collection)
        assert aliased.collection("shown").name == "new"

    def test_an_alias_is_text(self, aliased: CatalogWriter) -> None:
        """One that no database holds is refused."""
        with pytest.raises(ValueError, match="name must be Unicode"):
            aliased.set_alias("a\0b", "new")


def seen(catalog: CatalogReader, name: str) -> list[object]:
    """Return what every method says that reads a collection."""
    videos = catalog.videos(name)
    ids, uris = [video.id for video in videos], [video.uri for video in videos]
    blocks = [[block.ids.tolist(), block.vectors.tolist()] for block in catalog.blocks(name)]
    return [
        *(catalog.collection(name), videos, catalog.counts(name), catalog.changes(name, 0)),
        *([array.tolist() for array in catalog.biases(name)], blocks),
        *([catalog.video(name, video_id) for video_id in ids]),
        *([catalog.video_at(name, uri) for uri in uris]),
        *(catalog.videos_at(name, uris), catalog.videos_by_id(name, ids)),
        *(sorted(catalog.names(name)), sorted(catalog.tagged(name)), catalog.tags(name)),
        *([catalog.segments(name, video_id) for video_id in ids]),
        *([array.tolist() for array in catalog.frame_vectors(name, ids[0])]),
        *(catalog.videos(name, tags=catalog.tags(name)), sorted(catalog.thumbnails(name))),
    ]


class TestPrune:
    def test_changes_up_to_a_version_are_forgotten(self, catalog: CatalogWriter) -> None:
        """What they changed stays, and so does the version; other collections keep theirs."""
        catalog.ensure_collection("other", "toy", DIM, "f1")
        for video_id in "abc":
            a_video(video_id).put_into(catalog)
            a_video(video_id).put_into(catalog, "other")
        catalog.prune("default", 2)
        assert catalog.changes("default", 0) == [Change(3, "put", "c")]
        assert [video.id for video in catalog.videos("default")] == ["a", "b", "c"]
        assert a_video("d").put_into(catalog) == 4
        assert len(catalog.changes("other", 0)) == 3

    def test_the_last_change_stays(self, catalog: CatalogWriter) -> None:
        """A reader tells by it that there were others."""
        a_video("a").put_into(catalog)
        a_video("b").put_into(catalog)
        catalog.prune("default", 99)
        assert catalog.changes("default", 0) == [Change(2, "put", "b")]

    def test_nothing_is_older(self, catalog: CatalogWriter) -> None:
        """A version before the first change, as of a young snapshot, is not an error."""
        a_video("a").put_into(catalog)
        catalog.prune("default", -60)
        assert catalog.changes("default", 0) == [Change(1, "put", "a")]

    def test_an_unknown_collection_is_named(self, catalog: CatalogWriter) -> None:
        """As by every other way to write."""
        with pytest.raises(CollectionNotFound, match="nope"):
            catalog.prune("nope", 1)


class TestRelocate:
    def test_a_moved_video_keeps_its_vectors(self, catalog: CatalogWriter) -> None:
        """Uri, title, size and time of the file follow; nothing else does."""
        given = a_video()
        given.put_into(catalog)
        before = catalog.segments("default", "a")
        assert catalog.relocate("default", "a", "/new/Summer 24.final.mp4", 5, "6-5") == 2
        moved = replace(
            given.video,
            uri="/new/Summer 24.final.mp4",
            title="Summer 24.final",
            size_bytes=5,
            stamp="6-5",
        )
        assert stored(catalog.video("default", "a"), 3) == stored(moved, 3)
        assert catalog.segments("default", "a") == before
        assert catalog.changes("default", 1) == [Change(2, "relocate", "a")]
        assert catalog.video_at("default", "/videos/a.mp4") is None

    def test_a_video_that_was_there_before_is_removed(self, catalog: CatalogWriter) -> None:
        """One uri names one video."""
        a_video("a").put_into(catalog)
        a_video("b").put_into(catalog)
        catalog.relocate("default", "a", "/videos/b.mp4", 5, "6-5")
        assert [video.id for video in catalog.videos("default")] == ["a"]
        assert catalog.changes("default", 2) == [
            Change(3, "remove", "b"),
            Change(4, "relocate", "a"),
        ]
        assert catalog.collection("default").version == 4

    def test_a_video_may_stay_where_it_is(self, catalog: CatalogWriter) -> None:
        """A file that was only touched gets its new time."""
        a_video().put_into(catalog)
        catalog.relocate("default", "a", "/videos/a.mp4", 5, "6-5")
        assert catalog.video("default", "a").stamp == "6-5"
        assert catalog.changes("default", 1) == [Change(2, "relocate", "a")]

    def test_a_missing_video_is_not_found(self, catalog: CatalogWriter) -> None:
        """And the video at that uri stays: there is no half change."""
        a_video("b").put_into(catalog)
        with pytest.raises(VideoNotFound):
            catalog.relocate("default", "nope", "/videos/b.mp4", 5, "6-5")
        assert catalog.counts("default") == (1, 3, 6.0)
        assert catalog.collection("default").version == 1


class TestEdit:
    def test_another_title_changes_nothing_else(self, catalog: CatalogWriter) -> None:
        """The segments keep their ids, because nothing that is searched has changed."""
        given = a_video(tags=("sea",))
        given.put_into(catalog)
        before = catalog.segments("default", "a")
        assert catalog.edit("default", "a", title="A day at the sea") == 2
        assert stored(catalog.video("default", "a"), 3) == stored(
            replace(given.video, title="A day at the sea"), 3
        )
        assert catalog.segments("default", "a") == before
        assert catalog.changes("default", 1) == [Change(2, "relocate", "a")]

    def test_other_tags_replace_all(self, catalog: CatalogWriter) -> None:
        """The video is found by them alone; its segments are the same under later ids."""
        given = a_video(tags=("sea", "sun"))
        given.put_into(catalog)
        a_video("b", tags=("sea",)).put_into(catalog)
        before = catalog.segments("default", "a")
        frames = catalog.frame_vectors("default", "a")
        assert catalog.edit("default", "a", title="t", tags=["night", "sun", "night"]) == 3
        video = catalog.video("default", "a")
        assert (video.title, video.tags, video.segments) == ("t", ("night", "sun"), 3)
        assert [each.id for each in catalog.videos("default", tags=["sea"])] == ["b"]
        assert [each.id for each in catalog.videos("default", tags=["night"])] == ["a"]
        assert catalog.tags("default") == ["night", "sea", "sun"]
        after = catalog.segments("default", "a")
        assert [replace(each, id=0) for each in after] == [replace(each, id=0) for each in before]
        assert min(each.id for each in after) > max(each.id for each in before)
        times, vectors = catalog.frame_vectors("default", "a")
        assert (frames[0] == times).all()
        assert (frames[1] == vectors).all()
        assert catalog.changes("default", 2) == [Change(3, "put", "a")]

    def test_a_video_may_lose_all_tags(self, catalog: CatalogWriter) -> None:
        """No tags are not the same as tags that stay."""
        a_video(tags=("sea",)).put_into(catalog)
        catalog.edit("default", "a", tags=[])
        assert catalog.video("default", "a").tags == ()
        assert catalog.tags("default") == []

    def test_a_video_without_segments_gets_tags(self, catalog: CatalogWriter) -> None:
        """There was nothing in it to search, and it can be found by its tags all the same."""
        a_video(count=0).put_into(catalog)
        assert catalog.edit("default", "a", tags=["night"]) == 2
        assert [each.id for each in catalog.videos("default", tags=["night"])] == ["a"]
        assert catalog.changes("default", 1) == [Change(2, "put", "a")]

    def test_the_same_again_is_not_a_change(self, catalog: CatalogWriter) -> None:
        """So a job that is run twice changes a video once."""
        a_video(tags=("caf\u00e9",)).put_into(catalog)
        assert catalog.edit("default", "a", title="video a", tags=["cafe\u0301"]) == 1
        assert catalog.edit("default", "a") == 1
        assert catalog.changes("default", 1) == []

    def test_a_missing_video_is_not_found(self, catalog: CatalogWriter) -> None:
        """Whatever it was to be given."""
        with pytest.raises(VideoNotFound):
            catalog.edit("default", "nope", title="t")

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
    def test_what_cannot_be_stored_is_refused(self, catalog: CatalogWriter, text: str) -> None:
        """In titles and in tags; nothing is changed."""
        a_video().put_into(catalog)
        with pytest.raises(ValueError, match="Unicode text"):
            catalog.edit("default", "a", title=text)
        with pytest.raises(ValueError, match="Unicode text"):
            catalog.edit("default", "a", title="t", tags=[text])
        assert catalog.video("default", "a").title == "video a"


class TestRead:
    def test_videos_come_by_id_in_pages(self, catalog: CatalogWriter) -> None:
        """Pages join without gap; the order is that of code points."""
        ids = ["B", "_c", "a", "b", "ä"]
        for video_id in reversed(ids):
            a_video(video_id, count=1).put_into(catalog)
        pages: list[list[str]] = [[]]
        while page := catalog.videos("default", after=(pages[-1] or [""])[-1], limit=2):
            pages.append([video.id for video in page])
        assert pages == [[], ["B", "_c"], ["a", "b"], ["ä"]]

    @pytest.mark.parametrize("stored", ["été", "e\u0301te\u0301"], ids=["NFC", "NFD"])
    def test_a_tag_is_one_in_every_normal_form(self, catalog: CatalogWriter, stored: str) -> None:
        """Keyboards compose letters and macOS decomposes them; people mean the same."""
        a_video("a", tags=(stored,)).put_into(catalog)
        for asked in ("été", "e\u0301te\u0301"):
            assert [v.tags for v in catalog.videos("default", tags=[asked])] == [("été",)]

    def test_tags_filter_by_all_of_them(self, catalog: CatalogWriter) -> None:
        """Tags are compared as a whole, and pages are filled after the filter."""
        a_video("a", tags=("night", "red")).put_into(catalog)
        a_video("b", tags=("nights",)).put_into(catalog)
        a_video("c", tags=("night", 'ré"d%_')).put_into(catalog)
        a_video("d").put_into(catalog)

        def found(*tags: str, limit: int = 100) -> list[str]:
            return [video.id for video in catalog.videos("default", tags=tags, limit=limit)]

        assert found("night") == ["a", "c"]
        assert found("night", limit=1) == ["a"]
        assert found("red", "night") == ["a"]
        assert found('ré"d%_') == ["c"]
        assert found("Night") == found("night", "x\0") == []

    def test_videos_by_id_leaves_out_what_is_missing(self, catalog: CatalogWriter) -> None:
        """Ids that no video has are not in the answer."""
        a_video("a").put_into(catalog)
        a_video("b").put_into(catalog)
        asked = ["b", "nope", "b", "\0", "\udcff"]
        found = catalog.videos_by_id("default", asked)
        assert {key: video.uri for key, video in found.items()} == {"b": "/videos/b.mp4"}
        assert catalog.videos_by_id("default", []) == {}

    def test_names_are_those_of_the_videos(self, catalog: CatalogWriter) -> None:
        """Of all of a collection, or of those that are asked for and exist."""
        catalog.ensure_collection("family", "toy", DIM, "f1")
        for name in ("a", "b"):
            a_video(name).put_into(catalog)
        a_video("c").put_into(catalog, "family")
        a, b = (
            Named(
                name,
                f"video {name}",
                f"/videos/{name}.mp4",
                6.0,
                found.indexed_at,
                RECORDED,
                360,
                "yard",
            )
            for name, found in sorted(catalog.videos_by_id("default", ["a", "b"]).items())
        )
        assert sorted(catalog.names("default")) == [a, b]
        assert list(catalog.names("default", video_ids=["b", "nope", "c"])) == [b]
        assert list(catalog.names("default", video_ids=[])) == []
        assert list(catalog.names("nowhere")) == []

    def test_as_many_ids_as_there_are_can_be_asked_for(self, catalog: CatalogWriter) -> None:
        """More ids than a statement may have parameters (32766 in SQLite, 65535 in PostgreSQL)."""
        a_video("a").put_into(catalog)
        many = [f"{i:x}" for i in range(70_000)]
        assert list(catalog.videos_by_id("default", many)) == ["a"]
        assert len(whole(catalog, many)) == 3

    @pytest.mark.parametrize("video_id", ["nope", "\0", "\udcff"], ids=["unknown", "NUL", "lone"])
    def test_a_missing_video_has_its_error(self, catalog: CatalogWriter, video_id: str) -> None:
        """Whatever the id looks like."""
        for read in (catalog.video, catalog.segments, catalog.frame_vectors, catalog.remove):
            with pytest.raises(VideoNotFound):
                read("default", video_id)
        assert catalog.video_at("default", video_id) is None

    def test_a_segment_is_found_by_its_id(self, catalog: CatalogWriter) -> None:
        """With the name of its collection."""
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video().put_into(catalog, "other")
        wanted = catalog.segments("other", "a")[1]
        assert catalog.segment(wanted.id) == ("other", wanted)

    def test_a_segment_is_found_within_some_collections(self, catalog: CatalogWriter) -> None:
        """One of another collection is as one that does not exist."""
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video().put_into(catalog, "other")
        wanted = catalog.segments("other", "a")[1]
        assert catalog.segment(wanted.id, within=["default", "other"]) == ("other", wanted)
        for within in (["default", "othe", "other_"], []):
            with pytest.raises(SegmentNotFound):
                catalog.segment(wanted.id, within=within)

    @pytest.mark.parametrize("segment_id", [0, -1, 999, 2**63, 2**80])
    def test_a_missing_segment_has_its_error(self, catalog: CatalogWriter, segment_id: int) -> None:
        """Also for numbers that no database holds."""
        with pytest.raises(SegmentNotFound):
            catalog.segment(segment_id)

    def test_changes_are_those_past_a_version(self, catalog: CatalogWriter) -> None:
        """Ascending, one per version, without gap."""
        for video_id in "abc":
            a_video(video_id).put_into(catalog)
        assert catalog.changes("default", 1) == [Change(2, "put", "b"), Change(3, "put", "c")]
        assert catalog.changes("default", 3) == []

    def test_thumbnails_are_those_of_all_segments(self, catalog: CatalogWriter) -> None:
        """What no row names can be swept."""
        for video_id in "ab":
            a_video(video_id, count=2).put_into(catalog)
        assert sorted(catalog.thumbnails("default")) == [
            *a_video("a", count=2).picture.thumbnails,
            *a_video("b", count=2).picture.thumbnails,
        ]

    def test_check_accepts_a_catalog_that_can_be_read(self, catalog: CatalogWriter) -> None:
        """Readiness is not an error."""
        catalog.check()


class TestBlocks:
    def test_blocks_hold_every_segment_in_the_order_of_ids(self, catalog: CatalogWriter) -> None:
        """Rows belong together as they were put."""
        videos = {video_id: a_video(video_id) for video_id in "ba"}
        for given in videos.values():
            given.put_into(catalog)
        got = whole(catalog)
        segments = catalog.segments("default", "b") + catalog.segments("default", "a")
        assert got.ids.tolist() == [s.id for s in segments]
        assert got.video_ids.tolist() == [s.video_id for s in segments]
        assert got.spans.tolist() == [[s.span.start, s.span.end] for s in segments]
        assert got.best_times.tolist() == [s.best_time for s in segments]
        vectors = np.concatenate([videos[key].picture.vectors for key in "ba"])
        np.testing.assert_allclose(got.vectors, vectors, atol=CODED)
        np.testing.assert_allclose(np.linalg.norm(got.vectors, axis=1), 1, atol=1e-6)

    def test_types_are_those_of_the_contract(self, catalog: CatalogWriter) -> None:
        """Arrays go into an index without a conversion."""
        a_video().put_into(catalog)
        got = next(iter(catalog.blocks("default")))
        types = [array.dtype for array in (got.ids, got.spans, got.best_times)]
        assert types == [np.int64, np.float64, np.float64]
        assert [got.biases.dtype, got.vectors.dtype] == [np.float32, np.float32]
        assert got.video_ids.dtype.kind == "U"

    @pytest.mark.parametrize("block", [1, 2, 6, 7])
    def test_blocks_are_bounded(self, catalog: CatalogWriter, block: int) -> None:
        """No block is empty or longer than asked for, and all together are the same."""
        for video_id in "ab":
            a_video(video_id).put_into(catalog)
        sizes = [len(found) for found in catalog.blocks("default", block=block)]
        assert sum(sizes) == 6
        assert all(0 < size <= block for size in sizes)
        np.testing.assert_array_equal(whole(catalog, block=block).ids, whole(catalog).ids)

    def test_blocks_of_some_videos(self, catalog: CatalogWriter) -> None:
        """Others are left out, and ids that no video has do not matter."""
        for video_id in "abc":
            a_video(video_id).put_into(catalog)
        assert set(whole(catalog, ["c", "a", "nope"]).video_ids) == {"a", "c"}
        assert list(catalog.blocks("default", video_ids=[])) == []

    def test_blocks_that_nobody_takes_leave_nothing_open(self, catalog: CatalogWriter) -> None:
        """A cursor of the server that was left open would be told as an error here."""
        a_video("a").put_into(catalog)
        next(catalog.blocks("default", video_ids=["a"], block=1))
        gc.collect()

    def test_blocks_of_one_call_see_one_moment(self, catalog: CatalogWriter) -> None:
        """A video that comes or goes between two blocks is not torn."""
        for video_id in "ab":
            a_video(video_id).put_into(catalog)
        blocks = catalog.blocks("default", block=1)
        first = next(blocks)
        catalog.remove("default", "b")
        a_video("c").put_into(catalog)
        assert first.video_ids.tolist() == ["a"]
        assert [found.video_ids[0] for found in blocks] == ["a", "a", "b", "b", "b"]


class TestConsistent:
    def test_a_view_stays_at_its_version(self, catalog: CatalogWriter) -> None:
        """Version, blocks and counts of a view belong together while others write."""
        a_video("a").put_into(catalog)
        with catalog.consistent("default") as view:
            a_video("b").put_into(catalog)
            catalog.remove("default", "a")
            assert view.collection("default").version == 1
            assert view.counts("default") == (1, 3, 6.0)
            assert set(whole(view).video_ids) == {"a"}
            assert view.changes("default", 0) == [Change(1, "put", "a")]
        assert catalog.collection("default").version == 3

    def test_a_view_in_a_view_is_the_same_moment(self, catalog: CatalogWriter) -> None:
        """A builder may be handed a view."""
        with catalog.consistent("default") as view:
            a_video().put_into(catalog)
            with view.consistent("default") as again:
                assert again.collection("default").version == 0
            assert view.collection("default").version == 0

    def test_errors_of_the_code_inside_stay_as_they_are(self, catalog: CatalogWriter) -> None:
        """A full snapshot disk is not told as a database that is gone."""
        with pytest.raises(OSError, match="snapshot"), catalog.consistent("default"):
            raise OSError("snapshot disk full")
        a_video().put_into(catalog)


def bearers(catalog: CatalogWriter, among: list[str] | None) -> dict[str, set[str]]:
    """Return the videos of each tag, none of which comes twice."""
    found: dict[str, list[str]] = {}
    for tag, video_ids in catalog.tagged("default", video_ids=among):
        found.setdefault(tag, []).extend(video_ids)
    assert all(len(ids) == len(set(ids)) for ids in found.values())
    return {tag: set(ids) for tag, ids in found.items()}


class TestTags:
    @pytest.fixture
    def tagged(self, catalog: CatalogWriter) -> CatalogWriter:
        """Four videos, three of them with tags, and a tagged one in another collection."""
        for video_id, tags in {"a": ("x", "y"), "b": ("x",), "c": (), "d": ("y", "é")}.items():
            a_video(video_id, tags=tags).put_into(catalog)
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video("a", tags=("x", "z")).put_into(catalog, "other")
        return catalog

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            pytest.param(["x"], {"a", "b"}, id="one"),
            pytest.param(["x", "y"], {"a"}, id="both"),
            pytest.param(["x", "x"], {"a", "b"}, id="one twice"),
            pytest.param(["z"], set(), id="none"),
            pytest.param(["x", "z"], set(), id="one of them none"),
            pytest.param(["e\u0301"], {"d"}, id="decomposed"),
            pytest.param(["x", "\udcff"], set(), id="no text"),
        ],
    )
    def test_videos_are_found_by_all_of_their_tags(
        self, tagged: CatalogWriter, tags: list[str], expected: set[str]
    ) -> None:
        """Each once, of the collection."""
        assert {video.id for video in tagged.videos("default", tags=tags)} == expected

    @pytest.mark.parametrize(
        ("among", "expected"),
        [
            pytest.param(None, {"x": {"a", "b"}, "y": {"a", "d"}, "é": {"d"}}, id="all"),
            pytest.param(["b", "d", "no"], {"x": {"b"}, "y": {"d"}, "é": {"d"}}, id="some"),
            pytest.param(["c"], {}, id="one without"),
            pytest.param([], {}, id="none"),
        ],
    )
    def test_tags_name_the_videos_that_have_them(
        self,
        tagged: CatalogWriter,
        among: list[str] | None,
        expected: dict[str, set[str]],
    ) -> None:
        """Each video once for each of its tags, of the collection, among those given."""
        assert bearers(tagged, among) == expected

    def test_a_tag_of_many_videos_names_each_once(self, catalog: CatalogWriter) -> None:
        """However many pieces they come in."""
        names = [f"v{number}" for number in range(60)]
        for name in names:
            a_video(name, count=1, tags=("all",)).put_into(catalog)
        assert bearers(catalog, None) == {"all": set(names)}

    def test_the_tags_of_a_collection_are_listed(self, tagged: CatalogWriter) -> None:
        """Each once, by code points."""
        assert tagged.tags("default") == ["x", "y", "é"]
        assert tagged.tags("other") == ["x", "z"]
        assert tagged.tags("nope") == []

    def test_tags_follow_their_video(self, tagged: CatalogWriter) -> None:
        """A video that is put again has only its new tags, a removed one has none."""
        a_video("a", tags=("w",)).put_into(tagged)
        tagged.remove("default", "b")
        assert tagged.tags("default") == ["w", "y", "é"]
        assert bearers(tagged, None) == {"w": {"a"}, "y": {"d"}, "é": {"d"}}


class TestWholeVideos:
    """Videos that are taken out of one catalog and put into another one unchanged."""

    def test_videos_are_restored_bit_for_bit(self, catalog: CatalogWriter) -> None:
        """With the time when they were indexed; each is a change of its own."""
        for video_id in ("b", "a", "c"):
            a_video(video_id, tags=("x", "é")).put_into(catalog)
        catalog.ensure_collection("other", "toy", DIM, "f1")
        rows = catalog.stored("default")
        old = [
            replace(each, video=replace(each.video, indexed_at="2020-01-02T03:04:05Z"))
            for each in rows
        ]
        assert catalog.restore("other", old) == 3
        again = catalog.stored("other")
        assert [each.video for each in again] == [each.video for each in old]
        assert [each.video.id for each in again] == ["a", "b", "c"]
        for before, after in zip(rows, again, strict=True):
            for one, other in zip(before.segments, after.segments, strict=True):
                assert one.vector.tobytes() == other.vector.tobytes()
                assert replace(one, vector=other.vector) == other
            assert before.frames is not None
            assert after.frames is not None
            assert before.frames.times.tobytes() == after.frames.times.tobytes()
            assert before.frames.vectors.tobytes() == after.frames.vectors.tobytes()
        assert [change.video_id for change in catalog.changes("other", 0)] == ["a", "b", "c"]
        assert bearers(catalog, None) == {"x": {"a", "b", "c"}, "é": {"a", "b", "c"}}

    def test_whole_videos_come_in_pages(self, catalog: CatalogWriter) -> None:
        """By ids, past one of them; a video without kept frames has none."""
        for video_id in ("a", "b", "c"):
            given = a_video(video_id)
            replace(given, frames=None if video_id == "b" else given.frames).put_into(catalog)
        page = catalog.stored("default", after="a", limit=1)
        assert [(each.video.id, each.frames) for each in page] == [("b", None)]
        assert catalog.stored("default", after="c") == []
        assert catalog.stored("nope") == []

    def test_what_is_restored_replaces_what_was_there(self, catalog: CatalogWriter) -> None:
        """By its id, and by its uri."""
        a_video("a", count=2).put_into(catalog)
        a_video("b", uri="/videos/c.mp4").put_into(catalog)
        catalog.ensure_collection("other", "toy", DIM, "f1")
        a_video("a", count=5).put_into(catalog, "other")
        a_video("c").put_into(catalog, "other")
        catalog.restore("default", catalog.stored("other"))
        assert [(v.id, v.segments) for v in catalog.videos("default")] == [("a", 5), ("c", 3)]

    def test_other_dimensions_are_not_restored(self, catalog: CatalogWriter) -> None:
        """None of the videos is stored then."""
        a_video("a").put_into(catalog)
        catalog.ensure_collection("other", "toy", DIM + 1, "f1")
        with pytest.raises(ValueError, match="vectors of this collection have 9 components"):
            catalog.restore("other", catalog.stored("default"))
        assert catalog.videos("other") == []


def test_what_removed_collections_have_left_is_noted(catalog: CatalogWriter) -> None:
    """By their keys, until it is deleted, or another collection has the key."""
    assert catalog.leftovers() == []
    for name in ("one", "two", "three"):
        catalog.ensure_collection(name, "toy", DIM, "f1")
        catalog.remove_collection(name)
    assert catalog.leftovers() == ["one", "three", "two"]
    catalog.forget_leftover("one")
    catalog.ensure_collection("two", "toy", DIM, "f1")
    assert catalog.leftovers() == ["three"]
    catalog.remove_collection("two")
    assert catalog.leftovers() == ["three", "two"]
