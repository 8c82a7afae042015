"""The script behind the README's picture still runs, and makes a picture of its size."""

from pathlib import Path

import pytest
from PIL import Image

from tests.api import browser
from tests.e2e.screenshot import HEIGHT, PICTURE, WIDTH, take
from tests.lacking import lacking

LARGEST_BYTES = 300_000


@pytest.mark.long
def test_the_picture_of_the_readme_can_be_made_anew(tmp_path: Path) -> None:
    """Of fewer videos than the README's, which are asked for what they show."""
    if browser.find() is None:
        reason = f"no browser; install one of {', '.join(browser.NAMES)}"
        lacking(reason)
    made = tmp_path / "page.png"
    take(made, videos=4, seed=7, query="a boat")
    with Image.open(made) as picture, Image.open(PICTURE) as shown:
        assert picture.size == shown.size == (WIDTH, HEIGHT)
        assert len(picture.getcolors() or ()) > 100  # results have pictures of many colours
    assert PICTURE.stat().st_size < LARGEST_BYTES
