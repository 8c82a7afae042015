"""The vendored files are unchanged copies of named versions, and their licences are with them."""

import hashlib
import json

import pytest

from api.pages import STATIC
from tests.page.tools import packages

VENDOR = STATIC / "vendor"
FILES = json.loads((VENDOR / "vendor.json").read_text("utf-8"))["files"]
LICENCES = {"MIT", "Apache-2.0", "Apache-2.0 AND MIT"}


def test_every_file_is_listed() -> None:
    """A script that nobody lists has no version and no licence."""
    assert {each["file"] for each in FILES} == {path.name for path in VENDOR.glob("*.js")}


@pytest.mark.parametrize("each", FILES, ids=lambda each: each["file"])
def test_a_file_is_what_the_list_says(each: dict[str, str]) -> None:
    """By its checksum, and by the package that it comes from."""
    content = (VENDOR / each["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == each["sha256"]
    assert each["licence"] in LICENCES
    assert f"{each['file']}: {each['package']} (" in (VENDOR / "LICENSES.txt").read_text("utf-8")
    package = packages() / each["package"]
    assert json.loads((package / "package.json").read_text("utf-8"))["version"] == each["version"]
    assert (package / each["from"]).read_bytes() == content
