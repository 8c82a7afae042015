"""docs/security.md names settings, scopes and tests that exist."""

import re
from pathlib import Path

import pytest

from clipseek.config import PREFIX, Settings
from clipseek.keys import SCOPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_each_setting_exists() -> None:
    """A setting that was renamed would leave its readers without protection."""
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)\b", PAGE))
    files = {"DATABASE_URL_FILE", "REDIS_URL_FILE", "CACHE_SECRET_FILE"}
    assert files < named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_limit_of_decoders_and_uploads_is_named() -> None:
    """Each setting that bounds what a stranger's video can use."""
    limits = {
        f"{PREFIX}{name.upper()}"
        for name in Settings.model_fields
        if re.match(r"max_(?:video|frame|decode|upload)_|upload_.*_bytes", name)
    }
    assert len(limits) >= 10
    assert {name for name in limits if name not in PAGE} == set()


def test_the_scopes_are_those_of_keys() -> None:
    """In their order, each with what it allows."""
    section = PAGE.split("## What a key can do")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == SCOPES


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|nginx)/[\w./]+)`", PAGE))))
def test_each_file_exists(path: str) -> None:
    """What is said to be tested is tested there."""
    assert (ROOT / path).is_file()


def test_each_link_leads_somewhere() -> None:
    """From this page and from the one that says how to report a hole."""
    for name, text in (
        ("docs/security.md", PAGE),
        ("SECURITY.md", (ROOT / "SECURITY.md").read_text("utf-8")),
    ):
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
        assert links
        for link in links:
            assert ((ROOT / name).parent / link).exists(), link


def test_access_and_its_values_are_named() -> None:
    """The values of the setting that opens the API."""
    for value in ("local", "keys", "everyone"):
        assert f"`{value}`" in PAGE or f"={value}`" in PAGE
        Settings(access=value)
