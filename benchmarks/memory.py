"""The peak memory of `indexer ingest` for one large and one long video.

    python -m benchmarks.memory [--hours H] [--seconds S] [--json]

The large video is 3840x2160 H.264 of S seconds; the long one is a real video repeated until it
lasts H hours, or a drawn one if there is no footage. A separate process indexes each with the demo
model. The largest resident size of each process is printed, in MB, including the model.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
from av.video.stream import VideoStream

from benchmarks import footage

LARGE = (3840, 2160)
SMALL = (640, 360)
REPEATED = "people_at_table.mp4"


def repeated(source: Path, target: Path, hours: float) -> None:
    """Write the packets of a video repeatedly, without decoding them."""
    with av.open(str(target), "w") as output, av.open(str(source)) as video:
        template = video.streams.video[0]
        assert template.duration is not None
        assert template.time_base is not None
        stream = output.add_stream_from_template(template)
        assert isinstance(stream, VideoStream)
        length = template.duration
        for turn in range(int(hours * 3600 / (length * template.time_base)) + 1):
            video.seek(0)
            for packet in video.demux(template):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts += turn * length
                packet.dts += turn * length
                packet.stream = stream
                output.mux(packet)


# A process begins with the peak of the one that started it, so that a small one starts it.
_LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_mb(video: Path, folder: Path) -> int:
    """Index a video in a separate process and return its largest resident size in MB."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder), "ingest", str(video)]
    launched = [sys.executable, "-c", _LAUNCH, *command, "--model", "demo", "--quiet"]
    done = subprocess.run(launched, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[-1]) // 1024


def measured(hours: float, seconds: int, folder: Path) -> dict[str, object]:
    """Make both videos and index them."""
    large, long, source = (folder / name for name in ("large.mp4", "long.mp4", "source.mp4"))
    footage.write(large, footage.pictures(LARGE, seconds), LARGE, {"preset": "ultrafast"})
    real = footage.FOOTAGE / REPEATED
    if not real.exists():
        real = source
        footage.write(real, footage.pictures(SMALL, 20), SMALL, {})
    repeated(real, long, hours)
    found = {"large_mb": peak_mb(large, folder / "a"), "long_mb": peak_mb(long, folder / "b")}
    return {"name": "memory", "ratio": None, **found, "hours": hours, "size": "3840x2160"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3, help="length of the long video (3)")
    parser.add_argument("--seconds", type=int, default=6, help="length of the large video (6)")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        found = measured(options.hours, options.seconds, Path(name))
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{key:12}{value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
