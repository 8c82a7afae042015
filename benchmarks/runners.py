"""An ingest on Ray, on this machine alone, compared with one in threads on the same cores.

    python -m benchmarks.runners [--model NAME] [--videos N] [--json]

It needs the extra `ray`, and ends with 1 if the catalogs differ.

The videos are real footage if available, otherwise drawn ones. Both runners decode two videos at a
time and run the same model on all cores; Ray has one actor that embeds. Both have run over the
first video before, so that the model is loaded and the workers of Ray have been started.

`ratio`: the time of threads divided by that of Ray, videos to committed rows. `started_s`: how long
it took until Ray had indexed the first video, from nothing; `threads_started_s`: the same in
threads. `whole_ratio`: the same as `ratio`, with these times. `same`: whether both catalogs have
the same videos with the same numbers of segments.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import footage
from clipseek.assembly import load_model, open_places, open_writer
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.ingest import Options, Run, Tools
from clipseek.video.opening import video_opener
from indexer import runners

DRAWN = 24
Contents = list[tuple[str, int]]


def measured(settings: Settings, videos: Sequence[Path]) -> tuple[float, float, Contents]:
    """Return seconds until the first video is indexed, seconds for the others, and the videos."""
    stop, options = threading.Event(), Options(force=True, workers=settings.workers)
    began = time.monotonic()
    with closing(open_writer(settings, create=True)) as service, runners.runner(settings):
        model = load_model(settings, settings.model, report=lambda _step: None)
        embedder, catalog = model.embedder, service.catalog
        catalog.ensure_collection(
            "default", model.name, embedder.dim, embedder.fingerprint, model.scoring
        )
        with video_opener(settings, stop) as opener:
            places = open_places(settings)
            tools = Tools("default", catalog, service.thumbnails, model, opener, places)
            with runners.passes(settings, tools, options, stop) as through:
                parts = ([videos[0]], videos[1:])
                seconds = []
                for part in parts:
                    stop.clear()
                    run = Run(tools, options, stop=stop, through=through)
                    reports = list(run.reports([*map(str, part)]))
                    assert all(each.state != "failed" for each in reports), reports
                    seconds.append(time.monotonic() - began)
                    began = time.monotonic()
        found = [(each.id, each.segments) for each in catalog.videos("default", limit=10_000)]
    return seconds[0], seconds[1], found


def run(model: str, most: int) -> dict[str, Any]:
    """Measure both runners and return the figures."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        videos = footage.videos()[:most]
        if not videos:
            make_videos(min(most, DRAWN), 1, root / "videos")
            videos = sorted((root / "videos").glob("*.mp4"))
        times, contents = {}, {}
        for runner in ("threads", "ray"):
            settings = Settings.load(
                data_dir=root / runner, model=model, runner=runner, fields=("picture",)
            )
            start_s, rest_s, contents[runner] = measured(settings, videos)
            times[runner] = start_s, rest_s
    (own_start, own), (ray_start, on_ray) = times["threads"], times["ray"]
    return {
        "ratio": round(own / on_ray, 2),
        "whole_ratio": round((own_start + own) / (ray_start + on_ray), 2),
        "threads_s": round(own, 1),
        "ray_s": round(on_ray, 1),
        "threads_started_s": round(own_start, 1),
        "started_s": round(ray_start, 1),
        "videos": len(videos),
        "same": contents["threads"] == contents["ray"],
    }


def main() -> int:
    """Run the comparison of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo", help="a bundle; without it, the demo's")
    parser.add_argument("--videos", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = run(options.model, options.videos)
    print(json.dumps(figures, indent=None if options.json else 2))
    return 0 if figures["same"] else 1


if __name__ == "__main__":
    sys.exit(main())
