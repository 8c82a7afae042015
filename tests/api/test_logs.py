"""The log: a line per request, for people or for machines, and tracebacks in it."""

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
from fastapi.testclient import TestClient

from api import logs

Kind = Literal["text", "json"]


Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _loggers_put_back() -> Iterator[None]:
    """Put the loggers back as they were."""
    names = [None, "clipseek", "clipseek.audit", "uvicorn", "uvicorn.error", "uvicorn.access"]
    kept = [(log := logging.getLogger(n), log.level, log.handlers[:], log.propagate) for n in names]
    yield
    for log, level, handlers, propagate in kept:
        log.setLevel(level)
        log.handlers[:] = handlers
        log.propagate = propagate


def test_a_request_is_one_object(client: TestClient, capsys: Captured) -> None:
    """With the template of its route, under the id that its answer has."""
    logs.configure("json")
    answer = client.get("/v1/videos/sea")
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") > 0
    assert line == {
        "level": "info",
        "request_id": answer.headers["X-Request-ID"],
        "method": "GET",
        "route": "/v1/videos/{video_id}",
        "status": 200,
    }


def test_a_request_is_one_line_of_text(client: TestClient, capsys: Captured) -> None:
    """With the same in it."""
    logs.configure("text")
    answer = client.get("/healthz")
    (line,) = capsys.readouterr().err.splitlines()
    assert "INFO GET /healthz 200" in line
    assert line.endswith(f" ms {answer.headers['X-Request-ID']}")


def test_a_quiet_log_has_the_audit(capsys: Captured) -> None:
    """An entry is logged if it cannot be stored, and then it is nowhere else."""
    logs.configure("text", quiet=True)
    logging.getLogger("clipseek.audit").info("audit: an entry")
    logging.getLogger("clipseek.api").info("a request")
    assert "audit: an entry" in (said := capsys.readouterr().err)
    assert "a request" not in said


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_quiet_log_has_no_requests(client: TestClient, capsys: Captured, kind: Kind) -> None:
    """Only warnings are left."""
    logs.configure(kind, quiet=True)
    client.get("/healthz")
    logging.getLogger("clipseek.search").warning("views stay as they are")
    (line,) = capsys.readouterr().err.splitlines()
    assert "views stay as they are" in line


def test_a_traceback_is_in_the_object(capsys: Captured) -> None:
    """One record stays one line."""
    logs.configure("json")
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logging.getLogger("clipseek.api").exception("request abc failed")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"]) == ("error", "request abc failed")
    assert "ZeroDivisionError: by zero" in line["exception"]
