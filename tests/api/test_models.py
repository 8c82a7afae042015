"""The models over HTTP: those that can be named, with what was measured of them."""

import dataclasses

import pytest

from clipseek.embedding.precision import Measured
from clipseek.keys import Scope
from tests.api.library import Library
from tests.api.test_permissions import asking
from tests.installed_model import install

MEASURED = Measured(images=0.991, texts=1.0, overlap=0.968, pictures=96, speedup=1.9)


def test_models_are_listed_with_what_was_measured(library: Library) -> None:
    """Of a precision that was measured, its figures; of others none; known ones are named."""
    install(library.folder, "toy@int8", precision="int8", measured=MEASURED)
    install(library.folder, "toy")
    with asking(library, "admin") as client:
        answer = client.get("/v1/models")
    found = {each["name"]: each for each in answer.json()["models"]}
    assert (found["toy@int8"]["precision"], found["toy@int8"]["measured"]) == (
        "int8",
        dataclasses.asdict(MEASURED),
    )
    assert (found["toy"]["precision"], found["toy"]["measured"]) == ("fp32", None)
    assert (found["toy"]["collections"], found["toy@int8"]["collections"]) == (["default"], [])
    assert found["demo"]["installed"]
    assert not found["PE-Core-B-16/meta"]["installed"]
    assert str(library.folder) not in answer.text


def test_a_known_model_that_is_installed_is_as_its_bundle_says(library: Library) -> None:
    """It is listed once."""
    install(library.folder, "ViT-B-32/laion2b_s34b_b79k")
    with asking(library, "admin") as client:
        models = client.get("/v1/models").json()["models"]
    (row,) = (each for each in models if each["name"] == "ViT-B-32/laion2b_s34b_b79k")
    assert row["installed"]
    assert row["note"] == "light"


def test_models_name_only_collections_that_the_key_allows(library: Library) -> None:
    """Another collection with the same model stays unknown."""
    library.add("night.mp4", ["black"], collection="other")
    install(library.folder, "toy")
    with asking(library, "admin", collections=frozenset({"other"})) as client:
        models = client.get("/v1/models").json()["models"]
    assert [each["collections"] for each in models if each["name"] == "toy"] == [["other"]]


@pytest.mark.parametrize("scope", ["search", "write"])
def test_models_need_the_scope_admin(library: Library, scope: Scope) -> None:
    """They say what the server has."""
    with asking(library, scope) as client:
        assert client.get("/v1/models").status_code == 403
