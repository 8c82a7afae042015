"""Following: a collection is brought to what another one has, whatever became of that meanwhile."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from clipseek.errors import UnreadableVideo
from clipseek.ingest import Report
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCatalog
from clipseek.timed import Cue, TimedText
from clipseek.types import Put, Video
from indexer.following import Following
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.test_objects import FOUND, NOTHING


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> MemoryCatalog:
    """Return a catalog with the collections `old`, which has three videos, and `new`.

    Each video is stored in a second of its own.
    """
    seconds = itertools.count(100)
    monkeypatch.setattr("clipseek.testing.catalog.now", lambda: f"2026-01-01T{next(seconds)}")
    catalog = MemoryCatalog()
    for name in ("old", "new"):
        catalog.ensure_collection(name, f"model of {name}", DIM, name)
    for video_id in "abc":
        a_video(video_id).put_into(catalog, "old")
    return catalog


class Embedding:
    """Embeds the videos that the old collection has, into the new one."""

    def __init__(self, catalog: CatalogWriter) -> None:
        self.catalog = catalog
        self.unreadable: set[str] = set()
        self.asked: list[str] = []
        self.first: Callable[[], None] = lambda: None

    def __call__(self, uris: Sequence[str], amend: Callable[[Put], Put]) -> list[Report]:
        """Put each video that is at a uri; before the first one, do what was asked for."""
        here = self.catalog.videos_at("old", uris)
        first, self.first = self.first, lambda: None
        first()
        return [self._embedded(uri, here[uri].id, amend) for uri in uris]

    def _embedded(self, uri: str, video_id: str, amend: Callable[[Put], Put]) -> Report:
        self.asked.append(video_id)
        given = a_video(video_id, uri=uri, seed=1)
        try:
            if video_id in self.unreadable:
                raise UnreadableVideo(uri, "it is gone")
            put = amend(Put(given.video, {"picture": given.picture}, frames=given.frames))
        except UnreadableVideo as error:
            return Report(uri, "failed", reason=error.reason)
        self.catalog.put("new", put)
        return Report(uri, "indexed", video_id)


@pytest.fixture
def embedding(catalog: MemoryCatalog) -> Embedding:
    """Return what embeds into `new`."""
    return Embedding(catalog)


class Recutting:
    """Gives the objects of the old collection vectors of the other model."""

    def __init__(self, catalog: CatalogWriter) -> None:
        self.catalog = catalog
        self.unreadable: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, videos: Sequence[Video]) -> dict[str, str]:
        """Put the objects of each video, with the last axis as the vector of each."""
        self.asked += [video.id for video in videos]
        for video in videos:
            if video.id in self.unreadable:
                continue
            for _, found in self.catalog.objects("old", video_ids=[video.id]):
                axis = np.eye(DIM, dtype=np.float32)[-1]
                tracks = tuple(replace(track, vector=axis) for track in found.tracks)
                self.catalog.put_objects("new", video.id, replace(found, tracks=tracks))
        return {video.id: "it is gone" for video in videos if video.id in self.unreadable}


@pytest.fixture
def recutting(catalog: MemoryCatalog) -> Recutting:
    """Return what embeds objects into `new`."""
    return Recutting(catalog)


@pytest.fixture
def following(catalog: MemoryCatalog, embedding: Embedding, recutting: Recutting) -> Following:
    """Return what brings `new` to what `old` has."""
    return Following(catalog, "old", "new", embedding, recutting)


def test_objects_are_embedded_anew(
    catalog: MemoryCatalog, following: Following, embedding: Embedding, recutting: Recutting
) -> None:
    """Boxes and stamps stay; what a detector has found since is embedded without the videos."""
    catalog.put_objects("old", "a", FOUND)
    catalog.put_objects("old", "b", NOTHING)
    version = following.catch_up()
    assert catalog.object_stamps("new", ["a", "b", "c"]) == {"a": "demo 1", "b": "demo 1"}
    ((_, found),) = catalog.objects("new", video_ids=["a"])
    assert [track.vector.argmax() for track in found.tracks] == [DIM - 1] * 2
    assert found.tracks[0].boxes.tolist() == FOUND.tracks[0].boxes.tolist()
    embedding.asked.clear()
    catalog.put_objects("old", "c", replace(FOUND, stamp="demo 2"))
    assert following.catch_up(version) == catalog.collection("old").version
    assert catalog.object_stamps("new", ["c"]) == {"c": "demo 2"}
    assert (embedding.asked, sorted(recutting.asked)) == ([], ["a", "b", "c"])
    a_video("a").put_into(catalog, "old")
    catalog.put_objects("old", "a", replace(FOUND, stamp="demo 3"))
    following.catch_up()
    assert catalog.object_stamps("new", ["a"]) == {"a": "demo 3"}


def test_objects_that_cannot_be_embedded_are_left_out_once(
    catalog: MemoryCatalog,
    following: Following,
    recutting: Recutting,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The video stays; its name and why are told, and it is not tried for ever."""
    catalog.put_objects("old", "a", FOUND)
    recutting.unreadable.add("a")
    assert following.catch_up() is not None
    assert following.bare == {"a": "it is gone"}
    assert set(places(catalog, "new")) == {"a", "b", "c"}
    assert "a.mp4: its objects are left out: it is gone" in capsys.readouterr().err


def no_objects(videos: Sequence[Video]) -> dict[str, str]:
    """Embed no objects: there are none."""
    assert not videos
    return {}


def places(catalog: CatalogWriter, collection: str) -> dict[str, str]:
    """Return where each video of a collection is."""
    return {video.id: video.uri for video in catalog.videos(collection)}


def move(catalog: CatalogWriter, video_id: str, uri: str) -> None:
    """Note in the old collection that a file has another name."""
    catalog.relocate("old", video_id, uri, 1, "moved")


def test_what_changes_while_it_embeds_is_caught_up(
    catalog: MemoryCatalog, embedding: Embedding, following: Following
) -> None:
    """It ends at the version after which nothing is different."""

    def change() -> None:
        catalog.remove("old", "a")
        a_video("d").put_into(catalog, "old")
        catalog.edit("old", "b", title="said", tags=["tag"])

    embedding.first = change

    assert following.catch_up() == catalog.collection("old").version
    assert places(catalog, "new") == places(catalog, "old")
    assert (catalog.video("new", "b").title, catalog.video("new", "b").tags) == ("said", ("tag",))
    assert embedding.asked == ["a", "b", "c", "d"]


def test_videos_that_take_each_others_places_are_all_there(
    catalog: MemoryCatalog, embedding: Embedding, following: Following
) -> None:
    """One that has to give way before its own move is known is not lost."""
    version = following.catch_up()
    places_of = places(catalog, "old")
    move(catalog, "c", "/videos/d.mp4")
    move(catalog, "b", places_of["c"])
    move(catalog, "a", places_of["b"])

    assert following.catch_up(version) == catalog.collection("old").version
    assert places(catalog, "new") == places(catalog, "old")


def test_a_video_that_fails_is_named_and_not_read_again(
    catalog: MemoryCatalog, embedding: Embedding, following: Following
) -> None:
    """The others are there, and later rounds do not forget it."""
    embedding.unreadable = {"b"}

    version = following.catch_up()
    assert following.catch_up(version) == version

    assert set(following.failed) == {"b"}
    assert set(places(catalog, "new")) == {"a", "c"}
    assert embedding.asked.count("b") == 1


def test_a_file_with_another_content_is_not_put_under_its_name(
    catalog: MemoryCatalog, following: Following, embedding: Embedding
) -> None:
    """A video of which nothing was stored counts as failed, although nothing reported that."""

    def embed(uris: Sequence[str], amend: Callable[[Put], Put]) -> list[Report]:
        found = embedding([uri for uri in uris if "/b" not in uri], amend)
        return [*found, *(Report(uri, "unchanged", "c") for uri in uris if "/b" in uri)]

    following.embed = embed
    version = following.catch_up()
    assert following.catch_up(version) == version
    assert set(following.failed) == {"b"}


def test_a_video_that_was_put_again_is_embedded_again(
    catalog: MemoryCatalog, embedding: Embedding, following: Following
) -> None:
    """It may have been sampled in another way; one that only moved is not read."""
    version = following.catch_up()
    embedding.asked.clear()
    a_video("a").put_into(catalog, "old")
    move(catalog, "b", "/videos/moved.mp4")

    following.catch_up(version)

    assert embedding.asked == ["a"]
    assert places(catalog, "new") == places(catalog, "old")


def test_what_was_left_out_may_stay(catalog: MemoryCatalog) -> None:
    """A rollback does not remove from the old collection what the new one never had."""
    for video_id in "ab":
        a_video(video_id).put_into(catalog, "new")

    def embed(_uris: Sequence[str], _amend: Callable[[Put], Put]) -> list[Report]:
        return []

    Following(catalog, "new", "old", embed, no_objects, kept=frozenset("c")).catch_up()
    assert set(places(catalog, "old")) == set("abc")
    Following(catalog, "new", "old", embed, no_objects).catch_up()
    assert set(places(catalog, "old")) == set("ab")


def test_subtitles_are_followed_without_embedding(catalog: MemoryCatalog) -> None:
    """They are copied: with a video that is embedded, and later if they change alone."""
    said = TimedText("subtitle", "1", (Cue(0, 1, "hello"),))
    catalog.put_text("old", "a", said)
    embedding = Embedding(catalog)
    following = Following(catalog, "old", "new", embedding, no_objects)
    version = following.catch_up()
    assert list(catalog.texts("new")) == [("a", said)]
    other = TimedText("subtitle", "2", (Cue(0, 1, "bye"),))
    catalog.put_text("old", "b", other)
    embedding.asked.clear()
    following.catch_up(version)
    assert list(catalog.texts("new")) == [("a", said), ("b", other)]
    assert embedding.asked == []
