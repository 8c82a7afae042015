"""The process that writes an excerpt: which ends of others it outlives."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from threading import Thread
from typing import cast

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from clipseek.errors import UnreadableVideo
from clipseek.redaction.chosen import Chosen
from clipseek.video.excerpting import Excerpting, Recipe
from tests import hdr
from tests.api.test_excerpts import drawn
from tests.contracts.videos import RED, Plan, write

COMPLETE = b"mfra"
"""The box that is written last (ISO/IEC 14496-12, 8.8.9)."""


WHOLE = Recipe(0.0, 8.0, 1080, copy=False, growing=True)


def started(
    video: Path, target: Path, recipe: Recipe = WHOLE, chosen: Chosen | None = None
) -> Excerpting:
    """Start an excerpt, and return when its first bytes are written."""
    target.touch()
    with video.open("rb") as file:
        made = Excerpting(
            recipe,
            name=str(video),
            descriptor=file.fileno(),
            target=target,
            limit_s=60.0,
            memory_bytes=2**31,
            frame_pixels=10**8,
            chosen=chosen,
        )
    while not target.stat().st_size:
        made.check()
        time.sleep(0.01)
    return made


def die(video: Path, target: Path) -> None:
    """Start an excerpt, halt its process, print its id, and die as by `kill -9`."""
    process = started(video, target)._process
    os.kill(process.pid, signal.SIGSTOP)
    print(process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes longer to encode than to begin with."""
    path = tmp_path_factory.mktemp("excerpting") / "a.mp4"
    drawn(path, "libx264", size=(1920, 1080))
    return path


def test_it_outlives_the_thread_that_started_it(video: Path, tmp_path: Path) -> None:
    """Threads of a server end when they have nothing to do, also while an excerpt is sent."""
    target = tmp_path / "a.part"
    made: list[Excerpting] = []
    thread = Thread(target=lambda: made.append(started(video, target)))
    thread.start()
    thread.join()
    assert COMPLETE not in target.read_bytes()
    made[0].wait()
    assert COMPLETE in target.read_bytes()


def test_a_mistake_of_ours_is_said(video: Path, tmp_path: Path) -> None:
    """With its traceback, because nothing else of the process is kept."""
    recipe = Recipe(0.0, 8.0, cast("int", "high"), copy=False, growing=True)
    with pytest.raises(UnreadableVideo, match=r"(?s)unexpected Traceback.*TypeError"):
        started(video, tmp_path / "a.part", recipe)


def test_it_ends_with_its_parent(video: Path, tmp_path: Path) -> None:
    """Also if the parent is killed."""
    target = tmp_path / "a.part"
    code = "import sys; from tests.core.test_excerpting import *; die(*map(Path, sys.argv[1:]))"
    parent = subprocess.run(
        [sys.executable, "-c", code, video, target],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.returncode == -signal.SIGKILL
    child = int(parent.stdout)
    os.kill(child, signal.SIGCONT)
    until = time.monotonic() + 60
    while _runs(child):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert COMPLETE not in target.read_bytes()


def _runs(process: int) -> bool:
    """Whether a process runs: it does not if nobody has collected how it ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def seen(path: Path) -> list[np.ndarray]:
    """Return the mean colours of the left, the middle and the right of the first picture."""
    with av.open(str(path)) as made:
        picture = next(made.decode(video=0)).to_ndarray(format="rgb24")
    width = picture.shape[1]
    return [
        picture[:, width * i // 3 + 8 : width * (i + 1) // 3 - 8].mean((0, 1)) for i in range(3)
    ]


@pytest.mark.parametrize("kind", hdr.KINDS)
@pytest.mark.parametrize("growing", [True, False], ids=["preview", "download"])
def test_an_excerpt_of_high_dynamic_range_has_the_colours_that_were_meant(
    tmp_path: Path, kind: hdr.Kind, growing: bool
) -> None:
    """Within what H.264 changes; without conversion, red would be 151 (HLG) or 120 (PQ)."""
    colours = np.array([(200, 40, 40), (40, 180, 40), (210, 210, 210)], np.uint8)
    picture = np.tile(np.repeat(colours, 64, axis=0), (96, 1, 1))
    hdr.write(tmp_path / "a.mkv", [picture] * 10, kind)
    recipe = Recipe(0.0, 0.4, 360, copy=not growing, growing=growing)
    started(tmp_path / "a.mkv", tmp_path / "a.part", recipe).wait()
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "a.part"}
    for shown, meant in zip(seen(tmp_path / "a.part"), colours, strict=True):
        np.testing.assert_allclose(shown, meant, atol=14)


@pytest.mark.parametrize(
    ("matrix", "height", "names"),
    [
        pytest.param(Colorspace.ITU601, 96, True, id="BT.601"),
        pytest.param(Colorspace.ITU601, 96, False, id="SD"),
        pytest.param(Colorspace.ITU709, 96, True, id="BT.709"),
        pytest.param(Colorspace.ITU709, 720, False, id="HD"),
    ],
)
def test_an_excerpt_has_and_names_the_matrix_of_hd(
    tmp_path: Path, matrix: Colorspace, height: int, names: bool
) -> None:
    """So no player guesses it by the height, which a preview has changed."""
    colour = np.full((height, 2 * height, 3), (200, 40, 40), np.uint8)
    plain = av.VideoFrame.from_ndarray(colour, format="rgb24")
    made = plain.reformat(format="yuv420p", dst_colorspace=matrix)

    def prepare(stream: VideoStream) -> None:
        stream.width, stream.height = 2 * height, height
        if names:
            stream.codec_context.colorspace = matrix

    def frame(_: Fraction) -> av.VideoFrame:
        return made

    write(tmp_path / "a.mkv", Plan(shots=((0.4, RED),)), frame=frame, prepare=prepare)
    recipe = Recipe(0.0, 0.4, 90, copy=False, growing=True)
    started(tmp_path / "a.mkv", tmp_path / "a.part", recipe).wait()
    with av.open(str(tmp_path / "a.part")) as result:
        shown = next(result.decode(video=0))
    assert (shown.colorspace, shown.color_trc, shown.color_primaries) == (1, 1, 1)
    for red in seen(tmp_path / "a.part"):
        np.testing.assert_allclose(red, (200, 40, 40), atol=5)
