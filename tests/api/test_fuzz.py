"""Requests made up from the OpenAPI document: whatever comes, no fault of the server."""

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api import alert_streams, problems
from api.app import create_app
from api.schemas import Problem
from clipseek.keys import SCOPES
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.api.renew import document
from tests.api.server import serving
from tests.contracts.catalogs import sqlite_url

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.core.transport import Response
    from schemathesis.schemas import APIOperation

EXAMPLES = int(os.environ.get("CLIPSEEK_TEST_EXAMPLES", "16"))


OPERATIONS = [
    f"{method.upper()} {path}"
    for path, methods in document()["paths"].items()
    for method in methods
]


SHARE_WITH_KEY = 8
"""One of so many requests is sent with each key: the paths behind the border are the same."""

OPEN = (
    "DELETE /v1/session",
    "GET /healthz",
    "GET /problems/{name}",
    "GET /readyz",
    "OPTIONS /v1/uploads",
)
"""What needs no key."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """The address of a server that asks for keys, and the headers of two keys of all scopes.

    every: For all collections. one: For the default collection.
    """

    url: str
    every: dict[str, str]
    one: dict[str, str]


def filled(folder: Path) -> Library:
    """Return a library with two videos, and a third one in a collection that is `hidden`."""
    library = Library(folder, MemoryCatalog())
    sqlite_url(library.folder)  # of the jobs
    library.add("traffic.mp4", ["red", "green", "blue"], tags=("city",))
    library.add("sea.mp4", ["blue", "green"], tags=("coast",))
    library.add("hidden-night.mp4", ["black"], collection="hidden", tags=("hidden-tag",))
    return library


@pytest.fixture(scope="module", autouse=True)
def _short_streams() -> Iterator[None]:
    """Let a stream of alerts end at once: a client of these tests reads all of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alert_streams, "LONGEST_S", 0.02)
        patch.setattr(alert_streams, "HEARTBEAT_S", 0.01)
        yield


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server over a library that needs no keys."""
    library = filled(tmp_path_factory.mktemp("library"))
    with serving(create_app(library.service())) as url:
        yield url


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """Return a server over a library that needs keys."""
    library = filled(tmp_path_factory.mktemp("keyed"))
    every = library.key("every", *SCOPES)
    one = library.key("one", *SCOPES, collections={"default"})
    with serving(create_app(library.service(access="keys"))) as url:
        yield Keyed(url, every, one)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_makes_the_server_fail(address: str, name: str) -> None:
    """Right ones and wrong ones: an error is a problem document of the client's."""

    def ask(case: "Case[Any]") -> None:
        require_no_fault(case, case.call(base_url=address))

    made_up(name, EXAMPLES, ask)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_with_a_key_makes_the_server_fail(keyed: Keyed, name: str) -> None:
    """With a key for everything, or for one collection; the latter reads nothing of the other."""

    def ask(case: "Case[Any]") -> None:
        answer = case.call(base_url=keyed.url, headers=keyed.every)
        require_no_fault(case, answer)
        assert answer.status_code not in {401, 403}
        answer = case.call(base_url=keyed.url, headers=keyed.one)
        require_no_fault(case, answer)
        assert answer.status_code != 401
        assert b"hidden" not in answer.content

    made_up(name, max(1, EXAMPLES // SHARE_WITH_KEY), ask)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_request_without_a_key_is_asked_for_one(keyed: Keyed, name: str) -> None:
    """Before anything else is said of it, unless what it asks for is open to everybody."""

    def ask(case: "Case[Any]") -> None:
        answer = case.call(base_url=keyed.url)
        require_no_fault(case, answer)
        if name in OPEN:
            assert answer.status_code != 401
        else:
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == ['Bearer realm="clipseek"']

    made_up(name, max(1, EXAMPLES // 20), ask)


@cache
def _operations() -> dict[str, "APIOperation[Any, Any, Any, Any]"]:
    """Read the document with schemathesis, which takes seconds to import, and only here."""
    import schemathesis
    from schemathesis.core.result import Ok

    @schemathesis.serializer("application/offset+octet-stream")
    def part(_context: object, value: object) -> bytes:
        """Write a part of an upload: what was made up, as it is."""
        made = getattr(value, "data", value)
        return made if isinstance(made, bytes) else str(made).encode()

    read = schemathesis.openapi.from_dict(deepcopy(document()))
    found = [each.ok() for each in read.get_all_operations() if isinstance(each, Ok)]
    return {operation.label: operation for operation in found}


def made_up(name: str, examples: int, ask: "Callable[[Case[Any]], None]") -> None:
    """Call a function with requests of an operation, right ones and wrong ones."""
    from schemathesis import GenerationMode

    operation = _operations()[name]
    cases: st.SearchStrategy[Case[Any]] = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    limited = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    limited(given(case=cases)(ask))()


def require_no_fault(case: "Case[Any]", answer: "Response") -> None:
    """Raise unless an answer is right, or a problem document that blames the client."""
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == [problems.MEDIA_TYPE]
        if case.method.lower() != "head":
            found: dict[str, Any] = answer.json()
            assert Problem.model_validate(found).status == answer.status_code
