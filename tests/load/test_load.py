"""The load generator and the soak in short; in full they are `make load` and `make soak`."""

import json
import os
import shutil

import pytest

from benchmarks import serve
from tests.load.soak import soak

MIB = 2**20


def test_no_request_fails_under_load(capsys: pytest.CaptureFixture[str]) -> None:
    """Many connections at once, ready answers and different searches; the last line is JSON."""
    if shutil.which("wrk") is None:
        assert os.environ.get("CI") != "true", "wrk is not installed; `make servers` installs it"
        pytest.skip("not installed: wrk; `make servers` installs it")
    assert serve.main(["--seconds", "1", "--rounds", "1", "--connections", "4", "64"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"cached_ratio", "uncached_ratio", "p99_ms", "errors"} <= said.keys()
    assert (said["errors"], said["connections"]) == (0, 64)


def test_a_server_in_use_does_not_grow() -> None:
    """Neither in memory nor in open files, while it is asked and its library changes.

    In so short a time only a leak of some hundred kilobytes a request would show; `make soak` sees
    less.
    """
    found, errors = soak(seconds=6, users=4)
    assert not errors
    assert found.requests > 10
    assert found.changes >= 2
    assert found.rss_end - found.rss_start < 32 * MIB
    assert found.fds_end - found.fds_start <= 16
