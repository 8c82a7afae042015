"""What every FrameSource promises, over both readers of files and the fake."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.protocols import FrameSource, FrameSourceOpener
from clipseek.sampling import grid
from clipseek.testing import SyntheticFrames
from clipseek.video import Confined, DecordFrames, Limits, PyAVFrames
from tests.contracts.readers import NEAR, read_all
from tests.contracts.videos import BLUE, RED, Plan, shown, write

LIMITS = Limits(frame_pixels=2**26, frame_rate=1000, frame_s=60, decode_s=600, memory_bytes=2**30)
RATES = [Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)]


Opener = Callable[[Plan], FrameSource]


@pytest.fixture(scope="module")
def confined() -> Iterator[Confined]:
    """Decode in a child process, one for all tests here."""
    with Confined(PyAVFrames, limits=LIMITS) as opener:
        yield opener


@pytest.fixture(params=["pyav", "decord", "synthetic", "confined"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, confined: Confined) -> Opener:
    """Open a plan as a video, by each implementation."""
    return _opener(str(request.param), tmp_path, confined)


@pytest.fixture(params=["pyav", "decord", "synthetic"])
def opened_here(request: pytest.FixtureRequest, tmp_path: Path, confined: Confined) -> Opener:
    """Open a plan by those that ask the very detector they are given, and not a copy of it."""
    return _opener(str(request.param), tmp_path, confined)


def _opener(kind: str, folder: Path, confined: Confined) -> Opener:

    def from_file(reader: FrameSourceOpener, plan: Plan) -> FrameSource:
        write(folder / "video.mp4", plan)
        return reader(str(folder / "video.mp4"))

    openers: dict[str, Opener] = {
        "pyav": lambda plan: from_file(PyAVFrames, plan),
        "decord": lambda plan: from_file(DecordFrames, plan),
        "confined": lambda plan: from_file(confined, plan),
        "synthetic": lambda plan: SyntheticFrames(plan.shots, frame_rate=plan.rate, size=plan.size),
    }
    return openers[kind]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_yields_the_frames_shown_at_each_second(opened: Opener, rate: Fraction) -> None:
    """At each second comes the last frame that began by then, with its own time."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        read = read_all(source, grid(1))
    assert read.times == NEAR(shown(plan, [0, 1, 2, 3, 4, 5]), abs=1e-5)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_pictures_belong_to_their_times(opened: Opener, rate: Fraction) -> None:
    """Every frame has the colour of the shot at its time: red 0-2 s, blue 2-5 s."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        read = read_all(source, grid(rate))
    assert read.colours == [plan.colour(time) for time in plan.times]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_exact_times_reach_every_frame(opened: Opener, rate: Fraction) -> None:
    """Sampling at the video's own rate yields each frame once."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        read = read_all(source, grid(rate))
    assert read.times == NEAR([float(time) for time in plan.times], abs=1e-5)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_floating_point_times_reach_every_frame(opened: Opener, rate: Fraction) -> None:
    """Times made as i / fps in floating point mean the frames they were made for."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        read = read_all(source, (i / float(rate) for i in count()))
    assert len(read.times) == len(plan.times)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_cuts_yield_the_first_frame_of_each_shot(opened: Opener, rate: Fraction) -> None:
    """With a cut detector the first blue frame comes too, marked, and nothing else is."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        read = read_all(source, [0.5], with_cuts=True)
    first_blue = next(float(time) for time in plan.times if time >= 2)
    assert read.cuts == NEAR([first_blue], abs=1e-5)
    assert read.times == NEAR([*shown(plan, [0.5]), first_blue], abs=1e-5)


def test_without_a_detector_no_frame_is_marked(opened: Opener) -> None:
    """Cuts are found only by a detector."""
    with opened(Plan()) as source:
        assert read_all(source, grid(1)).cuts == []


class Recorder:
    """A CutDetector that remembers what it was shown, and finds none."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    def is_cut(self, luma: NDArray[np.uint8], time: float | None = None) -> bool:
        """Remember the picture."""
        self.seen.append(luma)
        return False


def test_a_detector_sees_every_frame(opened_here: Opener) -> None:
    """The detector is shown all frames, small and grey, whichever are asked for."""
    recorder = Recorder()
    plan = Plan(shots=((1, RED), (0.2, BLUE)))
    with opened_here(plan) as source:
        list(source.read([], cuts=recorder))
    assert len(recorder.seen) == len(plan.times)
    assert {(luma.shape, luma.dtype.name) for luma in recorder.seen} == {((36, 64), "uint8")}


def test_a_detector_sees_the_brightness(opened_here: Opener) -> None:
    """What the detector is shown is the luma of the frame: blue is darker than red."""
    recorder = Recorder()
    with opened_here(Plan()) as source:
        list(source.read([], cuts=recorder))
    assert float(recorder.seen[0].mean()) == NEAR(76, abs=3)
    assert float(recorder.seen[-1].mean()) == NEAR(29, abs=3)


def test_a_frame_shown_at_several_times_comes_once(opened: Opener) -> None:
    """Times that fall into one frame yield it once."""
    with opened(Plan()) as source:
        assert read_all(source, [0.0, 0.001, 0.039, 1.0, 1.01]).times == NEAR([0.0, 1.0], abs=1e-5)


def test_times_beyond_the_end_yield_nothing(opened: Opener) -> None:
    """After its last frame a video shows nothing."""
    with opened(Plan()) as source:
        assert read_all(source, [4.999, 5.0, 1e9]).times == NEAR([4.96], abs=1e-5)


def test_the_first_frame_is_shown_from_the_beginning(opened: Opener) -> None:
    """A time before the first frame means the first frame."""
    with opened(Plan()) as source:
        assert read_all(source, [-1.0]).times == [0.0]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_duration_becomes_the_end_of_the_last_frame(opened: Opener, rate: Fraction) -> None:
    """After reading, duration is when the last frame ends, even if no time was asked for."""
    plan = Plan(rate=rate)
    with opened(plan) as source:
        assert read_all(source, []).times == []
        assert source.duration == NEAR(float(plan.end), abs=1e-5)


def test_duration_is_claimed_before_reading(opened: Opener) -> None:
    """Before reading, duration is what the container says."""
    with opened(Plan()) as source:
        assert source.duration == NEAR(5.0, abs=0.05)


def test_a_whole_video_has_no_damage(opened: Opener) -> None:
    """A video that could be read to its end has no damage to report."""
    with opened(Plan()) as source:
        read_all(source, grid(1))
        assert source.damage == ""


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_frame_rate_is_exact(opened: Opener, rate: Fraction) -> None:
    """The rate is a fraction, not its nearest decimal."""
    with opened(Plan(rate=rate)) as source:
        assert source.frame_rate == rate


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        pytest.param((128, 72), None, (72, 128), id="as-it-is"),
        pytest.param((128, 72), 36, (36, 64), id="landscape"),
        pytest.param((72, 128), 36, (64, 36), id="portrait"),
        pytest.param((128, 72), 35, (35, 62), id="rounded"),
        pytest.param((128, 72), 256, (72, 128), id="never-up"),
    ],
)
def test_short_side_scales_down(
    opened: Opener, size: tuple[int, int], short_side: int | None, expected: tuple[int, int]
) -> None:
    """Pictures are scaled so that the shorter side is at most `short_side`, in proportion."""
    with opened(Plan(shots=((0.2, RED),), size=size)) as source:
        assert source.size == size
        read = read_all(source, [0.0], short_side=short_side)
    assert read.pixels[0].shape == (*expected, 3)


def test_short_side_must_be_positive(opened: Opener) -> None:
    """A side of zero pixels is refused with a sentence."""
    with (
        opened(Plan()) as source,
        pytest.raises(ValueError, match="short_side must be >= 1, got 0"),
    ):
        read_all(source, [0.0], short_side=0)


def test_batches_are_small(opened: Opener) -> None:
    """No batch holds more than 16 frames, and all but the last hold the same number."""
    with opened(Plan()) as source:
        sizes = [len(batch) for batch in read_all(source, grid(25)).batches]
    assert sizes == [16] * 7 + [13]


def test_a_video_of_one_frame_is_read(opened: Opener) -> None:
    """One frame is a video."""
    with opened(Plan(shots=((0.04, RED),))) as source:
        assert read_all(source, grid(1)).colours == [RED]


def test_a_source_is_read_once(opened: Opener) -> None:
    """A second reading is a mistake of the caller; the video does not seem empty."""
    with opened(Plan()) as source:
        read_all(source, [0.0])
        with pytest.raises(RuntimeError, match="read already"):
            read_all(source, [0.0])
