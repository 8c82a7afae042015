"""Files of the page: cached for long below the edition that they belong to, and only there."""

import os
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.editions import current, is_edition
from api.pages import STATIC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a script in it and one below it."""
    (tmp_path / "components").mkdir()
    (tmp_path / "app.js").write_text("1")
    (tmp_path / "components" / "card.js").write_text("2")
    return tmp_path


def test_an_edition_is_named_by_contents_alone(folder: Path) -> None:
    """Replicas that were installed at different times agree."""
    before = current(folder)
    assert is_edition(before.name)
    os.utime(folder / "app.js", (1, 1))
    os.utime(folder / "components" / "card.js", (5, 5))
    after = current(folder)
    assert (after.name, after.changed) == (before.name, 5)


@pytest.mark.parametrize("path", ["app.js", "components/card.js"])
def test_a_changed_file_makes_another_edition(folder: Path, path: str) -> None:
    """Without a restart, for those who work on the page."""
    before = current(folder)
    (folder / path).write_text("changed")
    assert current(folder).name != before.name


def test_a_file_that_keeps_its_size_makes_another_edition(folder: Path) -> None:
    """The time of the change tells it; browsers would keep the old file for a year."""
    before = current(folder)
    (folder / "app.js").write_text("3")
    os.utime(folder / "app.js", (before.changed + 1, before.changed + 1))
    assert current(folder).name != before.name


def test_a_renamed_file_makes_another_edition(folder: Path) -> None:
    """Scripts import by name."""
    before = current(folder)
    (folder / "app.js").rename(folder / "all.js")
    assert current(folder).name != before.name


@pytest.mark.parametrize("page", ["/", "/login", "/docs"])
def test_a_page_names_files_that_never_change(client: TestClient, page: str) -> None:
    """The page is asked for again; its files are kept, and have the bytes of the release."""
    answer = client.get(page)
    assert answer.headers["Cache-Control"] == "no-cache"
    named = re.findall(r'(?:src|href)="static/([0-9a-f]{12})/([^"]+)"', answer.text)
    assert len(named) == len(re.findall('="static/', answer.text)) >= 3
    for edition, name in named[:3]:
        file = client.get(f"/static/{edition}/{name}")
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert file.content == (STATIC / name).read_bytes()


@pytest.mark.parametrize("folder", ["", "0123456789ab/"], ids=["no edition", "another edition"])
def test_other_addresses_are_asked_for_again(client: TestClient, folder: str) -> None:
    """While a release is replaced, the page of one replica may ask another for its files."""
    file = client.get(f"/static/{folder}app.js")
    assert (file.status_code, file.headers["Cache-Control"]) == (200, "no-cache")
    assert file.content == (STATIC / "app.js").read_bytes()


def test_an_edition_has_no_other_files(client: TestClient) -> None:
    """A name that is not there is answered as everywhere, and is kept by nobody."""
    edition = current(STATIC).name
    for name in ("none.js", "..%2f..%2fapp.py", "", edition):
        answer = client.get(f"/static/{edition}/{name}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
