"""Frames a second of H.264 by the decoder of the chip, NVDEC, where a library has it.

PyAVFrames reads one picture a second, as the indexer does, on one core. PyAV with `hwaccel` decodes
every frame on the chip and fetches it. torchcodec decodes on the chip and leaves one picture a
second in its memory.
"""

import importlib
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from benchmarks import footage
from benchmarks.gpu.work import Work
from clipseek.sampling import grid
from clipseek.video import PyAVFrames

SHORT_SIDE = 224
WRITING_S = 5
"""About how many seconds a video takes until it is encoded."""


def measure(work: Work) -> None:
    """Write a video, and decode it in each way."""
    seconds = work.size.clip_s
    if not work.has(WRITING_S if work.on_gpu else 0, "decoding"):
        return
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        footage.write(clip, footage.pictures(work.size.clip_size, seconds), work.size.clip_size, {})
        frames = seconds * footage.RATE
        work.found("PyAVFrames, one core, frames/s", frames / work.seconds(lambda: _ours(clip)))
        for name, way in {"PyAV": _pyav, "torchcodec": _torchcodec}.items():
            what = f"{name} on {work.device}"
            if not work.has(1, what):
                continue
            try:
                taken = work.seconds(partial(way, clip, work.device))
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                work.left_out.append(f"{what}: {_line(error)}")
            else:
                work.found(f"{what}, frames/s", frames / taken)


def _line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _ours(clip: Path) -> None:
    with PyAVFrames(clip, threads=1, decode="fast") as source:
        for _ in source.read(grid(1), short_side=SHORT_SIDE):
            pass


def _pyav(clip: Path, device: str) -> None:
    """Decode every frame, and make a picture of one a second."""
    kind, _, number = device.partition(":")
    if kind == "cpu":
        acceleration = None
    elif kind in hwdevices_available():
        acceleration = HWAccel(kind, device=number or None, allow_software_fallback=False)
    else:
        raise ValueError(f"PyAV {av.__version__} was built without it")
    with av.open(str(clip), hwaccel=acceleration) as container:
        for number_of, frame in enumerate(container.decode(video=0)):
            if number_of % footage.RATE == 0:
                frame.to_ndarray(format="rgb24")


def _torchcodec(clip: Path, device: str) -> None:
    """Decode one picture a second."""
    decoders: Any = importlib.import_module("torchcodec.decoders")
    decoder = decoders.VideoDecoder(str(clip), device=device)
    decoder.get_frames_at(list(range(0, len(decoder), footage.RATE)))
