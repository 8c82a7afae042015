"""Decoding in children: whatever a file does to its decoder, other videos are read."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from clipseek.config import PREFIX, Settings
from clipseek.config.excerpts import ExcerptSettings
from clipseek.config.ingest import IngestSettings
from clipseek.errors import UnreadableVideo
from clipseek.sampling import ShotCuts, grid
from clipseek.video import Confined, Limits, PyAVFrames
from clipseek.video.channel import BrokenChannel, Channel
from tests.contracts.hostile import MIB, obedient
from tests.contracts.readers import BOTH, FileReader, read_all
from tests.contracts.videos import RED, Plan, write

LIMITS = Limits(
    frame_pixels=2**22, frame_rate=1000, frame_s=60, decode_s=600, memory_bytes=512 * MIB
)


@pytest.fixture(scope="module")
def opener() -> Iterator[Confined]:
    """Do as files say, in children with the usual limits."""
    with Confined(obedient, limits=LIMITS, workers=2) as opener:
        yield opener


def _file(folder: Path, order: str) -> Path:
    path = folder / f"{order}.mp4"
    path.write_text(order)
    return path


def _read(opener: Confined, path: Path) -> list[float]:
    with opener(path) as source:
        cuts = ShotCuts(source.frame_rate)
        batches = list(source.read(grid(1), cuts=cuts))
    return [float(time) for batch in batches for time in batch.times]


def _reason(opener: Confined, path: Path) -> str:
    with pytest.raises(UnreadableVideo) as failure:
        _read(opener, path)
    return failure.value.reason


TROUBLE = {
    "refuse": "not a video",
    "raise": "unexpected LookupError: a bug in a decoder",
    "recurse": "unexpected RecursionError",
    "crash": "its decoder crashed (SIGSEGV)",
    "talk": "its decoder crashed",
    "take 700": f"exceeds {512 * MIB} bytes of memory; CLIPSEEK_MAX_DECODE_BYTES",
    "late-take 700": f"exceeds {512 * MIB} bytes of memory; CLIPSEEK_MAX_DECODE_BYTES",
}


@pytest.mark.parametrize("order", TROUBLE)
def test_trouble_is_the_fate_of_one_video(opener: Confined, order: str, tmp_path: Path) -> None:
    """The reason says what happened, and the next video is read."""
    assert _reason(opener, _file(tmp_path, order)).startswith(TROUBLE[order])
    assert _read(opener, _file(tmp_path, "fine")) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("order", ["hang", "late-hang"])
def test_a_frame_may_take_so_long(order: str, tmp_path: Path) -> None:
    """A call of a decoder that does not return is ended with its process."""
    with Confined(obedient, limits=replace(LIMITS, frame_s=1.5)) as opener:
        said = "exceeds 1.5 s without a frame; CLIPSEEK_MAX_FRAME_S sets this limit"
        assert _reason(opener, _file(tmp_path, order)) == said
        assert _read(opener, _file(tmp_path, "fine")) == [0, 1, 2, 3, 4]


def test_a_video_may_take_so_long(tmp_path: Path) -> None:
    """Frames come without end, each within its time."""
    with Confined(obedient, limits=replace(LIMITS, decode_s=1.5)) as opener:
        said = "exceeds 1.5 s of decoding; CLIPSEEK_MAX_DECODE_S sets this limit"
        assert _reason(opener, _file(tmp_path, "slow")) == said


def test_quick_frames_take_time_too(tmp_path: Path) -> None:
    """Although no answer of the child is waited for long."""
    with Confined(obedient, limits=replace(LIMITS, decode_s=1e-6)) as opener:
        assert "exceeds 1e-06 s of decoding" in _reason(opener, _file(tmp_path, "fine"))


def test_the_time_that_others_take_is_not_counted(
    opener: Confined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the model is busy a decoder waits, and that is not its fault."""
    busy_s = 0.0
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + busy_s)
    with opener(_file(tmp_path, "long")) as source:
        read = 0
        for batch in source.read(grid(1)):
            read += len(batch)
            busy_s += 1000
    assert read == 40


def test_a_second_may_have_so_many_frames(tmp_path: Path) -> None:
    """A video has 25 frames a second; 5 are allowed, and two seconds more."""
    with Confined(obedient, limits=replace(LIMITS, frame_rate=5)) as opener:
        said = "exceeds 5 frames per second of video; CLIPSEEK_MAX_FRAME_RATE sets this limit"
        assert _reason(opener, _file(tmp_path, "fine")) == said


@pytest.mark.parametrize("order", ["take 300", "late-take 300"])
def test_a_video_that_needs_more_than_its_share_is_read_alone(
    opener: Confined, order: str, tmp_path: Path
) -> None:
    """A share is 256 MiB here; with all 512 the video is read, and each frame comes once."""
    times = _read(opener, _file(tmp_path, order))
    assert times == [float(second) for second in range(len(times))]
    assert len(times) == (40 if order == "late-take 300" else 5)


def test_two_videos_that_need_all_memory_take_turns(opener: Confined, tmp_path: Path) -> None:
    """Neither waits for what the other holds."""
    paths = [_file(tmp_path, f"late-take {300 + number}") for number in range(3)]
    with ThreadPoolExecutor(2) as pool:
        assert [len(times) for times in pool.map(partial(_read, opener), paths)] == [40] * 3


def test_a_child_serves_one_video_after_another(opener: Confined, tmp_path: Path) -> None:
    """Also one that was refused, opened in vain, or not read; none starts a process."""
    _read(opener, _file(tmp_path, "fine"))
    before = _children()
    for order in ("fine", "refuse", "raise", "fine"):
        path = _file(tmp_path, order)
        if order == "fine":
            _read(opener, path)
            with opener(path) as source:
                assert source.size == (64, 36)
        else:
            _reason(opener, path)
    assert _children() == before


def test_a_reading_may_be_abandoned(opener: Confined, tmp_path: Path) -> None:
    """What the child still wants to say of it is not taken for the next video."""
    with opener(_file(tmp_path, "long")) as source:
        next(iter(source.read(grid(25))))
    assert _read(opener, _file(tmp_path, "fine")) == [0, 1, 2, 3, 4]


def test_a_stopped_run_waits_for_no_decoder(tmp_path: Path) -> None:
    """The decoder hangs, and would for ten minutes."""
    stop, before = threading.Event(), _children()
    with Confined(obedient, limits=LIMITS, stop=stop) as opener:
        threading.Timer(0.5, stop.set).start()
        assert _reason(opener, _file(tmp_path, "hang")) == "the run was stopped"
    assert _children() == before


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    """Also when it is killed, and a child is in a call that does not return."""
    path = _file(tmp_path, "hang")
    program = (
        "from pathlib import Path; from clipseek.video import Confined;"
        "from tests.contracts.test_confined import LIMITS, obedient;"
        f"Confined(obedient, limits=LIMITS)(Path({str(path)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2]) as parent:
        child = _until(lambda: _child_that_reads(parent.pid, path))
        parent.kill()
        parent.wait()
        _until(lambda: not _runs(child))


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """Pools end threads that have nothing to do, and another thread takes the child."""
    path, before = _file(tmp_path, "fine"), _children()
    with Confined(obedient, limits=LIMITS) as opener:
        thread = threading.Thread(target=_read, args=(opener, path))
        thread.start()
        thread.join()
        time.sleep(0.2)  # a signal at the end of the thread would come within this time
        (child,) = _children() - before
        assert _runs(child)
        assert _read(opener, path) == [0, 1, 2, 3, 4]
        assert _children() - before == {child}


def test_ctrl_c_does_not_reach_the_children(opener: Confined, tmp_path: Path) -> None:
    """A terminal sends it to the whole group; the parent decides what ends."""
    _read(opener, _file(tmp_path, "fine"))
    # Other tests of this run may have started servers, which are children too.
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in _children()}
    ours = [child for child, command in commands.items() if b"clipseek.video.child" in command]
    assert ours
    assert all(os.getpgid(child) != os.getpgid(0) for child in ours)


@BOTH
def test_the_frames_are_those_of_the_reader(reader: FileReader, tmp_path: Path) -> None:
    """Times, pictures, cuts, length and damage, with more times than are sent at once."""
    path = tmp_path / "video.mkv"
    write(path, Plan(shots=((8, RED), (10, (0, 0, 255)))))
    path.write_bytes(path.read_bytes()[:-3000])
    with Confined(reader, limits=LIMITS) as opener, opener(path) as ours, reader(path) as theirs:
        assert (ours.duration, ours.frame_rate) == (theirs.duration, theirs.frame_rate)
        assert ours.coding == theirs.coding != ""
        found, expected = (
            read_all(source, grid(25), short_side=20, with_cuts=True) for source in (ours, theirs)
        )
        assert (ours.duration, ours.size, ours.damage) == (
            theirs.duration,
            theirs.size,
            theirs.damage,
        )
    assert (found.times, found.cuts) == (expected.times, expected.cuts)
    assert len(found.times) > 256
    np.testing.assert_array_equal(np.stack(found.pixels), np.stack(expected.pixels))


@BOTH
def test_the_descriptor_is_read_and_not_the_path(reader: FileReader, tmp_path: Path) -> None:
    """What was put in its place since it was opened is another video, or none."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((2, RED),)))
    with Confined(reader, limits=LIMITS) as opener, path.open("rb", buffering=0) as file:
        file.read(1000)  # as a hash does
        path.unlink()
        os.mkfifo(path)
        with opener(path, descriptor=file.fileno()) as source:
            assert read_all(source, grid(1)).colours == [RED, RED]


# Limits of the readers.


def _gif(side: int, frames: int) -> bytes:
    """Return a GIF of that many frames of one pixel each, on a canvas of side x side."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\x08\x64\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    return head + (frame + b"\x02\x02\x44\x01\x00") * frames + b";"


@BOTH
def test_large_frames_are_refused_before_they_are_decoded(
    reader: FileReader, tmp_path: Path
) -> None:
    """46 kB that would be 1 GB a frame, and 2000 of them."""
    path = tmp_path / "bomb.gif"
    path.write_bytes(_gif(16000, 2000))
    with pytest.raises(UnreadableVideo, match="exceeds 67108864 pixels a frame, with 16000x16000"):
        reader(path, max_pixels=2**26)


@BOTH
def test_a_frame_of_the_largest_size_is_read(reader: FileReader, tmp_path: Path) -> None:
    """The limit itself is allowed, one pixel more is not."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((1, RED),)))
    with reader(path, max_pixels=64 * 36) as source:
        assert len(read_all(source, grid(1)).times) == 1
    with pytest.raises(UnreadableVideo, match="CLIPSEEK_MAX_FRAME_PIXELS sets this limit"):
        reader(path, max_pixels=64 * 36 - 1)


def test_the_settings_named_in_reasons_exist() -> None:
    """Each sentence that names a limit names a setting."""
    source = Path(PyAVFrames.__init__.__code__.co_filename).parent
    text = "".join(file.read_text(encoding="utf-8") for file in source.glob("*.py"))
    named = {name for name in Settings.model_fields if f'"{name}")' in text}
    limits = {**IngestSettings.model_fields, **ExcerptSettings.model_fields}
    # `ingest.steps` names the limit of a video's length, and nothing fails for that of texts.
    others = {"max_text_s", "max_video_s"}
    assert named == {name for name in limits if name.startswith("max_")} - others
    assert PREFIX == "CLIPSEEK_"


# The channel to a child that cannot be trusted.


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff\xff\xff\xff",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 4) + b"nope",
        struct.pack("!I", 13) + b'{"bytes": -1}',
        struct.pack("!I", 18) + b'{"bytes": 1e300000',
        struct.pack("!I", 23) + b'{"bytes": 99999999999}}'[:23],
        struct.pack("!I", 12) + b'{"bytes": 9}' + b"short",
    ],
    ids=["silence", "long", "list", "text", "negative", "cut", "large", "short"],
)
def test_nonsense_breaks_the_channel(said: bytes) -> None:
    """It is neither believed nor waited for."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(said)
        with pytest.raises(BrokenChannel):
            Channel(ours).hear()


def _children() -> set[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in listed.read_text().split()}


def _child_that_reads(parent: int, path: Path) -> int | None:
    """Return the child that has the file open: then it has come to its order."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        if str(path) in links:
            return int(pid)
    return None


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _until(condition: Callable[[], int | None]) -> int:
    """Wait until there is something, and return it."""
    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
