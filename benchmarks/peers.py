"""The same vectors and sentences in other vector stores, each with the recall of ours.

    python -m benchmarks.peers [--segments N] [--dim D] [--python FILE] [--json]

pgvector in a PostgreSQL of its own, Milvus Lite, Chroma, LanceDB and Qdrant's local mode run in a
separate environment, which `make peers` makes, because they are large and clipseek does not need
them. Only the first is a server. One that is not installed there is listed under `missing`. Each is
searched as `benchmarks.peer` describes, with the cheapest parameters that reach a recall@10 of
0.99, if it has any; ours is the index that a build chooses.

`ratio`: median time of a query of the fastest peer with a recall of at least ours minus 0.005,
divided by that of ours; null if no peer reaches it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np

from benchmarks.frames import Made, made
from benchmarks.index import K, built, milliseconds, recall
from benchmarks.peer import ASKED, PEERS

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
LIMIT_S = 300
EQUAL = 0.005

Line = dict[str, Any]


def ours(data: Made, truth: np.ndarray[Any, np.dtype[np.int64]], folder: Path) -> Line:
    """Measure the index that a build chooses, mapped from its file."""
    index, seconds, _ = built(data, None, folder)
    asked = data.asked[:ASKED]
    times = [milliseconds(lambda q: index.search(q, K).ids, query) for query in asked]
    return {
        "peer": "clipseek",
        "version": "",
        "runs": "in the process",
        "searched_by": f"{index.kind}, nprobe {index.nprobe}",
        "fill_s": round(seconds, 1),
        "query_ms": round(statistics.median(times), 3),
        "recall": round(recall(index.search(asked, K).ids, truth[:ASKED]), 4),
    }


def write(data: Made, folder: Path) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """Write what a peer is asked, with the truth of it, and return the truth."""
    truths = {}
    np.save(folder / "frames.npy", data.frames)
    for part in ("held", "asked"):
        queries = getattr(data, part)
        truths[part] = faiss.knn(queries, data.frames, K, metric=faiss.METRIC_INNER_PRODUCT)[1]
        np.save(folder / f"{part}.npy", queries)
        np.save(folder / f"{part}_truth.npy", truths[part])
    return truths


def asked(name: str, python: Path, folder: Path) -> Line | str:
    """Measure one peer in its environment; return why it is missing otherwise."""
    if not python.is_file():
        return f"{python} is not there; `make peers` installs it"
    command = [str(python), "-m", "benchmarks.peer", name, str(folder)]
    try:
        run = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done within {LIMIT_S} s"
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"{last}; `make peers` installs it"
    line: Line = json.loads(run.stdout.splitlines()[-1])
    return line


def measure(segments: int, dim: int, python: Path, folder: Path) -> dict[str, Any]:
    """Measure ours, then each peer on what was written for it."""
    data = made(segments, dim)
    truths = write(data, folder)
    lines, missing = [ours(data, truths["asked"], folder)], {}
    for name in PEERS:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for path in folder.glob("*.npy"):
                (Path(place) / path.name).symlink_to(path)
            answer = asked(name, python, Path(place))
        if isinstance(answer, str):
            missing[name] = answer
        else:
            lines.append(answer)
    equal = [p["query_ms"] for p in lines[1:] if p["recall"] >= lines[0]["recall"] - EQUAL]
    return {
        "name": "peers",
        "ratio": round(min(equal) / lines[0]["query_ms"], 2) if equal else None,
        "recall": lines[0]["recall"],
        "segments": segments,
        "dim": dim,
        "stores": lines,
        "missing": missing,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print lines, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure other vector stores beside ours.")
    parser.add_argument("--segments", type=int, default=110_000, metavar="N")
    parser.add_argument("--dim", type=int, default=512, metavar="D")
    parser.add_argument("--python", type=Path, default=PYTHON, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        said = measure(options.segments, options.dim, options.python.absolute(), Path(folder))
    lines = [json.dumps(said)] if options.json else [f"{n:10} {v}" for n, v in said.items()]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
