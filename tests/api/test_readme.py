"""api/README.md says what the API does."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from api import problem_kinds, upload_kinds
from api.app import create_app
from api.pages import STATIC
from clipseek.cache import LocalCache
from clipseek.config import PREFIX, Settings
from tests.api.library import Library
from tests.api.renew import document

README = (STATIC.parent / "README.md").read_text()


def test_every_endpoint_is_described() -> None:
    """Neither more nor fewer than the OpenAPI document has."""
    offered = {
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert set(re.findall(r"`((?:DELETE|GET|HEAD|OPTIONS|PATCH|POST) /[^`]*)`", README)) == offered


@pytest.mark.parametrize("kind", problem_kinds.ALL_KINDS.values(), ids=lambda kind: kind.name)
def test_every_problem_type_stands_in_the_table(kind: upload_kinds.Kind) -> None:
    """With its status, its title and what to do."""
    assert f"| `{kind.type}` | {kind.status} | {kind.title} | {kind.meaning} |" in README


def test_no_problem_type_of_the_table_is_gone() -> None:
    """What is documented exists."""
    named = set(re.findall(r"^\| `/problems/([^`]+)`", README, re.MULTILINE))
    assert named == set(problem_kinds.ALL_KINDS)


def test_every_setting_exists() -> None:
    """Names in the table are settings, and so are those in the text."""
    named = re.findall(rf"{PREFIX}([A-Z_]+)", README)
    assert {name.lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("example", re.findall(r"```json\n(.*?)```", README, re.DOTALL))
def test_an_example_is_json(example: str) -> None:
    """It can be read unchanged."""
    assert json.loads(example)


def test_every_metric_stands_in_the_table(library: Library) -> None:
    """Neither more nor fewer than the server shows."""
    client = TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20))))
    shown = set(re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE))
    rows = re.findall(r"^\| (`(?:clipseek|process)_.*?) \|", README, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    shown = {name for name in shown if not name.endswith("_created")}
    # Only Linux has those of the process.
    assert shown <= named
    assert {name for name in named - shown if not name.startswith("process_")} == set()
