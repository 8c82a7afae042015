"""Somebody who has read nothing adds videos, finds a moment, finds its like, and shares it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from benchmarks.servers import Server, serving
from clipseek.demo.videos import make_videos
from tests.api import browser
from tests.api.browser import Page
from tests.page.looking import ACTIVE, CARD, STATUS, VIDEO

WAIT_S = 15
DONE = "[...document.querySelectorAll('.upload')].filter((row) => row.classList.contains('done'))"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start the one command of the README with an empty data folder."""
    settings = {"CLIPSEEK_DATA_DIR": str(tmp_path / "data"), "CLIPSEEK_MODEL": "demo"}
    with serving(["clipseek", "serve", "--quiet"], "readyz", settings) as started:
        yield started


def _repack(file: Path, other: Path) -> None:
    """Write the packets of a video to another file: the same pictures, but not the same bytes."""
    with av.open(file) as read, av.open(other, "w") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return [int(child) for child in found]


def test_the_five_acts_of_a_first_visit(page: Page, server: Server, tmp_path: Path) -> None:
    """By the page alone, and another browser opens the link; the worker ends with the server."""
    (first,) = make_videos(1, 5, tmp_path)
    files = [tmp_path / first.file, tmp_path / "the-same-again.mkv"]
    _repack(*files)
    page.problems.clear()
    page.open(server.url)
    page.until("document.querySelector('#notice #add')")
    page.choose("input[type=file][multiple]", files)
    page.until(f"{DONE}.length === 2")

    page.run("document.querySelector('.top nav a').click()")
    page.until(f"{ACTIVE}.id === 'query'")
    page.write("a car")
    page.press("Enter")
    page.until(f"document.querySelector('{CARD}')")
    assert "moment" in page.run(STATUS)

    page.run(f"document.querySelector('{CARD}').click()")
    page.until("document.getElementById('alike')")
    page.run("document.getElementById('alike').click()")
    page.until(f"document.getElementById('asked') && {STATUS}.includes('in 1 video')")

    page.run(f"document.querySelector('{CARD}').click()")
    page.until(f"{VIDEO}?.readyState > 1")
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    page.call("Browser.grantPermissions", permissions=allowed)
    page.run("document.getElementById('copy-link').click()")
    page.until("document.getElementById('copy-link').innerText === 'Copied'")
    link = page.run("navigator.clipboard.readText()")
    assert page.problems == []

    found = browser.find()
    assert found is not None
    with browser.opened(found, tmp_path / "other") as other:
        other.open(link)
        other.until(f"{VIDEO}?.readyState > 1")
        title = "document.querySelector('dialog h2').textContent"
        assert other.run(title) == page.run(title)
        assert other.problems == []

    children = _children(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "the worker goes on without its server"
        time.sleep(0.05)
    assert len(children) >= 1
