"""Requests made up from the OpenAPI document: whatever comes, no fault of the server."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from api import problems
from api.app import create_app
from api.schemas import Problem
from clipseek.catalog import SqlCatalog
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.api.renew import document
from tests.api.server import serving

EXAMPLES = int(os.environ.get("CLIPSEEK_TEST_EXAMPLES", "40"))


@schemathesis.serializer("application/offset+octet-stream")
def part(_context: object, value: object) -> bytes:
    """Write a part of an upload: what was made up, as it is."""
    made = getattr(value, "data", value)
    return made if isinstance(made, bytes) else str(made).encode()


DOCUMENT = schemathesis.openapi.from_dict(document())
OPERATIONS = {
    found.ok().label: found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok)
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server over a library."""
    library = Library(tmp_path_factory.mktemp("library"), MemoryCatalog())
    SqlCatalog.open(f"sqlite:///{library.folder / 'catalog.db'}").close()  # of the jobs
    library.add("traffic.mp4", ["red", "green", "blue"], tags=("city",))
    library.add("sea.mp4", ["blue", "green"], tags=("coast",))
    with serving(create_app(library.service())) as url:
        yield url


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_makes_the_server_fail(address: str, name: str) -> None:
    """Right ones and wrong ones: an error is a problem document of the client's."""
    operation = OPERATIONS[name]
    cases: st.SearchStrategy[Case[Any]] = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=address)
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == [problems.MEDIA_TYPE]
            if operation.method != "head":
                found: dict[str, Any] = answer.json()
                assert Problem.model_validate(found).status == answer.status_code

    ask()
