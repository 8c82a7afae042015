"""Two processes of the API with a shard each answer as one library that is not divided.

`tests/api/test_shards.py` is the short form, with two servers in one process.
"""

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clipseek import assembly
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.query import Query
from clipseek.sharding import shard_of
from clipseek.types import SearchResult
from tests.chaos.program import Program, environment, wait_until
from tests.e2e.conftest import Library

ASKED = ("a red balloon", "a blue car at night", "a boat on water", "snow")
LONGEST_S = 120


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        one, two = (each.getsockname()[1] for each in taken)
    return one, two


def replica(library: Library, here: int, ports: tuple[int, int], folder: Path) -> Program:
    """Return the process of a replica that searches one shard."""
    command = [sys.executable, "-m", "api", "--quiet", "--port", str(ports[here - 1])]
    env = environment(
        {
            "CLIPSEEK_DATA_DIR": str(library.data_dir),
            "CLIPSEEK_SHARD": str(here),
            "CLIPSEEK_SHARD_PEERS": f"{3 - here}=http://127.0.0.1:{ports[2 - here]}",
            "CLIPSEEK_SHARD_SECRET": "only replicas know this",
            "CLIPSEEK_SHARD_DEADLINE_S": "20",
            "CLIPSEEK_SHARD_MISSING": "answer",
            "CLIPSEEK_CACHE_ENTRIES": "0",
        }
    )
    return Program(f"replica-{here}", command, folder / f"replica-{here}.log", env)


def answered(port: int, query: str) -> dict[str, Any]:
    """Ask a replica, again while it starts."""
    body = json.dumps({"query": query, "limit": 20}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/search", body, {"Content-Type": "application/json"}
    )
    until = time.monotonic() + LONGEST_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=LONGEST_S) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
                return answer
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def whole(library: Library) -> list[SearchResult]:
    """Return the answers of the library in this process, whatever its index is."""
    with assembly.open_service(Settings.load(data_dir=library.data_dir)) as service:
        found = service.search([Query.of(query, limit=20) for query in ASKED])
    answers = []
    for each in found:
        assert not isinstance(each, ClipseekError)
        answers.append(each)
    return answers


@pytest.mark.long
def test_two_processes_answer_as_one(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hits, scores, totals and version; when one dies, the other one says what is missing."""
    expected = whole(library)
    monkeypatch.setenv("CLIPSEEK_SHARDS", "2")
    assert library.run("build", "--quiet") == 0
    monkeypatch.delenv("CLIPSEEK_SHARDS")
    ports = free_ports()
    programs = [replica(library, here, ports, tmp_path) for here in (1, 2)]
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.end)
            program.start()
        found = 0
        for port in ports:
            wait_until(
                lambda port=port: not answered(port, ASKED[0])["incomplete"],  # type: ignore[misc]
                "the other replica to start",
                deadline_s=LONGEST_S,
                step_s=0.1,
            )
            for query, true in zip(ASKED, expected, strict=True):
                answer = answered(port, query)
                assert answer["incomplete"] == []
                assert (answer["version"], answer["total"]) == (true.version, true.total)
                assert [
                    (hit["segment_id"], hit["score"], hit["relevance"]) for hit in answer["hits"]
                ] == [(hit.segment_id, hit.score, hit.relevance) for hit in true.hits]
                found += len(answer["hits"])
        assert found > 20
        programs[1].end()
        less = answered(ports[0], ASKED[1])
        assert less["incomplete"] == ["2"]
        assert {shard_of(hit["video"]["id"], 2) for hit in less["hits"]} == {1}
