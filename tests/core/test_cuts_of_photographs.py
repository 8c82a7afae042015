"""Cuts, and what is not one, in moving pictures of photographs: pans, zooms, flashes, dissolves."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from clipseek.sampling import ShotCuts, grid, may_part, repeats, thumbprint
from clipseek.video import PyAVFrames
from clipseek.video.pyav import Decode
from tests.contracts.readers import read_all
from tests.contracts.videos import Plan, rgb_frame, write
from tests.photographs import (
    Look,
    Picture,
    levels,
    mixed,
    moving,
    noisy,
    shot,
    slow,
    still,
)

NAMES = ("astronaut", "camera", "coffee", "chelsea", "rocket")
MORE = ("china", "flower", "coins", "ihc", "page")
ALL = NAMES + MORE


def cuts(frames: list[Picture], frame_rate: Fraction | float = 25) -> list[int]:
    """Return the numbers of the frames that begin a shot."""
    detector = ShotCuts(frame_rate)
    return [i for i, frame in enumerate(frames) if detector.is_cut(frame)]


# Hard cuts.


@pytest.mark.parametrize("rate", [10, 24, 25, 30, 60])
def test_each_hard_cut_is_found_at_its_frame(rate: int) -> None:
    """Ten shots of a second, each with a slow pan, part at nine frames, at any frame rate."""
    frames = [frame for name in ALL for frame in slow(name, rate)]
    assert cuts(frames, rate) == [rate * n for n in range(1, 10)]


def test_noise_hides_no_cut_and_makes_none() -> None:
    """A camera's noise of six levels changes nothing."""
    frames = [frame for name in ALL for frame in slow(name, 25)]
    assert cuts(noisy(frames, 6)) == [25 * n for n in range(1, 10)]


def test_a_cut_in_the_middle_of_a_zoom_is_found() -> None:
    """The camera moves on through the cut."""
    frames = shot("coffee", Look(zoom=1), Look(zoom=3), 25)
    frames += shot("rocket", Look(zoom=1), Look(zoom=3), 25)
    assert cuts(frames) == [25]


def test_a_cut_between_two_dim_textures_is_found() -> None:
    """Fur and brick are equally bright: they differ by eleven levels beyond motion."""
    assert cuts(still("chelsea", 25) + still("brick", 25)) == [25]


def test_a_cut_that_keeps_the_brightness_is_found_after_a_moving_shot() -> None:
    """Fur and grass have the same range of brightness; the cut is nine times the motion before."""
    frames = shot("chelsea", Look(0), Look(1), 12) + shot("grass", Look(0.3), Look(0.4), 25)
    assert cuts(frames) == [12]


def test_a_cut_between_akin_pictures_is_found() -> None:
    """Two photographs of a dark thing before a bright sky correlate by a half."""
    assert cuts(still("china", 25) + still("camera", 25)) == [25]


def test_a_cut_in_fog_is_found() -> None:
    """Two pictures with a fortieth of the usual contrast still have structure."""

    def fog(name: str, mean: float) -> Picture:
        picture = still(name, 1)[0].astype(float)
        return levels((picture - picture.mean()) / picture.std() * 6 + mean)

    frames = [fog("astronaut", 110)] * 25 + [fog("flower", 128)] * 25
    assert cuts(noisy(frames, 1)) == [25]


# What is not a cut.


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("frames", [25, 50])
def test_pans_are_no_cuts(name: str, frames: int) -> None:
    """A camera that sweeps from edge to edge in one or two seconds stays in its shot."""
    sweep = shot(name, Look(0, zoom=2.2), Look(1, zoom=2.2), frames)
    assert cuts([sweep[0]] * 10 + sweep + [sweep[-1]] * 10) == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("frames", [12, 25])
def test_zooms_are_no_cuts(name: str, frames: int) -> None:
    """Four times nearer and back again, in half a second each, is one shot."""
    nearer = shot(name, Look(zoom=1), Look(zoom=4), frames)
    assert cuts(nearer + nearer[::-1]) == []


def test_a_whip_pan_over_a_flower_is_no_cut() -> None:
    """The camera gathers speed and slows down: no frame changes twice as much as its shot."""
    eased = (1 - np.cos(np.linspace(0, np.pi, 16))) / 2
    sweep = [Look(x, zoom=2.2).luma("flower") for x in eased.tolist()]
    assert cuts([sweep[0]] * 10 + sweep + [sweep[-1]] * 10) == []


@pytest.mark.parametrize("jerk", [0.16, 0.2], ids=str)
def test_a_knock_against_a_still_camera_is_no_cut(jerk: float) -> None:
    """A picture that jumps by a part of its width is the same scene."""
    assert (
        cuts([Look(0.3).luma("astronaut")] * 20 + [Look(0.3 + jerk).luma("astronaut")] * 20) == []
    )


def test_a_step_aside_is_no_cut() -> None:
    """The two pictures of a stereo camera show one scene from two places."""
    assert cuts(still("motorcycle_left", 25) + still("motorcycle_right", 25)) == []


@pytest.mark.parametrize(
    ("name", "drift", "jerk"), [("camera", 0.3, 0.04), ("chelsea", 0.3, 0.08)], ids=["man", "cat"]
)
def test_a_shake_in_a_pan_is_no_cut(name: str, drift: float, jerk: float) -> None:
    """A jump between two frames of a pan keeps the brightness, although everything moved."""
    before = shot(name, Look(0.1, zoom=3), Look(0.1 + drift, zoom=3), 20)
    begin = 0.1 + drift + jerk
    after = shot(name, Look(begin, zoom=3), Look(begin + drift, zoom=3), 20)
    assert cuts(before + after) == []


@pytest.mark.parametrize("name", ALL)
def test_a_lamp_that_goes_on_is_no_cut(name: str) -> None:
    """The same room, three times as bright from one frame to the next."""
    room = still(name, 1)[0].astype(float)
    assert cuts([levels(np.float64(0.35) * room)] * 25 + [levels(room)] * 25) == []


@pytest.mark.parametrize("frames", [3, 4, 5, 6])
def test_a_hand_before_the_lens_is_no_cut(frames: int) -> None:
    """The scene is back within 0.3 s, brighter, as the camera opened its iris meanwhile."""
    scene, hand = still("camera", 1)[0], still("flower", 1)[0]
    covered = mixed(scene, hand, np.linspace(0, 1, frames + 1)[1:].tolist())
    assert cuts([scene] * 20 + covered + [levels(scene * 1.4)] * 20) == []


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("name", ALL)
def test_a_photographers_flash_is_no_cut(name: str, length: int) -> None:
    """White for up to 0.12 s, and the same scene again."""
    scene = still(name, 1)[0]
    assert cuts([scene] * 20 + [levels(scene * 100.0 + 20)] * length + [scene] * 20) == []


@pytest.mark.parametrize("frames", [12, 25, 50])
def test_dissolves_are_no_cuts(frames: int) -> None:
    """One photograph that becomes another in half a second or more has no first frame."""
    for one, other in zip(NAMES, MORE, strict=True):
        first, second = still(one, 1)[0], still(other, 1)[0]
        across = mixed(first, second, np.linspace(0, 1, frames).tolist())
        assert cuts([first] * 20 + across + [second] * 20) == [], (one, other)


@pytest.mark.parametrize("noise", [0, 4])
@pytest.mark.parametrize("name", ["china", "ihc", "page"])
def test_a_bright_scene_that_fades_from_black_is_no_cut(name: str, noise: float) -> None:
    """Ten frames from a black that was held, clean or with noise, and ten back to it."""
    scene = still(name, 1)[0]
    black = np.zeros_like(scene)
    rise = mixed(black, scene, np.linspace(0, 1, 11).tolist())
    frames = [black] * 15 + rise + [scene] * 15 + rise[::-1] + [black] * 15
    assert cuts(noisy(frames, noise)) == []


# Frames that are left out.


def test_frames_of_one_shot_do_not_part() -> None:
    """Frames a fifth of a second apart in a slow pan cannot hide a cut; two photographs can."""
    pan = slow("coffee", 25)
    assert not any(may_part(one, other) for one, other in zip(pan, pan[5:], strict=False))
    assert all(
        may_part(still(one, 1)[0], still(other, 1)[0])
        for one, other in zip(NAMES, MORE, strict=True)
    )


def test_cuts_are_found_where_frames_are_left_out() -> None:
    """With every third frame alone, and their times, each cut is found at the next frame seen."""
    frames = [frame for name in ALL for frame in slow(name, 25)]
    detector = ShotCuts(25)
    found = [i for i in range(0, len(frames), 3) if detector.is_cut(frames[i], i / 25)]
    assert found == [next(i for i in range(25 * n, 25 * n + 3) if i % 3 == 0) for n in range(1, 10)]


# Whole videos.


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a video at 24 frames a second: five shots of 2 s, a flash, a dissolve, a zoom."""
    path = tmp_path_factory.mktemp("photographs") / "video.mp4"
    size = (320, 180)
    shots = [
        [look.at(name, size) for look in moving(Look(0.2), Look(0.6, zoom=1.6), 48)]
        for name in NAMES
    ]
    pictures = [np.asarray(picture) for each in shots for picture in each]
    pictures[70:72] = [levels(picture * 100.0 + 20) for picture in pictures[70:72]]
    last, following = pictures[-1], np.asarray(Look().at("china", size))
    pictures += mixed(last, following, np.linspace(0, 1, 24).tolist())
    pictures += [np.asarray(look.at("china", size)) for look in moving(Look(), Look(zoom=3), 48)]
    plan = Plan(rate=Fraction(24), size=size, shots=((Fraction(len(pictures), 24), (0, 0, 0)),))
    write(path, plan, frame=lambda time: rgb_frame(pictures[int(time * 24)]))
    return path


@pytest.mark.parametrize("decode", ["exact", "fast"])
def test_a_video_of_photographs_is_read_with_its_cuts(video: Path, decode: Decode) -> None:
    """Four cuts at 2, 4, 6 and 8 s: the flash, the dissolve and the zoom are none."""
    with PyAVFrames(video, decode=decode) as source:
        read = read_all(source, grid(Fraction(3, 7)), with_cuts=True)
    assert read.cuts == [2, 4, 6, 8]


def test_a_video_is_sampled_at_its_grid(video: Path) -> None:
    """Thirteen seconds at one a second are thirteen frames, at 29.97 a second none is rounded."""
    with PyAVFrames(video) as source:
        assert [float(time) for time in read_all(source, grid(1)).times] == list(range(13))
    assert list(islice(grid(30000 / 1001), 600))[-1] == 599 * Fraction(1001, 30000)


# Repeats.


def block(picture: Picture, change: int) -> Picture:
    """Return the picture with one of its 32 x 32 blocks made brighter."""
    changed = picture.astype(float)
    changed[64:72, 80:90] += change
    return levels(changed)


def test_noise_of_four_levels_in_a_block_is_a_repeat() -> None:
    """Compression moves a block of a still scene by up to 3.6 levels."""
    scene = np.asarray(Look().at("coffee", (320, 256)))
    assert repeats(thumbprint(scene), thumbprint(block(scene, 4)))


def test_a_block_that_changes_by_seven_levels_is_no_repeat() -> None:
    """A dim thing that enters a still scene is looked at."""
    scene = np.asarray(Look().at("coffee", (320, 256)))
    assert not repeats(thumbprint(scene), thumbprint(block(scene, 7)))
