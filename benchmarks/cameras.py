"""Many cameras on one machine: delays, dropped frames, memory, and cameras per core.

    python -m benchmarks.cameras [--minutes M] [--cameras N] [--stills N] [--only PART ...]

RTSP cameras (GStreamer's server from Debian) show videos without encoding them on the same machine;
one recorder looks at one frame a second of each and embeds it with the demo model. Three parts:

- streams: N cameras of 1280x720 at 25 fps and 2 Mbit/s with a keyframe a second, for M minutes.
- keyframes: a few cameras for a minute each, with a keyframe every 1, 2 and 10 seconds, which says
  how many cameras one core carries.
- stills: many MJPEG cameras of 256x256 that send more than the model can embed, for a fifth of M.

Prints one JSON object for each part. `delay_p95_s` is the worst camera's worst minute after the
start, from the arrival of a frame to its commit. `off_s` is how far the time of a stored picture is
from the time at which the camera showed it, read from pixels. Memory is proportional (PSS): shared
pages count once. The defaults take about 18 minutes.
"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipseek.assembly import open_writer
from tests.cameras import clock
from tests.cameras.films import Shape, make_film
from tests.cameras.rtsp import RtspCameras, rtsp_cameras
from tests.live.site import Recording, Site

STREAM = Shape(seconds=12, fps=25, width=1280, height=720, noise=4.0, kbit_s=2000)
STILL = Shape(seconds=8, fps=5, width=256, height=256, codec="mjpeg")
FILMS = 4
"""Different videos, at most; each camera shows all of them, and begins with another one."""
STILLS_FPS = 5.0
KEYFRAMES_S = (1, 2, 10)
LOOK_S = 5.0
STARTS_S = 70.0
"""Delays are those of a recorder's last minute, so that the first ones are of its start."""
SETTLED = 0.25
"""The share of a run after which memory is compared with the end."""
UP_S = 300.0
"""How long all cameras may take to be live."""
PARTS = ("streams", "keyframes", "stills")


@dataclass
class Looks:
    """What was seen of a recorder while it ran.

    memory: MB of the recorder and of all its processes. delays: The worst delay (p95) of each
    camera. cpu_s: Seconds of CPU of the recorder's processes and of the server, over `seconds`.
    """

    seconds: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)
    delays: dict[str, float] = field(default_factory=dict)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)
    cpu_s: float = 0.0
    server_cpu_s: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a line for each part."""
    options = _options(arguments)
    try:
        for part in options.only:
            for found in _measured(part, options):
                print(json.dumps({"name": f"cameras {part}", **found}), flush=True)
    except pytest.skip.Exception as error:
        sys.stderr.write(f"{error.msg}\n")
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run many cameras on this machine.")
    parser.add_argument("--minutes", type=float, default=10, help="of the streams (10)")
    parser.add_argument("--cameras", type=int, default=30, help="streams of 720p25 (30)")
    parser.add_argument("--few", type=int, default=8, help="cameras of `keyframes` (8)")
    parser.add_argument("--stills", type=int, default=100, help="streams of stills (100)")
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, help="parts (all)")
    return parser.parse_args(arguments)


def _measured(part: str, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    seconds = options.minutes * 60
    if part == "streams":
        yield _run(STREAM, options.cameras, seconds, fps=1.0)
    elif part == "keyframes":
        for keyframe_s in KEYFRAMES_S:
            shape = replace(STREAM, seconds=20, keyframe_s=keyframe_s)
            found = _run(shape, options.few, min(60.0, seconds), fps=1.0)
            yield {"keyframe_s": keyframe_s, **found}
    else:
        yield _run(STILL, options.stills, seconds / 5, fps=STILLS_FPS)


def _run(shape: Shape, count: int, seconds: float, *, fps: float) -> dict[str, object]:
    """Run cameras of one shape, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="clipseek-cameras-") as folder:
        root = Path(folder)
        site = Site(root)
        site.prepare()
        with rtsp_cameras() as server:
            names = _cameras(site, server, shape, count, fps)
            with _recorder(site, count) as recorder:
                up_s = _wait_live(recorder, names)
                looks = _looked(recorder, server, names, seconds)
            off_s = _off_s(site, server, shape.seconds)
    return {
        "cameras": count,
        "seconds": round(looks.seconds),
        "size": f"{shape.width}x{shape.height}",
        "fps": shape.fps,
        "up_s": round(up_s, 1),
        **_figures(looks, count),
        "off_s": off_s,
    }


def _cameras(site: Site, server: RtspCameras, shape: Shape, count: int, fps: float) -> list[str]:
    """Draw videos and add cameras that show them; return their names."""
    ending = "mkv" if shape.codec == "mjpeg" else "mp4"
    films = [
        make_film(site.root / f"film-{seed}.{ending}", replace(shape, seed=seed))
        for seed in range(1, 1 + min(FILMS, max(1, count // 4)))
    ]
    names = [f"camera-{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        turn = number % len(films)
        turned = films[turn:] + films[:turn]
        site.add(name, server.show(name, turned), fps=fps)
    return names


@contextmanager
def _recorder(site: Site, most: int) -> Iterator[Recording]:
    recorder = site.recorder("recorder", "--most", str(most))
    recorder.program.start()
    try:
        yield recorder
    finally:
        recorder.program.end()


def _wait_live(recorder: Recording, names: Sequence[str]) -> float:
    """Wait until every camera has sent something that was embedded; return how long it took."""
    began = time.monotonic()
    while time.monotonic() < began + UP_S:
        try:
            metrics = recorder.metrics()
        except OSError:
            metrics = {}
        if all(metrics.get(("clipseek_camera_embedded_total", name, "")) for name in names):
            return time.monotonic() - began
        time.sleep(0.5)
    raise RuntimeError(f"not all cameras were live after {UP_S} s: {recorder.program.said()}")


def _looked(
    recorder: Recording, server: RtspCameras, names: Sequence[str], seconds: float
) -> Looks:
    """Look at a recorder every few seconds."""
    looks, began = Looks(), time.monotonic()
    first, processes = _counts(recorder, names), recorder.processes()
    cpu_s, server_cpu_s = _cpu_s(processes), _cpu_s([server.pid])
    while time.monotonic() < began + seconds:
        time.sleep(min(LOOK_S, seconds))
        processes = recorder.processes()
        looks.memory.append((_pss_mb(processes[:1]), _pss_mb(processes[1:])))
        if time.monotonic() > began + min(STARTS_S, seconds - LOOK_S):
            for (name, camera, quantile), value in recorder.metrics().items():
                if name == "clipseek_camera_delay_seconds" and quantile == "0.95":
                    looks.delays[camera] = max(value, looks.delays.get(camera, 0.0))
    looks.seconds = time.monotonic() - began
    looks.cpu_s = _cpu_s(processes) - cpu_s
    looks.server_cpu_s = _cpu_s([server.pid]) - server_cpu_s
    last = _counts(recorder, names)
    looks.counts = {
        name: {kind: last[name][kind] - first[name][kind] for kind in last[name]} for name in names
    }
    return looks


def _counts(recorder: Recording, names: Sequence[str]) -> dict[str, dict[str, float]]:
    metrics = recorder.metrics()
    kinds = ("received", "decoded", "dropped", "embedded", "reconnects")
    return {
        name: {
            kind: metrics.get((f"clipseek_camera_{kind}_total", name, ""), 0.0) for kind in kinds
        }
        for name in names
    }


def _cpu_s(processes: Sequence[int]) -> float:
    """Return the seconds of CPU that processes have used (proc(5), utime and stime)."""
    total = 0
    for process in processes:
        said = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
        total += int(said[11]) + int(said[12])
    return total / os.sysconf("SC_CLK_TCK")


def _pss_mb(processes: Sequence[int]) -> float:
    """Return the memory of processes in MB, each shared page as a share (proc(5), Pss)."""
    total = 0
    for process in processes:
        try:
            said = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
        except OSError:  # it has ended meanwhile
            continue
        total += int(said.partition("\nPss:")[2].split()[0])
    return total / 1024


def _figures(looks: Looks, count: int) -> dict[str, object]:
    summed = {
        kind: round(sum(each[kind] for each in looks.counts.values()))
        for kind in ("received", "decoded", "dropped", "embedded", "reconnects")
    }
    embedded = [each["embedded"] for each in looks.counts.values()]
    mean = statistics.fmean(embedded)
    settled = looks.memory[int(len(looks.memory) * SETTLED)]
    final = looks.memory[-1]
    cores = looks.cpu_s / looks.seconds
    return {
        **summed,
        "delay_p95_s": round(max(looks.delays.values(), default=float("nan")), 3),
        "delay_p95_median_s": round(statistics.median(looks.delays.values()), 3),
        "unfair": round(max(abs(each - mean) for each in embedded) / mean, 3),
        "cores": round(cores, 3),
        "cameras_per_core": round(count / cores, 1),
        "server_cores": round(looks.server_cpu_s / looks.seconds, 3),
        "recorder_mb": round(final[0]),
        "camera_mb": round(final[1] / count, 1),
        "grown_mb": round(sum(final) - sum(settled), 1),
    }


def _off_s(site: Site, server: RtspCameras, film_s: float) -> float | None:
    """Return how far the times of stored pictures are from their pixels, at most, in seconds."""
    found = []
    with closing(open_writer(site.settings)) as service:
        catalog, collection = service.catalog, site.settings.collection
        for video in catalog.videos(collection):
            began = datetime.fromisoformat(video.recorded_at).timestamp()
            for segment in catalog.segments(collection, video.id):
                jpeg = service.thumbnails.read(segment.thumbnail)
                position = clock.read(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))
                if position is not None:
                    shown = began + segment.best_time
                    true = server.shown_at(video.stream, position / 1000, shown)
                    found.append(_apart_s(shown - true, film_s))
    return round(max(found), 3) if found else None


def _apart_s(seconds: float, film_s: float) -> float:
    """Return how far two times are apart that are known but for whole videos."""
    rest = seconds % film_s
    return min(rest, film_s - rest)


if __name__ == "__main__":
    sys.exit(main())
