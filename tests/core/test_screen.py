"""Which pictures of a video are read for text, and what the engine reads in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.demo.sentences import Said
from clipseek.demo.utterances import Passage
from clipseek.demo.videos import write_video
from clipseek.frames import FrameBatch
from clipseek.sampling import grid
from clipseek.texts.ocr import RapidReader, open_reader
from clipseek.texts.screen import SHORT_SIDE, read_screen
from clipseek.texts.writing import Line
from clipseek.video.pyav import PyAVFrames
from tests.demo_words import still_plan

GREY = np.full((64, 96, 3), 128, dtype=np.uint8)


class Brightness:
    """Reads the brightness of a picture as its text, and takes a second of its own clock."""

    def __init__(self) -> None:
        self.read_at: list[str] = []
        self.seconds = 0.0

    def clock(self) -> float:
        """Return the time that was spent on reading."""
        return self.seconds

    def read(self, picture: NDArray[np.uint8]) -> list[Line]:
        """Return one line."""
        self.seconds += 1.0
        text = str(int(picture.max())) * 3
        self.read_at.append(text)
        return [Line(text, 1.0, (0.1, 0.1, 0.9, 0.2))]


def _batches(pictures: list[NDArray[np.uint8]]) -> Iterator[FrameBatch]:
    """Yield one picture a second, three in a batch."""
    for start in range(0, len(pictures), 3):
        part = np.stack(pictures[start : start + 3])
        times = np.arange(start, start + len(part), dtype=np.float64)
        yield FrameBatch(part, times, np.zeros(len(part), dtype=np.bool_))


def test_a_picture_that_has_not_changed_is_not_read_again() -> None:
    """Noise of the encoder changes nothing, a letter does; the text stays until it changes."""
    noisy = GREY + np.random.default_rng(1).integers(0, 12, GREY.shape, dtype=np.uint8)
    letter = GREY.copy()
    letter[20:28, 40:48] = 255
    reader = Brightness()
    found = read_screen(_batches([GREY, noisy, GREY, letter, letter]), reader, duration=5)
    assert reader.read_at == ["128128128", "255255255"]
    assert [(each.start, each.end) for each in found.passages] == [(0, 3), (3, 5)]
    assert found.unread == 0


def test_pictures_of_another_size_are_read() -> None:
    """Some videos change their size."""
    small = np.full((32, 96, 3), 128, dtype=np.uint8)
    reader = Brightness()
    batches = [*_batches([GREY]), *_batches([small])]
    read_screen(iter(batches), reader, duration=2)
    assert len(reader.read_at) == 2


def test_the_limit_of_cpu_is_spread_over_the_video() -> None:
    """Ten of forty changing pictures are read, as many of each half but for the first two."""
    shades = [np.full((32, 32, 3), 20 + 17 * (n % 13), dtype=np.uint8) for n in range(40)]
    reader = Brightness()
    times: list[float] = []

    def noted() -> Iterator[FrameBatch]:
        for batch in _batches(shades):
            for row in range(len(batch)):
                before = len(reader.read_at)
                one = slice(row, row + 1)
                yield FrameBatch(batch.pixels[one], batch.times[one], batch.cuts[one])
                if len(reader.read_at) > before:
                    times.append(float(batch.times[row]))

    found = read_screen(noted(), reader, duration=40, max_cpu_s=10, clock=reader.clock)
    assert len(times) == 10
    assert found.unread == 30
    assert len([each for each in times if each < 20]) in (5, 6, 7)
    assert times[-1] > 28


# The engine ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> RapidReader:
    """Return the engine, or skip."""
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    return open_reader()


@pytest.fixture(scope="module")
def signs() -> tuple[Passage, ...]:
    """Return a sign at the top of the first shot, and one below in a part of the second."""
    return (
        Passage("sign", 0.0, 3.0, Said("COFFEE ACADEMY", ""), (0.1, 0.02, 0.85, 0.17)),
        Passage("sign", 3.96, 5.0, Said("Violin workshop", ""), (0.2, 0.83, 0.95, 0.98)),
    )


def test_signs_are_read_when_and_where_they_are(
    engine: RapidReader, signs: tuple[Passage, ...], tmp_path: Path
) -> None:
    """Word for word, within one sampling step; and nothing else is read in the picture."""
    write_video(still_plan(), tmp_path / "a.mp4", signs)
    boxes: list[tuple[float, ...]] = []

    class Noting:
        def read(self, picture: NDArray[np.uint8]) -> list[Line]:
            lines = engine.read(picture)
            boxes.extend(line.box for line in lines)
            return lines

    with PyAVFrames(str(tmp_path / "a.mp4")) as opened:
        batches = opened.read(grid(1.0), short_side=SHORT_SIDE)
        found = read_screen(batches, Noting(), duration=6.0)
    assert [(each.start, each.end, each.text) for each in found.passages] == [
        (0.0, 3.0, "COFFEE ACADEMY"),
        (4.0, 5.0, "Violin workshop"),
    ]
    for box, sign in zip(boxes, signs, strict=True):
        assert sign.box
        assert sign.box[0] - 0.02 < box[0] < box[2] < sign.box[2] + 0.02
        assert sign.box[1] - 0.02 < box[1] < box[3] < sign.box[3] + 0.02


@pytest.mark.parametrize("grain", [1, 8, 40])
def test_noise_has_no_text(engine: RapidReader, grain: int) -> None:
    """Whatever the size of its grains."""
    small = np.random.default_rng(3).integers(0, 256, (240 // grain, 400 // grain, 3))
    noise = small.astype(np.uint8).repeat(grain, axis=0).repeat(grain, axis=1)
    found = read_screen(_batches([noise]), engine, duration=1)
    assert found.passages == []
