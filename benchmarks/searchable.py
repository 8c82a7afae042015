"""How soon what a camera sees is found by a search over HTTP.

    python -m benchmarks.searchable [--seconds S] [--cameras N] [--fps F]

N cameras (GStreamer's RTSP server from Debian) show demo scenes at 10 frames a second,
with a keyframe a second; one recorder looks at F frames a second of each (2), and one API answers
from its own process, all on this machine with their default settings. Every 50 ms a search asks
for the moments of the last half minute.

Prints one JSON object. `moment_*_s`: from the first frame of a moment to the first answer that has
a hit that begins there. `reached_*_s`: the same for every tenth of a second, new or not: until the
first answer with a hit of that camera that lasts so long. The time of a frame is that of its chunk
and its timestamp; `python -m benchmarks.cameras` says by pixels how far that is off (`off_s`).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cameras.films import Shape, make_film
from tests.cameras.rtsp import rtsp_cameras
from tests.chaos.client import Client
from tests.contracts.postgres import free_port
from tests.live.site import Site

PAUSE_S = 0.05
WINDOW_S = 30.0
UP_S = 60.0
SAME_S = 0.3
"""Two beginnings of a moment that differ by less are one: a border moves by a frame."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--fps", type=float, default=2.0)
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(measured(options.seconds, options.cameras, options.fps)))
    except pytest.skip.Exception as error:
        print(f"benchmarks.searchable: {error}", file=sys.stderr)
        return 1
    return 0


def measured(seconds: float, count: int, fps: float) -> dict[str, object]:
    """Run all programs, and return the delays."""
    with tempfile.TemporaryDirectory() as folder, rtsp_cameras() as server:
        site, port = Site(Path(folder)), free_port()
        site.prepare()
        for number in range(count):
            shape = Shape(seconds=20.0, seed=number + 1)
            film = make_film(Path(folder) / f"{number}.mp4", shape)
            site.add(f"camera-{number}", server.show(f"camera-{number}", film), fps=fps)
        recorder = site.recorder()
        api = site.program("api", "-m", "api", "--quiet", "--port", str(port))
        recorder.program.start()
        api.start()
        try:
            seen = _Seen(Client(port))
            _wait(lambda: len(seen.reached) == count, seen)
            seen.forget()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                seen.look()
                time.sleep(PAUSE_S)
        finally:
            api.end()
            recorder.program.end()
    return {
        "name": "searchable",
        "cameras": count,
        "fps": fps,
        "seconds": seconds,
        **_quantiles("moment", seen.moments),
        **_quantiles("reached", seen.delays),
    }


class _Seen:
    """What answers have shown of each camera so far."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.reached: dict[str, float] = {}
        self._begins: dict[str, list[float]] = {}
        self.moments: list[float] = []
        self.said = ""
        self.delays: list[float] = []

    def forget(self) -> None:
        """Begin to measure."""
        self.moments.clear()
        self.delays.clear()

    def look(self) -> None:
        """Search, and note what is new."""
        since = datetime.now(UTC) - timedelta(seconds=WINDOW_S)
        only = {"recorded_from": since.isoformat()}
        body = {"query": "a house", "limit": 100, "filter": only}
        answer = self._client.ask("POST", "/v1/search", body)
        now = time.time()
        self.said = f"{answer.status} {answer.body}"[:500]
        if answer.status != 200:
            return
        for hit in answer.body["hits"]:
            begin, end = (datetime.fromisoformat(hit[name]).timestamp() for name in _TIMES)
            self._note(hit["camera"], begin, end, now)

    def _note(self, camera: str, begin: float, end: float, now: float) -> None:
        known = self._begins.setdefault(camera, [])
        if all(abs(begin - other) > SAME_S for other in known):
            known.append(begin)
            if begin >= self.reached.get(camera, begin) - SAME_S:
                self.moments.append(now - begin)
        before = self.reached.get(camera, end)
        if end > before:
            steps = int((end - before) / 0.1)
            self.delays += [now - before - 0.1 * step for step in range(steps)]
        self.reached[camera] = max(before, end)


_TIMES = ("start_at", "end_at")


def _wait(is_so: Callable[[], bool], seen: _Seen) -> None:
    deadline = time.monotonic() + UP_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all cameras are found after {UP_S:g} s: {seen.said}")
        seen.look()
        time.sleep(PAUSE_S)


def _quantiles(name: str, delays: list[float]) -> dict[str, object]:
    ordered = sorted(delays)
    if not ordered:
        return {f"{name}_count": 0}
    return {
        f"{name}_count": len(ordered),
        f"{name}_p50_s": round(ordered[len(ordered) // 2], 2),
        f"{name}_p95_s": round(ordered[int(len(ordered) * 0.95)], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
