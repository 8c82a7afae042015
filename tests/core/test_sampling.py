"""When a video is looked at: the grid, the cuts, the repeats."""

from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from clipseek.sampling import ShotCuts, grid, repeats, thumbprint
from clipseek.video import PyAVFrames

Picture = NDArray[np.uint8]

rates = st.fractions(min_value=Fraction(1, 100), max_value=240, max_denominator=1001)
durations = st.floats(min_value=0.001, max_value=60)


@given(rates, durations)
def test_the_grid_covers_the_video_evenly(fps: Fraction, duration: float) -> None:
    """The grid begins at zero, goes on in equal steps, and leaves out less than one at the end."""
    times = list(grid(fps, duration))
    assert times[0] == 0
    assert {later - earlier for earlier, later in pairwise(times)} <= {1 / fps}
    assert times[-1] < duration <= times[-1] + 1 / fps


@given(rates)
def test_a_float_rate_means_its_fraction(fps: Fraction) -> None:
    """The grid of 23.976023976023978 is that of 24000/1001."""
    assert list(islice(grid(float(fps)), 1000)) == list(islice(grid(fps), 1000))


def test_a_float_rate_that_is_no_fraction_is_taken_as_it_is() -> None:
    """It has no denominator of up to 10 000 within what floats round."""
    fps = 3.1415926535
    assert list(islice(grid(fps), 3)) == [0, 1 / Fraction(fps), 2 / Fraction(fps)]


@given(st.floats(min_value=1e-6, max_value=1000))
def test_any_positive_rate_has_a_grid(fps: float) -> None:
    """No rate is rounded to zero."""
    assert float(next(islice(grid(fps), 7, None))) == pytest.approx(7 / fps)


def test_a_video_shorter_than_a_step_is_looked_at_once() -> None:
    """A video of a tenth of a second has the time 0."""
    assert list(grid(1, 0.1)) == [0]


def test_ten_minutes_at_29_97_have_six_hundred_times() -> None:
    """One time a second, at any frame rate of the video."""
    assert len(list(grid(1, 600 * 1.001))) == 601
    assert len(list(grid(1, 600))) == 600


@pytest.mark.parametrize("fps", [0, -1.0, float("nan"), float("inf")], ids=str)
def test_a_rate_that_is_none_is_refused(fps: float) -> None:
    """The refusal names the value and what is expected, at once."""
    with pytest.raises(ValueError, match=rf"^fps must be > 0, got {fps}$"):
        grid(fps)


# Cuts. Scenes are random fields of brightness, smooth enough to be moved.

HEIGHT, WIDTH = 36, 64


def scene(seed: int) -> Picture:
    """Return a picture of soft shapes, uint8 (36, 128): twice as wide as what is seen."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 20), np.uint8)
    return np.asarray(Image.fromarray(small).resize((2 * WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def still(seed: int, frames: int, *, noise: float = 0) -> list[Picture]:
    """Return so many frames of one scene, with noise of that standard deviation."""
    rng = np.random.default_rng(seed)
    clean = scene(seed)[:, :WIDTH].astype(float)
    return [levels(clean + rng.normal(0, noise, clean.shape)) for _ in range(frames)]


def levels(picture: NDArray[np.float64]) -> Picture:
    """Round and limit to uint8."""
    return np.clip(picture.round(), 0, 255).astype(np.uint8)


def cuts(frames: list[Picture], frame_rate: Fraction | float = 25) -> list[int]:
    """Return the numbers of the frames that begin a shot."""
    detector = ShotCuts(frame_rate)
    return [i for i, frame in enumerate(frames) if detector.is_cut(frame)]


def test_a_lasting_glare_is_a_shot() -> None:
    """A white page that stays begins a shot, once it has stayed longer than a flash."""
    page = [np.full((HEIGHT, WIDTH), 250, np.uint8)] * 20
    assert cuts(still(5, 20) + page + still(5, 20)) == [23, 40]


@pytest.mark.parametrize("noise", [0, 4, 10])
def test_hard_cuts_are_found(noise: float) -> None:
    """Each change of scene is a cut, with noise or without."""
    frames = [frame for seed in range(8) for frame in still(seed, 30, noise=noise)]
    assert cuts(frames) == [30 * n for n in range(1, 8)]


def test_cuts_between_plain_colours_are_found() -> None:
    """Shots without any structure differ by their brightness."""
    plain = [np.full((HEIGHT, WIDTH), level, np.uint8) for level in (76, 29, 150, 16)]
    assert cuts([frame for frame in plain for _ in range(20)]) == [20, 40, 60]


def test_a_cut_to_black_is_found() -> None:
    """A black card between two scenes is a shot."""
    black = [np.zeros((HEIGHT, WIDTH), np.uint8)] * 25
    assert cuts(still(1, 25) + black + still(2, 25)) == [25, 50]


def test_a_moving_camera_is_no_cut() -> None:
    """A pan, even a fast one, stays one shot."""
    wide = scene(3)
    assert cuts([wide[:, x : x + WIDTH] for x in range(0, WIDTH, 2)]) == []


def test_a_cut_after_a_fast_pan_is_found() -> None:
    """The motion before a cut does not hide it."""
    wide = scene(3)
    pan = [wide[:, x : x + WIDTH] for x in range(WIDTH)]
    assert cuts(pan + still(4, 20)) == [len(pan)]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("gain", [1.6, 100], ids=["bright", "white"])
def test_a_flash_is_no_cut(gain: float, length: int) -> None:
    """A few bright or white frames, and back, stay one shot."""
    frame = still(5, 1)[0]
    flash = levels(frame.astype(np.float64) * gain + 20)
    assert cuts([frame] * 20 + [flash] * length + [frame] * 20) == []


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize("frames", [10, 25, 60])
def test_fades_are_no_cuts(frames: int, level: int) -> None:
    """A scene that fades out and in, in 0.4 s or more, is not a new shot."""
    frame = still(6, 1)[0].astype(float)
    shares = [*np.linspace(1, 0, frames), *np.linspace(0, 1, frames)]
    faded = [levels(level + share * (frame - level)) for share in shares]
    assert cuts([levels(frame)] * 20 + faded + [levels(frame)] * 20) == []


def test_a_dissolve_is_no_cut() -> None:
    """One scene that becomes another over a second has no first frame of a shot."""
    one, other = (still(seed, 1)[0].astype(float) for seed in (7, 8))
    mixed = [levels(one + share * (other - one)) for share in np.linspace(0, 1, 25)]
    assert cuts([levels(one)] * 20 + mixed + [levels(other)] * 20) == []


@pytest.mark.parametrize("frame_rate", [10, 25, 60])
def test_shots_shorter_than_a_third_of_a_second_are_not_cut(frame_rate: int) -> None:
    """After a cut, there is none for 0.3 s, at any frame rate."""
    frames = [frame for seed in range(40) for frame in still(seed, frame_rate // 5)]
    found = cuts(frames, frame_rate)
    assert len(found) >= 10
    assert min(later - earlier for earlier, later in pairwise(found)) >= 0.3 * frame_rate


@pytest.mark.parametrize(
    "times",
    [
        pytest.param((0, 0.1, 1.9, 2.0), id="just before"),
        pytest.param((0, 0.1, 1.0, 2.0), id="long before"),
    ],
)
def test_what_was_seen_before_frames_were_left_out_hides_no_cut(times: tuple[float, ...]) -> None:
    """A scene that comes back after two seconds begins a shot, however few frames are judged."""
    one, other = still(2, 1)[0], still(1, 1)[0]
    detector = ShotCuts(25)
    frames = zip((one, other, other, one), times, strict=True)
    assert [detector.is_cut(frame, time) for frame, time in frames] == [False, False, False, True]


def test_what_was_seen_a_moment_before_is_no_cut() -> None:
    """A scene that comes back after 0.3 s or less is a flicker, however few frames are judged."""
    one, other = still(2, 1)[0], still(1, 1)[0]
    detector = ShotCuts(25)
    frames = zip((one, other, other, one), (0, 0.1, 0.2, 0.3), strict=True)
    assert [detector.is_cut(frame, time) for frame, time in frames] == [False] * 4


def test_the_first_frame_is_no_cut() -> None:
    """A video begins without a cut."""
    assert cuts(still(9, 1)) == []


# Hard cuts of the footage, labelled by eye: the number of the first frame of each shot.
LABELLED = {
    "leaf_deer.mp4": [30, 180],
    "bbb_opening.mp4": [285, 378, 553],
    "stage_rap_audience.mp4": [20, 82, 211],
    "nasa_mirror.mp4": [240],
    "popcorn.ogv": [],
    "cars_overhead.mp4": [],
    "chimps_water.mp4": [],
    "highway_dashcam.mp4": [],
    "tears_of_steel.webm": [
        *(52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284),
        *(1345, 1378, 1430, 1472, 1525, 1571, 1618, 1650, 1689),
    ],
}


class Numbered:
    """A ShotCuts that remembers which frames it called cuts."""

    def __init__(self, frame_rate: Fraction) -> None:
        self._cuts = ShotCuts(frame_rate)
        self._seen = 0
        self.found: list[int] = []

    def is_cut(self, luma: Picture, time: float | None = None) -> bool:
        """Ask the detector."""
        is_cut = self._cuts.is_cut(luma, time)
        if is_cut:
            self.found.append(self._seen)
        self._seen += 1
        return is_cut


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_cuts_of_real_videos_are_found(videos_dir: Path, name: str) -> None:
    """At most one labelled cut of a video is missed, and nothing else is called a cut."""
    with PyAVFrames(videos_dir / name) as source:
        detector = Numbered(source.frame_rate)
        list(source.read([], cuts=detector))
    assert set(detector.found) <= set(LABELLED[name])
    assert len(LABELLED[name]) - len(detector.found) <= 1


# Repeats.


def picture(seed: int = 0, size: tuple[int, int] = (256, 456)) -> Picture:
    """Return a picture of soft shapes, uint8 (H, W, 3)."""
    small = np.random.default_rng(seed).integers(40, 216, (9, 16, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        pytest.param((255, 0, 0), (76.2, -43.0, 127.5), id="red"),
        pytest.param((0, 255, 0), (149.7, -84.5, -106.8), id="green"),
        pytest.param((0, 0, 255), (29.1, 127.5, -20.7), id="blue"),
    ],
)
def test_a_thumbprint_is_the_mean_of_blocks(
    colour: tuple[int, int, int], expected: tuple[float, float, float]
) -> None:
    """A plain colour has its luma and chroma everywhere, after ITU-R BT.601."""
    blocks = thumbprint(np.tile(np.array(colour, np.uint8), (100, 70, 1)))
    assert (blocks.shape, blocks.dtype.name) == ((32, 32, 3), "float32")
    np.testing.assert_allclose(blocks, np.broadcast_to(expected, (32, 32, 3)), atol=0.1)


@pytest.mark.parametrize("size", [(20, 30), (1, 1), (33, 500)], ids=str)
def test_small_pictures_have_thumbprints(size: tuple[int, int]) -> None:
    """A picture of fewer pixels than blocks has one block for each."""
    blocks = thumbprint(picture(size=size))
    assert blocks.shape == (min(32, size[0]), min(32, size[1]), 3)
    assert repeats(blocks, blocks)


def test_noise_is_a_repeat() -> None:
    """The same picture with the noise of a camera shows nothing new."""
    noise = np.random.default_rng(0).normal(0, 6, (256, 456, 3))
    noisy = levels(picture().astype(float) + noise)
    assert repeats(thumbprint(picture()), thumbprint(noisy))


def test_another_picture_is_no_repeat() -> None:
    """Another scene is new."""
    assert not repeats(thumbprint(picture(0)), thumbprint(picture(1)))


def test_a_small_thing_in_the_corner_is_no_repeat() -> None:
    """What enters at the edge of the picture counts, although the rest stays as it was."""
    entered = picture().copy()
    entered[:12, :16] = (entered[:12, :16].astype(int) + 80) % 256
    assert not repeats(thumbprint(picture()), thumbprint(entered))


def test_a_change_of_colour_alone_is_no_repeat() -> None:
    """A lamp that turns from red to green, equally bright, is new."""
    red, green = (np.tile(np.array(c, np.uint8), (64, 64, 1)) for c in ((150, 0, 0), (0, 76, 0)))
    assert not repeats(thumbprint(red), thumbprint(green))


def test_pictures_of_two_sizes_are_no_repeats() -> None:
    """Prints of different shapes are of different things."""
    assert not repeats(thumbprint(picture(size=(20, 30))), thumbprint(picture()))
