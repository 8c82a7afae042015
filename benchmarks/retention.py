"""How long after its end of life a recording is gone, while a recorder runs with its defaults.

    python -m benchmarks.retention --videos 12

Indexes demo videos as the recordings of one camera, each with a file in the folder of recordings,
and publishes a snapshot. Their collection keeps them for a minute, and they expire seven seconds
apart, while `indexer record` runs with its default settings and no camera. Every 50 ms it is
looked whether the footage, the thumbnails, the rows and the vectors of each are gone: the rows with
the vectors of the catalog, and the vectors of the index when no snapshot from before the removal is
left. Ends with one JSON line: for each of these, the median and the longest time in seconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.ledgers import open_retaining
from clipseek.live.naming import recorded_at
from clipseek.live.sealing import new_key
from clipseek.service import Service
from indexer.cli import main as indexer

KEPT_S, APART_S, LEAD_S, LOOK_S = 60.0, 7.0, 60.0, 0.05
"""Seconds that recordings are kept, between two that expire, before the first, between looks."""


@dataclass
class Recording:
    """A recording, when it expires, and when what was made of it was first seen to be gone."""

    id: str
    file: Path
    thumbnails: Path
    expires: float
    gone: dict[str, float] = field(default_factory=dict)


def _recordings(data_dir: Path, count: int) -> list[Recording]:
    """Index demo videos, and make them recordings that expire one after the other."""
    folder = data_dir / "recordings" / "epoch" / "day"
    given = ["--data-dir", str(data_dir)]
    with redirect_stdout(sys.stderr):
        assert indexer([*given, "demo", "--videos", str(count), "--out", str(folder)]) == 0
        assert indexer([*given, "ingest", str(folder), "--model", "demo", "--quiet"]) == 0
    settings = Settings.load(data_dir=data_dir)
    with closing(open_retaining(settings)) as rows:
        rows.limit("default", KEPT_S, None)
    first = time.time() + LEAD_S
    found = []
    with open_existing(settings) as service:
        key = service.catalog.collection("default").key
        videos = list(service.catalog.videos("default", limit=count))
    engine = create_engine(settings.catalog_url)
    with engine.begin() as connection:
        for number, video in enumerate(videos):
            expires = first + APART_S * number
            began = recorded_at(expires - KEPT_S - video.duration)
            connection.execute(
                text("UPDATE videos SET stream = 'yard', recorded_at = :began WHERE id = :id"),
                {"began": began, "id": video.id},
            )
            thumbnails = settings.thumbnail_root / key / video.id[:2] / video.id
            found.append(Recording(video.id, Path(video.uri), thumbnails, expires))
    engine.dispose()
    return found


def _look(service: Service, recordings: Sequence[Recording]) -> None:
    """Note what is gone by now."""
    left = {video.id for video in service.catalog.videos("default", limit=10_000)}
    removed = {
        change.video_id: change.version
        for change in service.catalog.changes("default", 0)
        if change.kind == "remove"
    }
    key = service.catalog.collection("default").key
    manifest = service.indexes.manifest(key)
    published = 0 if manifest is None else manifest.version
    folders = [each for each in service.settings.snapshot_root.glob(f"{key}/*") if each.is_dir()]
    now = time.time()
    for each in recordings:
        is_gone = {
            "footage": not each.file.exists(),
            "thumbnails": not each.thumbnails.exists(),
            "rows": each.id not in left,
            "vectors of the index": removed.get(each.id, published + 1) <= published
            and len(folders) == 1,
        }
        for name, gone in is_gone.items():
            if gone:
                each.gone.setdefault(name, now - each.expires)


def run(videos: int) -> dict[str, object]:
    """Do the experiment."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        recordings = _recordings(data_dir, videos)
        env = os.environ | {"CLIPSEEK_CAMERA_KEY": new_key()}
        command = [sys.executable, "-m", "indexer", "--data-dir", folder, "record", "--quiet"]
        recorder = subprocess.Popen(command, env=env)
        try:
            with open_existing(Settings.load(data_dir=data_dir)) as service:
                end = recordings[-1].expires + 600
                while time.time() < end and any(len(each.gone) < 4 for each in recordings):
                    assert recorder.poll() is None, "the recorder has ended"
                    _look(service, recordings)
                    time.sleep(LOOK_S)
        finally:
            recorder.terminate()
            recorder.wait(60)
    said: dict[str, object] = {"recordings": videos, "load": round(os.getloadavg()[0], 1)}
    for name in recordings[0].gone:
        times = [each.gone[name] for each in recordings]
        assert min(times) > 0, f"{name} went before the end of its life"
        said[name] = {"median_s": round(statistics.median(times), 1), "max_s": round(max(times), 1)}
    return said


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12)
    options = parser.parse_args(arguments)
    print(json.dumps(run(options.videos)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
