"""Chunks that grow: their segments are those of a file, and little is stored again."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import segments
from clipseek.live.growing import TAIL, WINDOW, Grown, OpenChunk
from clipseek.model import Model
from clipseek.testing import ToyEmbedder
from clipseek.types import PICTURE, Relevance, Video

VIDEO = Video("abc", "camera://door/2026-01-01T00-00-00-000Z", "door", 0.0, 640, 360, 0)
DIM = 8


@pytest.fixture
def model() -> Model:
    """Return a model whose bank says nothing in particular."""
    embedder = ToyEmbedder()
    bank = np.eye(DIM, dtype=np.float32)
    return Model("toy", embedder, 100.0, 0.85, Relevance(1.0, 0.0, fitted=False), bank)


def scene(number: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the vector of a frame of one of some scenes."""
    row = np.eye(DIM)[number % DIM] + rng.normal(scale=0.05, size=DIM)
    unit: NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


class Ledger:
    """Stores growths as a catalog does, and counts the rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, float]] = []
        self.vectors: list[NDArray[np.float32]] = []
        self.shots: list[bool] = []
        self.thumbnails: list[str] = []
        self.pictures: set[str] = set()
        self.written = 0

    def store(self, grown: Grown) -> None:
        """Replace what begins at `since` or later."""
        new = grown.growth.put.fields[PICTURE]
        keep = sum(start < grown.growth.since for start, _, _ in self.rows)
        for rows in (self.rows, self.vectors, self.shots, self.thumbnails):
            del rows[keep:]
        spans = [(s, e, b) for (s, e), b in zip(new.spans.tolist(), new.best_times, strict=True)]
        self.rows += spans
        self.vectors += list(new.vectors)
        assert new.shots is not None
        self.shots += new.shots.tolist()
        self.thumbnails += new.thumbnails
        self.pictures |= set(grown.pictures)
        self.written += len(new)


def record(
    model: Model, frames: list[tuple[float, int, bool]], *, until: float, every: int = 1
) -> tuple[Ledger, OpenChunk, NDArray[np.float32]]:
    """Record frames (time, scene, cut), commit after so many of each, and close the chunk."""
    rng = np.random.default_rng(7)
    chunk, ledger, rows = OpenChunk(VIDEO, "default"), Ledger(), []
    for number, (time, shown, cut) in enumerate(frames):
        rows.append(scene(shown, rng))
        chunk.add(time, cut=cut, vector=rows[-1], jpeg=b"jpeg %d" % number)
        if number % every == 0 and (grown := chunk.grow(model)) is not None:
            ledger.store(grown)
            chunk.committed(grown)
    chunk.reached = until
    grown = chunk.grow(model, closes=True)
    assert grown is not None
    ledger.store(grown)
    chunk.committed(grown)
    return ledger, chunk, np.stack(rows)


def test_a_chunk_has_the_segments_of_a_file(model: Model) -> None:
    """Scenes of some seconds, with and without cuts: each border is where a file has it."""
    shown = np.repeat(np.arange(30), 7)
    frames = [(float(t), int(s), bool(t and t % 70 == 0)) for t, s in enumerate(shown)]
    ledger, _, rows = record(model, frames, until=210.0)
    cuts = np.array([cut for _, _, cut in frames])
    whole = segments.form(np.arange(210.0), rows, cuts, 210.0, coherence=0.85)
    assert [row[:2] for row in ledger.rows] == [tuple(span) for span in whole.spans.tolist()]
    assert ledger.shots == whole.shots.tolist()
    assert np.allclose(np.stack(ledger.vectors), whole.vectors, atol=1e-6)


def test_the_spans_cover_the_chunk_after_each_commit(model: Model) -> None:
    """Without gap and overlap, from 0 to the last frame, however long a shot is."""
    rng = np.random.default_rng(3)
    chunk, ledger = OpenChunk(VIDEO, "default"), Ledger()
    for second in range(3 * WINDOW):
        chunk.add(float(second), cut=False, vector=scene(second // 5, rng), jpeg=b"x")
        grown = chunk.grow(model)
        assert grown is not None
        ledger.store(grown)
        chunk.committed(grown)
        assert ledger.rows[0][0] == 0.0
        ends = [row[1] for row in ledger.rows]
        assert [row[0] for row in ledger.rows[1:]] == ends[:-1]
        assert ends[-1] >= second


def test_what_is_settled_is_not_stored_again(model: Model) -> None:
    """An hour of one shot costs a few rows for each frame, and not one for each segment so far."""
    frames = [(float(t), t // 6, False) for t in range(900)]
    ledger, _, _ = record(model, frames, until=900.0)
    assert len(ledger.rows) == 150
    assert ledger.written < 900 * 4


def test_frames_that_are_settled_are_forgotten(model: Model) -> None:
    """The memory of a chunk does not grow with its pictures."""
    _, chunk, _ = record(model, [(float(t), t // 6, False) for t in range(400)], until=400.0)
    assert len(chunk._jpegs) <= WINDOW + TAIL


def test_a_growing_segment_keeps_its_picture(model: Model) -> None:
    """A file for each second would be too many: one at first, and the best one at last."""
    ledger, _, _ = record(model, [(float(t), 1, False) for t in range(60)], until=60.0)
    assert len(ledger.rows) == 1
    assert len(ledger.pictures) <= 2


def test_every_segment_has_a_picture_that_was_stored(model: Model) -> None:
    """And the time of its best frame is in its span."""
    ledger, _, _ = record(model, [(float(t), t // 9, t == 50) for t in range(150)], until=150.0)
    assert set(ledger.thumbnails) <= ledger.pictures
    assert all(start <= best < end for start, end, best in ledger.rows)


def test_nothing_new_is_no_growth(model: Model) -> None:
    """Each growth is a change that every replica reads."""
    chunk = OpenChunk(VIDEO, "default")
    assert chunk.grow(model) is None
    chunk.add(0.0, cut=False, vector=scene(0, np.random.default_rng(0)), jpeg=b"x")
    grown = chunk.grow(model)
    assert grown is not None
    chunk.committed(grown)
    assert chunk.grow(model) is None


def test_a_still_scene_grows_by_its_end_alone(model: Model) -> None:
    """A frame that repeats the last one is not indexed, but the moment lasts longer."""
    chunk = OpenChunk(VIDEO, "default")
    chunk.add(0.0, cut=False, vector=scene(0, np.random.default_rng(0)), jpeg=b"x")
    for reached in (3.0, 6.0):
        chunk.reached = reached
        grown = chunk.grow(model)
        assert grown is not None
        assert grown.growth.put.fields[PICTURE].spans.tolist() == [[0.0, reached]]
        assert grown.growth.put.video.duration == reached
        chunk.committed(grown)


def test_a_moment_that_only_lasts_longer_is_told_apart(model: Model) -> None:
    """It may wait for the next commit; another moment may not."""
    rng = np.random.default_rng(1)
    chunk, said = OpenChunk(VIDEO, "default"), []
    for second, shown in enumerate([0, 0, 0, 1, 1]):
        chunk.add(float(second), cut=second == 3, vector=scene(shown, rng), jpeg=b"x")
        grown = chunk.grow(model)
        assert grown is not None
        said.append(grown.lengthens)
        chunk.committed(grown)
    assert said == [False, True, True, False, True]


def test_frames_that_come_during_a_commit_are_in_the_next(model: Model) -> None:
    """A commit takes a moment, in which a shot may end."""
    rng = np.random.default_rng(1)
    chunk, ledger = OpenChunk(VIDEO, "default"), Ledger()
    chunk.add(0.0, cut=False, vector=scene(0, rng), jpeg=b"0")
    for second in range(1, 20):
        grown = chunk.grow(model)
        chunk.add(float(second), cut=second % 4 == 0, vector=scene(second // 4, rng), jpeg=b"x")
        assert grown is not None
        ledger.store(grown)
        chunk.committed(grown)
    chunk.reached = 20.0
    grown = chunk.grow(model, closes=True)
    assert grown is not None
    ledger.store(grown)
    assert [row[:2] for row in ledger.rows] == [(s, s + 4.0) for s in (0.0, 4.0, 8.0, 12.0, 16.0)]


def test_the_vectors_of_new_frames_come_with_each_growth(model: Model) -> None:
    """Watches look at them; at the end all come together, so that one row is kept."""
    rng = np.random.default_rng(1)
    chunk = OpenChunk(VIDEO, "default")
    for second in range(100):
        chunk.add(float(second), cut=False, vector=scene(second // 5, rng), jpeg=b"x")
        if second % 3 == 2:  # the commit of the two before has failed
            grown = chunk.grow(model)
            assert grown is not None
            chunk.add(second + 0.5, cut=False, vector=scene(second // 5, rng), jpeg=b"x")
            chunk.committed(grown)
            frames, first = grown.growth.put.frames, grown.growth.first_frame
            assert frames is not None
            before = second - 2.5 if first else 0.0
            assert frames.times[[0, -1]].tolist() == [before, second]
            assert first + len(frames.times) == len(chunk) - 1
    grown = chunk.grow(model, closes=True)
    assert grown is not None
    assert grown.growth.put.frames is not None
    assert grown.growth.first_frame == 0
    assert len(grown.growth.put.frames.times) == len(chunk) == 133


def test_no_vectors_of_frames_come_if_they_are_not_kept(model: Model) -> None:
    """Neither with a growth nor at the end."""
    chunk = OpenChunk(VIDEO, "default")
    chunk.add(0.0, cut=False, vector=scene(0, np.random.default_rng(1)), jpeg=b"x")
    for closes in (False, True):
        grown = chunk.grow(model, closes=closes, keep_frames=False)
        assert grown is not None
        assert grown.growth.put.frames is None
        chunk.committed(grown)


def test_a_time_that_was_there_is_left_out(model: Model) -> None:
    """Two frames of one moment would have no length."""
    rng = np.random.default_rng(1)
    chunk = OpenChunk(VIDEO, "default")
    for time in (1.0, 1.0, 0.5, 2.0):
        chunk.add(time, cut=False, vector=scene(0, rng), jpeg=b"x")
    assert len(chunk) == 2


def test_the_video_is_named_as_it_was_begun(model: Model) -> None:
    """What is known of it later, such as its size, goes with the next growth."""
    chunk = OpenChunk(VIDEO, "default")
    chunk.add(0.0, cut=False, vector=scene(0, np.random.default_rng(0)), jpeg=b"x")
    chunk.video = replace(VIDEO, width=1280)
    grown = chunk.grow(model)
    assert grown is not None
    assert (grown.growth.put.video.id, grown.growth.put.video.width) == ("abc", 1280)
