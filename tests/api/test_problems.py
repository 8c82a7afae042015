"""Every error is a problem document, and every class of the core has its status."""

import json
import logging
from collections.abc import Iterator
from typing import NoReturn

import pytest
from fastapi.testclient import TestClient

from api import problem_kinds, problems, upload_kinds
from api.app import create_app
from clipseek import errors
from clipseek.errors import ClipseekError
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection
from tests.api.library import Library

RAISED: dict[type[ClipseekError], ClipseekError] = {
    errors.ConfigError: errors.ConfigError("CLIPSEEK_MODEL: no such model"),
    errors.InvalidQuery: errors.InvalidQuery("limit must be 1 to 100, got 0"),
    errors.VideoNotFound: errors.VideoNotFound("v", "default"),
    errors.SegmentNotFound: errors.SegmentNotFound(7),
    errors.CollectionNotFound: errors.CollectionNotFound("videos"),
    errors.UnreadableVideo: errors.UnreadableVideo("/videos/a.mp4", "no video stream"),
    errors.NothingIndexed: errors.NothingIndexed("default"),
    errors.ModelMismatch: errors.ModelMismatch("default", "a/b", "c/d"),
    errors.CatalogOutdated: errors.CatalogOutdated(
        "/srv/catalog.db", "is at revision 0001, and this release reads 0002; run `indexer migrate`"
    ),
    errors.ServiceUnavailable: errors.ServiceUnavailable("the database is gone"),
}


class FailingCatalog(MemoryCatalog):
    """Raises one error where collections are listed."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def collections(self) -> list[Collection]:
        """Fail."""
        raise self.error


def leaves(cls: type[ClipseekError]) -> Iterator[type[ClipseekError]]:
    """Yield the classes of the core that are raised: those without classes below them.

    `clipseek.milvus` catches its own class itself.
    """
    below = [
        sub
        for sub in cls.__subclasses__()
        if sub.__module__.startswith("clipseek.") and sub.__module__ != "clipseek.milvus.failures"
    ]
    if not below:
        yield cls
    for sub in below:
        yield from leaves(sub)


def asking(library: Library, error: Exception) -> TestClient:
    """Return a client of an application whose catalog fails."""
    service = library.service(FailingCatalog(error), stale_s=0)
    return TestClient(create_app(service), raise_server_exceptions=False)


ELSEWHERE = {"PartRefused", "NotTheSame", "RuleNotFound", "NotSent", "TooManyWishes"}
"""Errors of commands, of workers and of recorders, and one that its endpoint answers itself."""


def test_every_error_of_the_core_has_its_kind() -> None:
    """No class is left unmapped, but by its base; and none is mapped that is gone."""
    kinds = problem_kinds.KINDS
    raised = {cls for cls in leaves(ClipseekError) if cls.__name__ not in ELSEWHERE}
    mapped = {cls: [base for base in cls.__mro__ if base in kinds] for cls in raised}
    assert [cls for cls, bases in mapped.items() if not bases] == []
    assert set(kinds) == {bases[0] for bases in mapped.values()} | {errors.ServiceUnavailable}


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_an_error_of_the_core_is_answered_as_its_kind(
    empty: Library, cls: type[ClipseekError]
) -> None:
    """Type, title and status stand in the table; the detail is what everybody is told."""
    kind = problem_kinds.KINDS[cls]
    answer = asking(empty, RAISED[cls]).get("/v1/collections")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status_code == kind.status
    assert answer.json() == {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": RAISED[cls].told or problems.LOGGED,
        "instance": "/v1/collections",
        "request_id": answer.headers["X-Request-ID"],
    }


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_no_command_is_told_to_everybody(cls: type[ClipseekError]) -> None:
    """Those who only search have no shell on the server."""
    told = RAISED[cls].told or problems.LOGGED
    assert not any(sign in told for sign in ("`", "indexer ", "--", "CLIPSEEK_"))


def test_an_error_of_the_caller_is_not_logged_as_a_warning(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator has nothing to do, although there is a command that would help in a shell."""
    caplog.clear()
    answer = client.get("/v1/videos/none")
    assert answer.json()["detail"] == (
        "no video 'none' in collection 'default'; it may have been removed, so look for it in the "
        "list of videos"
    )
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(
            errors.ServiceUnavailable("/srv/thumbnails cannot be read; run `indexer verify`"),
            problems.LOGGED,
            id="unavailable",
        ),
        pytest.param(
            errors.ServiceUnavailable("wait for the database", for_all=True),
            "wait for the database",
            id="for all",
        ),
        pytest.param(
            errors.ConfigError("no bundle in /srv/models"), problems.LOGGED, id="configuration"
        ),
        pytest.param(
            RAISED[errors.CatalogOutdated],
            "the catalog has another revision than this release reads; tell the operator of "
            "server the request id",
            id="outdated",
        ),
        pytest.param(
            RAISED[errors.NothingIndexed],
            "nothing is indexed in collection 'default' yet; the operator of this server has to "
            "index videos first",
            id="nothing indexed",
        ),
        pytest.param(
            RAISED[errors.ModelMismatch],
            "collection 'default' is indexed with another model than the server has; search "
            "another collection, or tell the operator of this server the request id",
            id="other model",
        ),
        pytest.param(errors.NoCatalog("/srv/catalog.db"), problems.LOGGED, id="no catalog"),
    ],
)
def test_places_and_commands_are_told_to_operators_alone(
    library: Library, error: ClipseekError, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Viewers hear the rest, or where the reason is; the log has all, under the request's id."""

    class Failing(MemoryCatalog):
        def collection(self, name: str) -> NoReturn:
            raise error

        def consistent(self, collection: str) -> NoReturn:
            raise error

        def collections(self) -> NoReturn:
            raise error

        def check(self) -> NoReturn:
            raise error

    service = library.service(Failing(), stale_s=0)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        caplog.clear()
        answers = [
            client.get("/readyz"),
            client.get("/v1/collections"),
            client.post("/v1/search", json={"query": "red"}),
            client.post("/v1/search/batch", json={"searches": [{"query": "red"}]}),
        ]
    for answer in answers:
        assert json.dumps(told)[1:-1] in answer.text
        assert "/srv" not in answer.text
        if told != str(error):
            assert f"request {answer.headers['X-Request-ID']}: {error}" in caplog.messages
    status = problem_kinds.kind_of(error).status
    assert [answer.status_code for answer in answers] == [status, status, status, 200]


def test_an_error_class_of_later_is_answered_as_its_base(empty: Library) -> None:
    """A class below a known one has that one's kind."""

    class Overloaded(errors.ServiceUnavailable):
        pass

    assert asking(empty, Overloaded("wait")).get("/v1/collections").status_code == 503


def test_an_unavailable_service_says_when_to_come_back(empty: Library) -> None:
    """Waiting does not help against an old schema, so only one of the two 503 says so."""
    gone = asking(empty, RAISED[errors.ServiceUnavailable]).get("/v1/collections")
    outdated = asking(empty, RAISED[errors.CatalogOutdated]).get("/v1/collections")
    assert gone.headers["Retry-After"] == "5"
    assert "Retry-After" not in outdated.headers


def test_a_fault_is_logged_and_not_told(empty: Library, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets the request id, the log gets the traceback under it."""
    with caplog.at_level(logging.ERROR, "clipseek.api"):
        answer = asking(empty, ZeroDivisionError("secret")).get("/v1/collections")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json()["request_id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        pytest.param("GET", "/nothing/here", 404, "not-found", id="path"),
        pytest.param("GET", "/v1/search/", 404, "not-found", id="slash"),
        pytest.param("GET", "/v1/search", 405, "method-not-allowed", id="GET on POST"),
        pytest.param("DELETE", "/v1/videos", 405, "method-not-allowed", id="DELETE on GET"),
        pytest.param("POST", "/", 405, "method-not-allowed", id="POST on page"),
        pytest.param("GET", "/static/none.js", 404, "not-found", id="static"),
        pytest.param("GET", "/static/%00", 404, "not-found", id="static NUL"),
        pytest.param("GET", "/static/..%2fapp.py", 404, "not-found", id="static dots"),
        pytest.param("GET", f"/static/{'a' * 5000}", 404, "not-found", id="static long"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(
    client: TestClient, method: str, path: str, status: int, name: str
) -> None:
    """404 and 405 come in the same form as all errors."""
    answer = client.request(method, path)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_refused_method_names_the_right_ones(client: TestClient) -> None:
    """The header Allow (RFC 9110, 15.5.6)."""
    assert "POST" in client.get("/v1/search").headers["Allow"]


@pytest.mark.parametrize("given", ["abc", "a" * 64, "A-b_c.9"], ids=["word", "longest", "signs"])
def test_a_sane_request_id_is_kept(client: TestClient, given: str) -> None:
    """A proxy's id runs through."""
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "a" * 65, "a b", "<script>", "a;b"], ids=["empty", "long", "space", "tag", "sign"]
)
def test_another_request_id_is_replaced(client: TestClient, given: str) -> None:
    """What could break a log line is not repeated."""
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 16


def test_ids_differ(client: TestClient) -> None:
    """Each request has its own."""
    ids = {client.get("/healthz").headers["X-Request-ID"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("kind", problem_kinds.ALL_KINDS.values(), ids=lambda kind: kind.name)
def test_a_problem_type_resolves(client: TestClient, kind: upload_kinds.Kind) -> None:
    """The type is an address where its meaning is told."""
    answer = client.get(kind.type)
    assert answer.json() == {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "meaning": kind.meaning,
    }


def test_an_unknown_problem_type_is_a_problem(client: TestClient) -> None:
    """404."""
    assert client.get("/problems/none").json()["type"] == "/problems/not-found"
