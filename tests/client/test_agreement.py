"""A change of the API that the client does not know is seen."""

import copy
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clipseek_client
from clipseek_client import AsyncClient, Client
from tests.api.renew import PINNED
from tests.client.agreement import differences, gone, uncalled

DOCUMENT = json.loads(PINNED.read_text("utf-8"))
SOURCE = "".join(
    path.read_text("utf-8") for path in Path(clipseek_client.__file__).parent.glob("*.py")
)


def schema(document: dict[str, Any], name: str) -> Any:
    """Return the fields of a schema."""
    return document["components"]["schemas"][name]["properties"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            lambda d: schema(d, "HitAnswer").update(field={"type": "string"}),
            "HitAnswer.field: string in the API, missing in the client",
            id="new field",
        ),
        pytest.param(
            lambda d: schema(d, "VideoAnswer").pop("tags"),
            "VideoAnswer.tags: missing in the API, ['string'] in the client",
            id="field gone",
        ),
        pytest.param(
            lambda d: schema(d, "JobAnswer").update(attempts={"type": "number"}),
            "JobAnswer.attempts: number in the API, integer in the client",
            id="type",
        ),
        pytest.param(
            lambda d: d["components"]["schemas"]["SearchAnswer"]["required"].remove("hits"),
            "SearchAnswer.hits: optional in the API",
            id="optional",
        ),
        pytest.param(
            lambda d: schema(d, "Search").update(explain={"type": "boolean"}),
            "Search.explain: boolean in the API, missing in the client",
            id="option",
        ),
        pytest.param(
            lambda d: schema(d, "PagedSearch").update(twice={"type": "boolean"}),
            "SearchOptions: the API has ['cursor', 'explain', 'twice'], the client "
            "['cursor', 'explain']",
            id="option of one search",
        ),
    ],
)
def test_a_difference_is_found(change: Callable[[Any], object], said: str) -> None:
    """By its name and both types."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    assert said in differences(document)


def test_every_endpoint_is_called_or_left_out_with_a_reason() -> None:
    """A new one is added to the client, or to the list."""
    assert uncalled(DOCUMENT, SOURCE) == []
    assert gone(DOCUMENT) == set()
    new: dict[str, Any] = {
        "paths": {"/v1/lamps": {"get": {}}, "/v1/videos/{video_id}/words": {"get": {}}}
    }
    assert uncalled(new, SOURCE) == ["GET /v1/lamps", "GET /v1/videos/{video_id}/words"]


def public(kind: type) -> dict[str, inspect.Signature]:
    """Return the signatures of the methods that a client has."""
    return {
        name: inspect.signature(each)
        for name, each in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_clients_have_the_same_methods() -> None:
    """With the same parameters; those that give several values are iterators in both."""
    plain, of_loops = public(Client), public(AsyncClient)
    of_loops["close"] = of_loops.pop("aclose")
    assert {name: each.parameters for name, each in plain.items()} == {
        name: each.parameters for name, each in of_loops.items()
    }
    for name, each in plain.items():
        answer = str(each.return_annotation).replace("AsyncIterator", "Iterator")
        assert answer == str(of_loops[name].return_annotation).replace("AsyncIterator", "Iterator")
        assert inspect.isasyncgenfunction(getattr(AsyncClient, name, None)) is (
            inspect.isgeneratorfunction(getattr(Client, name))
        )
