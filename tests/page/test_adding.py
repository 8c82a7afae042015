"""Adding, editing and removing videos in a real browser, with a real server and worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.servers import serving
from indexer.cli import main
from tests.api.browser import Page
from tests.page.looking import violations

ROW = "document.querySelectorAll('.upload')"
CARDS = "document.querySelectorAll('a.card.video')"


@dataclass(frozen=True, slots=True)
class Served:
    """A data folder with one indexed video, the address of its server, and another video."""

    data: Path
    url: str
    another: Path

    def work(self) -> int:
        """Run every job that waits, as the worker does, and return its exit code."""
        return main(["--data-dir", str(self.data), "work", "--once", "--quiet"])


@pytest.fixture
def served(demo_videos: Path, tmp_path: Path) -> Iterator[Served]:
    """Serve a library with a process of its own, as an operator does."""
    first, second, *_ = sorted(demo_videos.glob("*.mp4"))
    data = tmp_path / "data"
    assert main(["--data-dir", str(data), "ingest", str(first), "--model", "demo", "--quiet"]) == 0
    with serving(["api", "--quiet"], "readyz", {"CLIPSEEK_DATA_DIR": str(data)}) as server:
        yield Served(data, server.url, second)


def test_an_upload_that_cannot_begin_says_so(page: Page, address: str, tmp_path: Path) -> None:
    """The script that sends is loaded with the first upload; the next try loads it again."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    page.open(f"{address}/#/library")
    page.until(f"{CARDS}.length > 0")
    page.call("Network.enable")
    page.call("Network.setBlockedURLs", urls=["*/tus.js"])
    page.choose("input[type=file]", [path])
    page.until(f"{ROW}[0]?.classList.contains('failed')")
    assert "does not answer" in page.run(f"{ROW}[0].querySelector('.reason').textContent")
    page.call("Network.setBlockedURLs", urls=[])
    page.run(f"{ROW}[0].querySelector('.upload-buttons button').click()")
    page.until("Boolean(window.tus)")
    page.open("about:blank")  # this server takes no uploads, and would be asked again


def test_the_life_of_a_video(page: Page, served: Served, tmp_path: Path) -> None:
    """It is sent, indexed, edited, removed and kept after all; what is not a video says why."""
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    page.problems.clear()
    page.open(f"{served.url}#/library")
    page.until(f"{CARDS}.length === 1")
    page.choose("input[type=file]", [served.another, text])
    settled = "/waits to be indexed|failed/.test(row.innerText)"
    page.until(f"{ROW}.length === 2 && [...{ROW}].every((row) => {settled})")
    page.run("(now => { Date.now = () => now() + 60_000 })(Date.now)")
    page.until(f"/no worker runs/.test({ROW}[0].querySelector('.reason')?.textContent)")
    served.work()
    page.until(f"{ROW}[0].classList.contains('done') && {ROW}[1].classList.contains('failed')")
    assert "not a video" in page.run(f"{ROW}[1].querySelector('.reason').textContent")
    assert page.run(f"{ROW}[0].querySelector('.reason')") is None
    page.until(f"{CARDS}.length === 2")
    assert violations(page) == []

    page.run(f"{ROW}[0].querySelector('a').click()")
    page.until("document.getElementById('edit')")
    page.run("document.getElementById('edit').click()")
    page.until("document.getElementById('editing')")
    assert violations(page) == []
    page.run("document.querySelector('[name=title]').value = 'A day at the sea'")
    page.run("document.querySelector('[name=tags]').value = 'sea, holiday'")
    page.run("performance.clearResourceTimings()")
    page.run("document.getElementById('editing').requestSubmit()")
    page.until("performance.getEntriesByType('resource').some((e) => e.name.includes('/v1/jobs/'))")
    assert served.work() == 0
    page.until("document.querySelector('h1').textContent === 'A day at the sea'")
    assert "holiday" in page.run("document.querySelector('.facts').innerText")

    page.run("document.querySelector('a.card.bare').click()")
    page.until("document.getElementById('choose')")
    page.run("document.getElementById('choose').click()")
    page.until("document.querySelector('#choose[aria-pressed=true]')")
    assert page.run("document.getElementById('choose').innerText") == "Chosen for an edit list"
    page.press("Escape")
    page.until("!document.getElementById('player') && document.getElementById('fcpxml')")
    assert violations(page) == []
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    page.run("document.getElementById('fcpxml').click()")
    got = "performance.getEntriesByType('resource').find((e) => e.name.includes('/edit-lists'))"
    page.until(f"{got}?.responseStatus === 200")

    page.run("document.getElementById('remove').click()")
    page.until(f"document.getElementById('undo') && {CARDS}.length === 1")
    assert violations(page) == []
    page.run("document.getElementById('undo').click()")
    page.until(f"{CARDS}.length === 2")
    for _ in range(2):  # the second one sends the first one off
        page.until(f"{CARDS}.length > 0")
        page.run(f"{CARDS}[0].click()")
        page.until("document.getElementById('remove')")
        page.run("document.getElementById('remove').click()")
        page.until("document.getElementById('undo') && !document.getElementById('remove')")
    page.run("document.getElementById('undo').click()")
    page.until(f"{CARDS}.length === 1")
    page.open(f"{served.url}#/status")
    page.until("/remove.*waits/.test(document.querySelector('main')?.innerText)")
    served.work()
    page.until("/remove[^]*done/.test(document.querySelector('main')?.innerText)")
    assert page.problems == []
