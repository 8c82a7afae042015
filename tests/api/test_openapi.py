"""The OpenAPI document: pinned, complete, and its examples are true."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from api import (
    alert_schemas,
    camera_schemas,
    camera_test_schemas,
    collection_schemas,
    edit_lists,
    facets,
    feed_schemas,
    history_schemas,
    job_schemas,
    model_schemas,
    problem_kinds,
    problems,
    received_parts,
    review_schemas,
    schemas,
    search_schemas,
    timeline_schemas,
    traffic,
    video_tags,
    wanted,
    watch_schemas,
    wishing,
)
from api.operations import operation_id
from tests.api.renew import PINNED, document
from tests.client.agreement import differences

DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}

_MODULES = (
    schemas,
    search_schemas,
    job_schemas,
    history_schemas,
    facets,
    traffic,
    video_tags,
    model_schemas,
    collection_schemas,
    timeline_schemas,
    edit_lists,
    watch_schemas,
    alert_schemas,
    camera_schemas,
    camera_test_schemas,
    feed_schemas,
    received_parts,
    wanted,
    wishing,
    review_schemas,
)


def _model(name: str) -> type[BaseModel]:
    """Return the model that the document calls so."""
    module = next(each for each in _MODULES if hasattr(each, name))
    found: type[BaseModel] = getattr(module, name)
    return found


def contents(operation: dict[str, Any], media_type: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the answers of one media type by status."""
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get(media_type)
        if content is not None:
            yield int(status), content


def test_the_document_is_as_pinned() -> None:
    """A change of the surface is seen in review; `python -m tests.api.renew` renews the pin."""
    assert json.loads(PINNED.read_text()) == json.loads(json.dumps(DOCUMENT))


def test_the_python_client_has_every_field_and_option() -> None:
    """With the same types; its values are in client/clipseek_client/answers.py and asked.py."""
    assert differences(DOCUMENT) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_endpoint_is_explained(name: str) -> None:
    """Each has a summary, a description and a place in the list."""
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_endpoint_has_examples_of_its_answers(name: str) -> None:
    """One of success that its model takes, and one of each problem under its status."""
    operation = OPERATIONS[name]
    for _, content in contents(operation, "application/json"):
        model = content["schema"]["$ref"].rpartition("/")[2]
        assert _model(model).model_validate(content["example"])
    for status, content in contents(operation, problems.MEDIA_TYPE):
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        for kind_name, example in content["examples"].items():
            value = schemas.Problem.model_validate(example["value"])
            assert (value.status, value.type) == (status, f"/problems/{kind_name}")
            assert value.detail


@pytest.mark.parametrize(
    "name", ["POST /v1/search", "POST /v1/search/batch", "PATCH /v1/videos/{video_id}"]
)
def test_a_body_has_an_example(name: str) -> None:
    """It is one that the model takes."""
    schema = OPERATIONS[name]["requestBody"]["content"]["application/json"]["schema"]
    assert _model(schema["$ref"].rpartition("/")[2]).model_validate(schema["examples"][0])


def test_every_endpoint_with_parameters_names_the_refusal() -> None:
    """So the framework's own error schema is nowhere in the document."""
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


def test_the_items_of_a_batch_are_documented_as_searches() -> None:
    """Although each is validated by itself."""
    items = DOCUMENT["components"]["schemas"]["Batch"]["properties"]["searches"]["items"]
    assert items == {"$ref": "#/components/schemas/Search"}


def test_every_problem_type_is_documented_somewhere() -> None:
    """All but those that any path can meet, or that come from ingesting."""
    documented = {
        name
        for operation in OPERATIONS.values()
        for _, content in contents(operation, problems.MEDIA_TYPE)
        for name in content["examples"]
    }
    assert set(problem_kinds.ALL_KINDS) - documented == {
        "bad-request",
        "headers-too-large",
        "host-not-allowed",
        "method-not-allowed",
        "not-fetched",
        "target-too-long",
        "unreadable-video",
    }


@pytest.mark.parametrize(
    ("operation", "called"),
    [
        ("POST /v1/search", "search"),
        ("POST /v1/search/batch", "search_batch"),
        ("GET /v1/videos", "get_videos"),
        ("DELETE /v1/videos/{video_id}", "delete_video"),
        ("GET /v1/videos/{video_id}/segments", "get_video_segments"),
        ("GET /v1/edit-lists", "get_edit_lists"),
        ("GET /healthz", "get_healthz"),
    ],
)
def test_operations_are_called_by_their_paths(operation: str, called: str) -> None:
    """Clients that are generated have these names in their code."""
    assert operation_id(*operation.split(" ")) == called


def test_operations_have_names_of_their_own() -> None:
    """No two are called alike, and a key is optional, because a server may have none."""
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert DOCUMENT["security"] == [{}, {"key": []}]
    assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
