"""Two processes of `indexer ingest` over one catalog, as on two machines; one of them is killed."""

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress

import pytest

from clipseek.catalog import SqlReader
from clipseek.config import Settings
from clipseek.errors import ServiceUnavailable
from tests.e2e.conftest import Library

PATIENCE_S = 120.0


def _start(library: Library, name: str) -> "subprocess.Popen[str]":
    """Start an ingest; under PostgreSQL, each machine has a data folder of its own."""
    folder = library.data_dir
    if "CLIPSEEK_DATABASE_URL" in os.environ:
        folder = folder / name
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder)]
    return subprocess.Popen(
        [*command, "ingest", str(library.videos), "--model", "demo", "--no-build"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CLIPSEEK_JOB_LEASE_S": "2", "CLIPSEEK_WORKERS": "1"},
    )


def _stored(library: Library) -> Counter[str | None]:
    """Return how often each video was stored."""
    settings = Settings.load(data_dir=library.data_dir)
    with closing(SqlReader.open(settings.catalog_url)) as catalog:
        return Counter(each.video_id for each in catalog.changes("default", 0))


def _wait_for_a_video(library: Library) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        # A file that is being made cannot be read at some moments.
        with suppress(ServiceUnavailable):
            if _stored(library):
                return
        time.sleep(0.02)
    pytest.fail("no video was stored")


@pytest.mark.parametrize("kind", ["postgres", pytest.param("sqlite", marks=pytest.mark.long)])
def test_a_machine_dies_and_the_other_one_completes_the_library(
    kind: str, request: pytest.FixtureRequest, empty: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each video is stored once, and the one that lives has told of all of them."""
    if kind == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("postgres_url"))
    with _start(empty, "one") as one, _start(empty, "two") as two:
        try:
            _wait_for_a_video(empty)
            one.kill()
            told, _ = two.communicate(timeout=PATIENCE_S)
        finally:
            one.kill()
            two.kill()
    assert two.returncode == 0, told
    stored = _stored(empty)
    assert len(stored) == len(list(empty.videos.glob("*.mp4"))) == 6
    assert set(stored.values()) == {1}
    assert told.startswith("6 videos: ")
