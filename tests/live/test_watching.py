"""Watching fires once for each event of what is new, whatever ends or begins again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipseek.errors import ServiceUnavailable
from clipseek.live import watching
from clipseek.live.asking import said
from clipseek.live.moments import time_of
from clipseek.live.watching import Watching
from clipseek.parts import Like, Text
from clipseek.query import Query, Step
from clipseek.recorded import seconds_of
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog, MemoryWatches, ToyEmbedder
from clipseek.timed import SUBTITLE, Cue, TimedText
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video
from clipseek.watches import Alert, Watch
from tests.api.library import toy_model
from tests.searching import searcher_over

START = seconds_of("2026-11-29T10:00:00Z") or 0.0


class Studio:
    """A collection, its watches, and processes that judge it."""

    def __init__(self, folder: Path) -> None:
        self.catalog = MemoryCatalog()
        self.time = START - 10.0
        self.store = MemoryWatches(lambda: self.time)
        self.searcher: Searcher = searcher_over(self.catalog, folder / "snapshots", toy_model)
        self.ensure("default")
        self.one = self.process("one")

    def ensure(self, collection: str) -> None:
        """Make a collection."""
        self.catalog.ensure_collection(collection, "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)

    def process(self, owner: str) -> Watching:
        """Return what judges in another process."""
        parts = self.searcher.collections, self.searcher.texts, self.searcher.senses
        return Watching(*parts, self.store, owner=owner, now=lambda: self.time)

    def watch(self, asked: str | Query = "red", **values: object) -> Watch:
        """Make a watch."""
        query = Query.of(asked) if isinstance(asked, str) else asked
        number = len(self.store.watches())
        made = Watch(f"w{number}", f"watch {number}", "default", said(query), 0.6)
        return self.store.add(replace(made, **values))  # type: ignore[arg-type]  # by name

    def put(
        self,
        name: str,
        colours: Sequence[str],
        *,
        camera: str = "",
        at: float = 0.0,
        collection: str = "default",
        text: str = "",
        frames: bool = False,
    ) -> None:
        """Index a video that shows each colour for a second; a chunk begins `at` seconds.

        With `frames` all of it is one segment, and the vector of each second is stored too.
        """
        edges = np.arange(len(colours) + 1, dtype=np.float64)
        count = len(colours)
        video = Video(
            name,
            f"/{name}",
            name,
            float(count),
            64,
            48,
            1,
            recorded_at=time_of(START + at) if camera else "",
            stream=camera,
        )
        vectors = ToyEmbedder().embed_texts(colours)
        segments = FieldSegments(
            spans=np.stack([edges[:-1], edges[1:]], axis=1),
            vectors=vectors,
            best_times=edges[:-1] + 0.5,
            biases=np.zeros(count, np.float32),
            thumbnails=["a/b.jpg"] * count,
        )
        if frames:
            mean = vectors.mean(axis=0, keepdims=True)
            whole = np.array([[0.0, float(count)]])
            segments = FieldSegments(whole, mean, whole[:, 0], np.zeros(1, np.float32), ["a/b.jpg"])
        texts = (TimedText(SUBTITLE, "1", (Cue(0.0, 1.0, text, "en"),)),) if text else ()
        kept = FrameVectors(edges[:-1], vectors) if frames else None
        self.catalog.put(collection, Put(video, {PICTURE: segments}, frames=kept, texts=texts))

    def alerts(self) -> list[Alert]:
        """Return all alerts, oldest first."""
        return self.store.news(0)

    def spans(self) -> list[tuple[str, float, float]]:
        """Return the video and the seconds of all alerts, oldest first."""
        return [(alert.video_id, alert.start, alert.end) for alert in self.alerts()]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Return an empty collection."""
    return Studio(tmp_path)


def test_a_new_video_causes_an_alert_for_each_event(studio: Studio) -> None:
    """With its span, its best frame and its relevance; the other watch sees nothing."""
    watch = studio.watch(keeps=True)
    studio.watch("green")
    studio.put("film", ["blue", "red", "red", "blue", "red"])
    assert studio.one.turn() == 2
    first, second = studio.alerts()
    assert (first.watch, first.watch_name, first.keeps) == (watch.id, watch.name, True)
    assert (first.start, first.end, first.best_time) == (1.0, 3.0, 1.5)
    assert (second.start, second.end, second.start_at) == (4.0, 5.0, "")
    assert first.relevance > 0.9
    assert studio.one.turn() == 0


def test_what_was_indexed_before_is_not_looked_at(studio: Studio) -> None:
    """Neither if its tags are edited later, nor by a watch that is switched on again."""
    studio.put("old", ["red"])
    studio.time = 4e9  # the videos are indexed at the time of the machine
    watch = studio.watch()
    studio.catalog.edit("default", "old", tags=["a"])
    assert studio.one.turn() == 0
    studio.store.change(replace(watch, is_on=False))
    studio.time = START
    studio.put("meanwhile", ["red"])
    assert studio.one.turn() == 0
    studio.time = 4e9
    studio.store.change(replace(watch, is_on=True))
    studio.catalog.edit("default", "meanwhile", tags=["a"])
    assert studio.one.turn() == 0


def test_a_video_that_is_stored_again_causes_no_second_alert(studio: Studio) -> None:
    """What is new in it does."""
    studio.watch()
    studio.put("film", ["red", "blue"])
    studio.one.turn()
    studio.catalog.edit("default", "film", tags=["a"])
    assert studio.one.turn() == 0
    studio.put("film", ["red", "blue", "red"])
    assert studio.one.turn() == 1
    assert studio.spans() == [("film", 0.0, 1.0), ("film", 2.0, 3.0)]


def test_an_event_goes_on_over_the_chunks_of_a_camera(studio: Studio) -> None:
    """One alert, at its beginning; its end and its best frame grow with it."""
    studio.watch()
    studio.put("c1", ["blue", "red"], camera="door")
    assert studio.one.turn() == 1
    studio.put("c1", ["blue", "red", "red"], camera="door")
    assert studio.one.turn() == 0
    assert studio.spans() == [("c1", 1.0, 3.0)]
    studio.put("c2", ["red", "blue", "red"], camera="door", at=3.0)
    assert studio.one.turn() == 1
    first, second = studio.alerts()
    assert (first.start, first.end) == (1.0, 3.0)
    assert (first.start_at, first.end_at) == (
        "2026-11-29T10:00:01.000Z",
        "2026-11-29T10:00:04.000Z",
    )
    assert (second.video_id, second.start, second.stream) == ("c2", 2.0, "door")


def test_what_a_segment_hides_is_seen_in_its_frames(studio: Studio) -> None:
    """A segment shows its mean; what it shows in one second of six is an event all the same."""
    studio.watch()
    studio.watch("blue")
    shown = ["blue", "blue", "red", "blue", "blue", "blue"]
    studio.put("film", shown, frames=True)
    studio.put("c1", shown, camera="door", frames=True)
    studio.one.turn()
    red = [each for each in studio.alerts() if each.watch == "w0"]
    assert [(each.video_id, each.start, each.end) for each in red] == [
        ("c1", 2.0, 3.0),
        ("film", 2.0, 3.0),
    ]
    assert {each.best_time for each in red} == {2.0}
    assert len(studio.alerts()) == 6
    studio.put("c1", [*shown, "red", "red"], camera="door", frames=True)
    assert studio.one.turn() == 1
    assert studio.spans()[-1] == ("c1", 6.0, 8.0)


def test_cameras_do_not_share_their_events(studio: Studio) -> None:
    """And a watch of one looks at no other."""
    studio.watch(cameras=("door",))
    studio.watch()
    studio.put("c1", ["red"], camera="door")
    studio.put("d1", ["red"], camera="yard")
    studio.put("film", ["red"])
    studio.one.turn()
    found = sorted((alert.watch, alert.video_id) for alert in studio.alerts())
    assert found == [("w0", "c1"), ("w1", "c1"), ("w1", "d1"), ("w1", "film")]


def test_a_camera_is_looked_at_from_the_making_of_the_watch_on(studio: Studio) -> None:
    """Also in the middle of a chunk."""
    studio.time = START + 1.5
    studio.watch()
    studio.put("c1", ["red", "blue", "red"], camera="door")
    studio.one.turn()
    assert studio.spans() == [("c1", 2.0, 3.0)]


def test_a_process_that_begins_again_goes_on(studio: Studio) -> None:
    """In the middle of an event, without losing or repeating an alert."""
    studio.watch()
    studio.put("c1", ["red"], camera="door")
    studio.one.turn()
    studio.one.close()
    studio.put("c1", ["red", "red", "blue"], camera="door")
    studio.put("film", ["red"])
    two = studio.process("two")
    assert two.turn() == 1
    assert studio.spans() == [("c1", 0.0, 2.0), ("film", 0.0, 1.0)]


def test_one_process_judges_and_another_takes_over(studio: Studio) -> None:
    """When the first has given no sign of life for its lease; what that finds later is dropped."""
    studio.watch()
    studio.put("film", ["red"])
    two = studio.process("two")
    assert (studio.one.turn(), two.turn()) == (1, 0)
    studio.put("film2", ["red"])
    studio.time += watching.LEASE_S + 1
    assert two.turn() == 1
    studio.put("film3", ["red"])
    assert studio.one.turn() == 0
    assert two.turn() == 1
    assert len(studio.alerts()) == 3


def test_nothing_is_lost_if_changes_were_forgotten_meanwhile(studio: Studio) -> None:
    """A snapshot was published while nobody judged."""
    studio.watch()
    studio.one.turn()
    for number in range(3):
        studio.put(f"film{number}", ["red"])
    studio.catalog.prune("default", studio.catalog.collection("default").version)
    assert studio.one.turn() == 3


def test_many_videos_are_judged_in_steps(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is stored by itself."""
    monkeypatch.setattr(watching, "VIDEOS_AT_ONCE", 2)
    studio.watch()
    for number in range(5):
        studio.put(f"film{number}", ["red"])
    assert studio.one.turn() == 5
    for number in range(5, 10):
        studio.put(f"film{number}", ["red"])
    assert studio.one.turn() == 5
    assert len({alert.video_id for alert in studio.alerts()}) == 10


def test_a_cooldown_is_for_each_camera(studio: Studio) -> None:
    """And for each video."""
    studio.watch(cooldown_s=3.0)
    for camera in ("door", "yard"):
        studio.put(camera, ["red", "blue", "red", "blue", "red"], camera=camera)
    studio.put("film", ["red", "blue", "red"])
    studio.one.turn()
    assert sorted(studio.spans()) == [
        ("door", 0.0, 1.0),
        ("door", 4.0, 5.0),
        ("film", 0.0, 1.0),
        ("yard", 0.0, 1.0),
        ("yard", 4.0, 5.0),
    ]


def test_a_sequence_fires_with_its_last_step(studio: Studio) -> None:
    """Also if it began in the chunk before; not if too much time is between."""
    studio.watch(Query.of("red", then=[Step((Text("green"),), 2.0)]))
    studio.put("c1", ["red", "blue"], camera="door")
    assert studio.one.turn() == 0
    studio.put("c2", ["green", "blue", "blue", "blue", "green"], camera="door", at=2.0)
    assert studio.one.turn() == 1
    assert studio.spans() == [("c2", 0.0, 1.0)]


def test_what_is_not_wanted_keeps_a_watch_from_firing(studio: Studio) -> None:
    """As in a search: what is orange is yellow too, and what is red is so by half."""
    studio.watch(Query.of((Text("orange"), Text("yellow", -1.0))), threshold=0.4)
    studio.put("film", ["orange", "blue", "red"])
    studio.one.turn()
    assert studio.spans() == [("film", 2.0, 3.0)]


def test_what_is_said_is_watched_for(studio: Studio) -> None:
    """Once, though pictures do not show it; and not if pictures alone are watched."""
    studio.watch("a password")
    studio.watch(Query.of("a password", fields=(PICTURE,)))
    studio.put("film", ["blue", "blue"], text="Tell nobody a password.")
    assert studio.one.turn() == 1
    assert studio.alerts()[0].watch == "w0"
    assert studio.one.turn() == 0


def test_a_watch_that_cannot_be_judged_keeps_no_other_back(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once; it compares with a moment that is gone."""
    studio.watch(Query.of(Like("gone", 1.0)))
    studio.watch()
    studio.put("film", ["red"])
    assert studio.one.turn() == 1
    studio.put("film2", ["red"])
    assert studio.one.turn() == 1
    assert len([each for each in caplog.records if "cannot be judged" in each.message]) == 1


def test_what_looks_alike_is_watched_for(studio: Studio) -> None:
    """A moment of the collection: the fit of an equal one is near 1."""
    studio.put("like", ["red", "blue"])
    studio.time = START
    studio.watch(Query.of(Like("like", 0.5)), since=0.0)
    studio.put("film", ["blue", "red"])
    studio.one.turn()
    assert ("film", 1.0, 2.0) in studio.spans()


def test_a_collection_that_cannot_be_judged_keeps_no_other_back(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is stored as judged, so it is judged when it can be."""
    studio.ensure("other")
    studio.watch()
    studio.watch(collection="other")
    studio.put("film", ["red"])
    studio.put("film", ["red"], collection="other")
    models = studio.searcher.collections.models
    load = models.get

    def failing(collection: object) -> object:
        if getattr(collection, "name", "") == "default":
            raise ServiceUnavailable("the disk is away")
        return load(collection)  # type: ignore[arg-type]  # it is a collection

    monkeypatch.setattr(models, "get", failing)
    assert studio.one.turn() == 1
    monkeypatch.setattr(models, "get", load)
    assert studio.one.turn() == 1
    assert sorted(alert.collection for alert in studio.alerts()) == ["default", "other"]


def test_an_alias_is_watched(studio: Studio) -> None:
    """As the collection behind it, which is judged once for all watches."""
    studio.catalog.set_alias("films", "default")
    studio.watch(collection="films")
    studio.watch()
    studio.watch(collection="missing")
    studio.put("film", ["red"])
    assert studio.one.turn() == 2
    assert sorted(alert.collection for alert in studio.alerts()) == ["default", "films"]
