"""A webcam in a real browser: its pictures are found, recorded and played, through nginx."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from tests.api import browser
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.chaos.client import Client
from tests.chaos.conftest import require_programs
from tests.chaos.proxy import own_folder, standing
from tests.lacking import lacking
from tests.live.recorders import Site, a_site, wait_for

WIDTH, HEIGHT, FRAMES = 320, 240, 10
RED = (81, 90, 240)
"""Red as Y, Cb and Cr (ITU-R BT.601)."""
TILE = "document.querySelector('[data-camera=webcam]')"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Return a tab of a browser whose webcam shows red."""
    found = browser.find()
    if found is None:
        lacking(f"no browser; install one of {', '.join(browser.NAMES)}")
    shown = tmp_path / "red.y4m"
    sides = (1, 4, 4)
    planes = b"".join(
        bytes([value]) * (WIDTH * HEIGHT // side) for value, side in zip(RED, sides, strict=True)
    )
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES}:1 Ip A1:1 C420jpeg\n".encode()
    shown.write_bytes(head + (b"FRAME\n" + planes) * FRAMES)
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={shown}",
    )
    with browser.opened(found, tmp_path / "profile", *flags) as opened:
        opened.look()
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a data folder without cameras."""
    with a_site(tmp_path) as made:
        yield made


@pytest.fixture
def front(site: Site) -> Iterator[Client]:
    """Run two replicas behind nginx."""
    require_programs()
    with ExitStack() as stack:
        library: Any = Library(site.folder, site.catalog)  # type: ignore[arg-type]  # a real one
        addresses = [stack.enter_context(serving(create_app(library.service()))) for _ in range(2)]
        ports = [int(address.rpartition(":")[2]) for address in addresses]
        yield stack.enter_context(standing(stack.enter_context(own_folder()), ports))


def test_a_webcam_is_a_camera_after_one_click(page: Page, site: Site, front: Client) -> None:
    """What it shows is found by a search and can be watched; it ends when the page says so."""
    with site.recording():
        page.open(f"http://127.0.0.1:{front.port}/#/live")
        page.until("document.getElementById('add-webcam')")
        page.run("document.getElementById('add-webcam').click()")
        page.until("document.querySelector('#new-webcam video')?.videoWidth > 0")
        page.run("document.querySelector('#new-webcam .primary').click()")
        page.until(f"{TILE}?.innerText.includes('This page sends its pictures.')")

        hits: list[Any] = []

        def asked() -> bool:
            body = {"query": "red", "filter": {"cameras": ["webcam"]}}
            hits.extend((front.ask("POST", "/v1/search", body).body or {}).get("hits") or ())
            return bool(hits)

        wait_for("a moment of the webcam", asked)
        assert hits[0]["camera"] == "webcam"
        assert hits[0]["start_at"]
        page.until(f"{TILE}.innerText.includes('Watch live')")
        page.run(f"{TILE}.querySelector('[aria-label=\"Watch live: webcam\"]').click()")
        page.until(f"{TILE}.querySelector('video')?.readyState > 1")
        assert page.run(f"{TILE}.querySelector('video').videoWidth") > 0
        page.run(f"{TILE}.querySelector('[aria-label=\"Stop sending: webcam\"]').click()")
        page.until(f"{TILE}.innerText.includes('no browser sends its pictures')")
        page.until(f"!{TILE}.innerText.includes('This page sends its pictures.')")
    [chunk] = site.chunks("webcam")
    assert Path(chunk.uri).stat().st_size == chunk.size_bytes > 0
    page.open("about:blank")
