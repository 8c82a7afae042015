"""Ingest the same videos at home and far away, and list what differs. `make test-scale` runs it.

At home: threads of one process, the models in it, and an index in the data folder. Far away: Ray,
an inference server, and Milvus. In both cases the videos are objects of a server of S3. What is
printed counts videos, queries and hits that were compared, and names every difference.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from clipseek import ClipseekError, Filters, Query, SearchResult, open_service
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.embedding import models
from tests.contracts import s3
from tests.e2e.kill_ingest import stored
from tests.inference.server import mlserver

COLOURS = ("red", "green", "blue", "yellow", "white")
THINGS = ("car", "boat", "house", "bird", "tree", "man", "dog")
PLACES = ("at night", "in the snow")
TOLERANCE = 1e-5
FOOTAGE = (".mp4", ".mkv", ".ogv", ".webm", ".mov")


@contextmanager
def told(settings: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ingest(data_dir: Path, *options: str) -> None:
    """Ingest the bucket by the command, as a user does."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data_dir), "ingest"]
    command += [f"s3://{s3.BUCKET}/", "--model", "demo", "--quiet", *options]
    kept = os.environ | {"CLIPSEEK_KEEP_FRAME_VECTORS": "true"}
    ran = subprocess.run(command, env=kept, stdout=subprocess.DEVNULL, check=False)
    if ran.returncode:
        raise SystemExit(f"an ingest ended with {ran.returncode}")


def queries() -> list[Query]:
    """Return sentences of the demo world, all of them, in pages, and with filters."""
    sentences = [f"a {colour} {thing}" for colour, thing in itertools.product(COLOURS, THINGS)]
    sentences += [f"a {thing} {place}" for thing, place in itertools.product(THINGS, PLACES)]
    asked = [Query.of(sentence, limit=20) for sentence in sentences]
    for filters in (Filters(min_relevance=0.5), Filters(max_duration=12.0)):
        asked += [Query.of(sentence, limit=100, filters=filters) for sentence in sentences]
    return asked


def answers(data_dir: Path) -> list[SearchResult]:
    """Ask everything of one data folder."""
    with open_service(Settings.load(data_dir=data_dir)) as service:
        found = service.search(queries())
    for each in found:
        if isinstance(each, ClipseekError):
            raise each
    return [each for each in found if isinstance(each, SearchResult)]


def differences(home: SearchResult, away: SearchResult) -> list[str]:
    """Say what differs between two answers to one query."""
    facts = ("collection", "model", "version", "total", "total_videos", "more")
    pairs = ((name, getattr(home, name), getattr(away, name)) for name in facts)
    said = [f"{name}: {one!r} and {other!r}" for name, one, other in pairs if one != other]
    if len(home.hits) != len(away.hits):
        said.append(f"{len(home.hits)} and {len(away.hits)} hits")
    for one, other in zip(home.hits, away.hits, strict=False):
        if (one.video.id, one.span, one.best_time) != (other.video.id, other.span, other.best_time):
            said.append(f"hit {one.video.id[:8]} {one.span} and {other.video.id[:8]} {other.span}")
        scores = (one.score - other.score, one.relevance - other.relevance)
        if max(map(abs, scores)) > TOLERANCE:
            said.append(f"score and relevance of {one.video.id[:8]} differ by {scores}")
    return [f"{home.query!r}: {each}" for each in said]


def compare(videos: Path, root: Path) -> dict[str, Any]:
    """Ingest both ways, and compare what is stored and what is found."""
    with ExitStack() as stack:
        server = stack.enter_context(s3.serving())
        server.empty()
        files = sorted(path for path in videos.iterdir() if path.suffix in FOOTAGE)
        for path in files:
            server.put(path.name, path.read_bytes())
        stack.enter_context(told(s3.settings(server.endpoint)))
        ingest(root / "home")
        (root / "models").mkdir()
        towers = stack.enter_context(mlserver(models.resolve("demo", root), root / "models"))
        far = {
            "CLIPSEEK_EMBEDDER_URL": towers.url("grpc"),
            "CLIPSEEK_INDEX_URL": f"milvus://{root / 'milvus.db'}",
        }
        asked_home, at_home = answers(root / "home"), stored(root / "home")
        with told(far):
            ingest(root / "away", "--runner", "ray")
            asked_away, far_away = answers(root / "away"), stored(root / "away")
    said = [f"{name} is not the same" for name in at_home.keys() ^ far_away.keys()]
    for name in sorted(at_home.keys() & far_away.keys()):
        pairs = list(zip(at_home[name], far_away[name], strict=False))
        if len(at_home[name]) != len(far_away[name]) or not all(a.same(b) for a, b in pairs):
            said.append(f"{name} is not stored as the same")
    for one, other in zip(asked_home, asked_away, strict=True):
        said += differences(one, other)
    return {
        "videos": len(at_home),
        "queries": len(asked_home),
        "hits": sum(len(each.hits) for each in asked_home),
        "differences": said,
    }


def main() -> int:
    """Draw the videos, add footage if there is some, and print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12, help="how many demo videos are drawn")
    parser.add_argument("--seed", type=int, default=6161, help="which ones")
    options = parser.parse_args()
    footage = Path(os.environ.get("CLIPSEEK_FOOTAGE", "")) / "films"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_videos(options.videos, options.seed, root / "videos")
        if os.environ.get("CLIPSEEK_FOOTAGE"):
            for path in footage.iterdir():
                if path.suffix in FOOTAGE:
                    (root / "videos" / path.name).symlink_to(path.resolve())
        found = compare(root / "videos", root)
    print(json.dumps(found, indent=2))
    return 1 if found["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
