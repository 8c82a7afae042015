"""The live page in a real browser: cameras, alerts and watches."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from api import live_streams
from api.app import create_app
from clipseek.cameras import Camera, CameraState
from clipseek.catalog import SqlWatches
from clipseek.ledgers import open_cameras
from clipseek.live.sealing import Seal, new_key
from clipseek.protocols import CameraStore
from clipseek.testing import MemoryCatalog
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_watches import fire
from tests.chaos.program import wait_until
from tests.chaos.upstream import Upstream
from tests.contracts.catalogs import sqlite_url
from tests.contracts.postgres import free_port
from tests.core.test_live_playing import recorded, stored
from tests.page.looking import ACTIVE, video, violations

TILE = "document.querySelector('[data-camera=yard]')"
NOW = f"{TILE}.querySelector('video')"
ALERTS = "[...document.querySelectorAll('.alerts .title')].map((title) => title.textContent)"
MADE = """fetch("v1/watches", {
  method: "POST", headers: {"Content-Type": "application/json"},
  body: JSON.stringify({name: "Red car", query: "red", threshold: 0.6}),
}).then((answer) => answer.json()).then(({id}) => id)"""
DRAWN = """[...document.querySelector('#new-camera canvas').getContext('2d')
  .getImageData(20, 20, 1, 1).data]"""
OTHER = CameraState("failed", "it does not answer")


@dataclass(frozen=True, slots=True)
class Served:
    """A server with two cameras: its address and what it serves."""

    address: str
    library: Library
    cameras: CameraStore
    watches: SqlWatches
    key: str

    def beat(self, state: CameraState) -> None:
        """Say how the camera `yard` does, as its recorder does."""
        self.cameras.beat("recorder", 3600, {"yard": state, "gate": OTHER})

    def recording(self, data: bytes, name: str = "2026-11-29/10-00-00-000Z.mp4") -> None:
        """Record the camera `yard`."""
        folder = self.library.folder / "recordings" / self.cameras.get("yard").epoch
        stored(folder, data, name)


@pytest.fixture
def served(page: Page, tmp_path: Path) -> Iterator[Served]:
    """Serve a library, of which one video is the newest chunk of the camera `yard`."""
    made = Library(tmp_path, MemoryCatalog())
    for name, colours in (("sea", ["blue", "green"]), ("a", ["red", "blue", "red"])):
        made.add(f"{name}.webm", colours, content=b"none")
    catalog = made.catalog
    rows = next(each for each in catalog.stored("default") if each.video.id == "sea")
    at = "2026-11-29T10:00:00.000Z"
    catalog.restore(
        "default", [replace(rows, video=replace(rows.video, stream="yard", recorded_at=at))]
    )
    url = sqlite_url(tmp_path)
    key = new_key()
    service = made.service(camera_key=key, camera_hosts="192.168.7.0/24,127.0.0.0/8")
    with (
        closing(SqlWatches.open(url)) as watches,
        closing(open_cameras(service.settings)) as cameras,
        serving(create_app(service)) as address,
    ):
        for name in ("yard", "gate"):
            cameras.add(Camera(name, "default", f"rtsp://192.168.7.20/{name}", b"", records=True))
        cameras.take("recorder", 3600, 9)
        found = Served(address, made, cameras, watches, key)
        found.beat(CameraState("live", fps=24.96, dropped=3, embedded=7, delay_p50_s=0.61))
        yield found
        page.open("about:blank")  # which opens its streams no more


def test_cameras_say_how_they_do(page: Page, served: Served) -> None:
    """A picture, a state in words, and figures that follow; everybody can use that state."""
    page.open(f"{served.address}/#/live")
    page.until(f"{TILE}?.querySelector('img')?.naturalWidth === 0")
    text = page.run(f"{TILE}.innerText")
    assert "live" in text
    assert "25 frames/s · 3 frames dropped · found after 0.6 s" in text
    gate = page.run("document.querySelector('[data-camera=gate]').innerText")
    assert "cannot be reached" in gate
    assert "it does not answer" in gate
    assert "Watch live" not in gate
    page.until("document.body.innerText.includes('Nothing is watched for.')")
    for width in (390, 1280):
        for dark in (False, True):
            page.look(width=width, dark=dark)
            assert violations(page) == []
    page.look()
    served.beat(CameraState("stalled", "nothing has come for 9 s"))
    page.until(f"{TILE}.innerText.includes('nothing has come for 9 s')")


def test_a_camera_is_paused_and_removed(page: Page, served: Served) -> None:
    """By its buttons; it is removed after a second question."""
    page.open(f"{served.address}/#/live")
    page.until(f"{TILE}?.innerText.includes('Pause')")
    page.run("document.querySelector('[aria-label=\"Pause: yard\"]').click()")
    page.until(f"{TILE}.innerText.includes('paused')")
    assert served.cameras.get("yard").paused
    page.run("document.querySelector('[aria-label=\"Remove: yard\"]').click()")
    page.until(f"{TILE}.querySelector('[role=group]')")
    assert served.cameras.get("yard")
    page.run(f"{TILE}.querySelector('[role=group] .primary').click()")
    page.until(f"!{TILE}")


@pytest.mark.long
def test_a_camera_is_tested(page: Page, served: Served) -> None:
    """It is connected to beside its recorder; where nobody answers, the reason is told."""
    settings = served.library.service(camera_key=served.key).settings
    camera = served.cameras.get("gate")
    url = f"rtsp://ann:hunter2@127.0.0.1:{free_port()}/live"
    sealed = Seal.of(settings).seal(url, epoch=camera.epoch)
    served.cameras.change(replace(camera, sealed=sealed))
    page.open(f"{served.address}/#/live")
    page.until("document.querySelector('[aria-label=\"Test: gate\"]')")
    page.run("document.querySelector('[aria-label=\"Test: gate\"]').click()")
    told = "document.querySelector('[data-camera=gate] .told').innerText"
    page.until(f"{told}.startsWith('It does not work: ')")
    assert "hunter2" not in page.run("document.body.innerText")


def test_a_camera_plays_what_is_recorded_now(
    page: Page, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser joins the fragments, those of the next file too, and follows them."""
    monkeypatch.setattr(live_streams, "STALE_S", 600.0)  # of a machine that is busy
    monkeypatch.setattr(live_streams, "SILENT_S", 600.0)
    served.recording(recorded(2))
    page.open(f"{served.address}/#/live")
    page.until(f"{TILE}?.querySelector('.primary')")
    page.run(f"{TILE}.querySelector('.primary').click()")
    page.until(f"{NOW}?.readyState > 1 && {NOW}.videoWidth === 64")
    served.recording(recorded(5), "2026-11-29/10-00-02-000Z.mp4")
    page.until(f"{NOW}.buffered.end(0) > 5 && {NOW}.currentTime > 4")
    page.run("document.querySelector('[aria-label=\"Stop: yard\"]').click()")
    page.until(f"!{NOW} && {TILE}.querySelector('img')")
    assert page.problems == []


@pytest.mark.long
def test_a_camera_that_is_not_recorded_now_says_so(page: Page, served: Served) -> None:
    """In the sentence of the server, which names no path."""
    page.open(f"{served.address}/#/live")
    page.until(f"{TILE}?.querySelector('.primary')")
    page.run(f"{TILE}.querySelector('.primary').click()")
    page.until(f"{TILE}.innerText.includes('nothing is recorded of this camera now')")
    assert str(served.library.folder) not in page.run("document.body.innerText")


def test_a_camera_is_added(page: Page, served: Served) -> None:
    """An address that may not be used is refused in words; another one is added."""
    page.open(f"{served.address}/#/live")
    page.until("document.getElementById('add-camera')")
    page.run("document.getElementById('add-camera').focus()")
    page.press("Enter")
    page.until("document.querySelector('#new-camera[open]')")
    assert violations(page) == []
    field = "document.querySelector('#new-camera [name={}]')"
    for name, text in (
        ("name", "door"),
        ("url", "rtsp://ann:hunter2@10.0.0.1/live"),
        ("days", "7"),
    ):
        page.run(f"{field.format(name)}.focus()")
        page.write(text)
    page.press("Enter")
    page.until("document.querySelector('#new-camera .reason')")
    assert "hunter2" not in page.run("document.querySelector('#new-camera .reason').innerText")
    page.run(f"({field.format('url')}.value = 'rtsp://ann:hunter2@192.168.7.9/live')")
    page.run("document.querySelector('#new-camera .primary').click()")
    page.until("document.querySelector('[data-camera=door]')")
    made = served.cameras.get("door")
    assert (made.records, made.retain_s) == (True, 7 * 86400.0)
    assert "hunter2" not in page.run("document.body.innerHTML")


@pytest.mark.long
def test_a_camera_is_tested_before_it_is_added(page: Page, served: Served) -> None:
    """Its first picture is drawn, with its size and its rate; or it is said why there is none."""
    with Upstream(body=video(["red"], "mp4", "mpeg4")).serving() as camera:
        page.open(f"{served.address}/#/live")
        page.until("document.getElementById('add-camera')")
        page.run("document.getElementById('add-camera').click()")
        page.until("document.querySelector('#new-camera[open]')")
        url = f"http://127.0.0.1:{camera.port}/red.mp4"
        page.run(f"document.querySelector('#new-camera [name=url]').value = '{url}'")
        page.run("document.getElementById('test-url').click()")
        page.until("document.querySelector('#new-camera canvas')?.width === 64")
        said = page.run("document.querySelector('#new-camera [role=status]').innerText")
        assert "64 × 48 pixels, 10 frames/s" in said
        assert page.run(DRAWN)[0] > 150
        assert violations(page) == []
    page.run("document.getElementById('test-url').click()")
    page.until(
        "document.querySelector('#new-camera [role=status]')?.innerText.includes('not work')"
    )
    assert served.cameras.cameras()[0].name == "gate"
    assert len(served.cameras.cameras()) == 2


def test_without_a_webcam_the_page_says_so(page: Page, served: Served) -> None:
    """And adds nothing; the name that it proposes is one that no camera has."""
    page.open(f"{served.address}/#/live")
    page.until("document.getElementById('add-webcam')")
    page.run("document.getElementById('add-webcam').click()")
    page.until("document.querySelector('#new-webcam .reason')?.innerText.includes('no webcam')")
    assert page.run("document.querySelector('#new-webcam [name=name]').value") == "webcam"
    for width in (320, 1280):
        page.look(width=width)
        assert violations(page) == []
    page.look()
    page.run("document.querySelector('#new-webcam .primary').click()")
    assert [camera.name for camera in served.cameras.cameras()] == ["gate", "yard"]


def test_everybody_can_use_it(page: Page, served: Served) -> None:
    """Nothing is wider than the window, nor cut off in it, with cameras, watches and windows."""
    page.open(served.address)
    page.run(MADE)
    page.open(f"{served.address}/#/live")
    page.until(f"{TILE} && document.querySelector('.watch')")
    for opener in ("", "#add-camera", "#add-webcam", "[aria-label='Edit: Red car']"):
        if opener:
            page.run(f'document.querySelector("{opener}").click()')
            page.until("document.querySelector('dialog[open]')")
        for width, height in ((320, 900), (390, 844), (844, 390), (2560, 900)):
            page.look(width=width, height=height)
            assert page.run("document.documentElement.scrollWidth") <= width, (opener, width)
        page.look(dark=True)
        assert violations(page) == []
        page.look()
        if opener:
            page.press("Escape")
            page.until("!document.querySelector('dialog[open]')")


def test_a_watch_is_edited(page: Page, served: Served) -> None:
    """Its name, cameras, hours and threshold; what is not shown stays. It can be tried first."""
    page.open(served.address)
    watch = page.run(MADE)
    hours = "{days: ['mon'], start: '22:00', end: '06:00', zone: 'Europe/Vienna'}"
    page.run(
        f"fetch('v1/watches/{watch}', {{method: 'PATCH', headers: {{'Content-Type': "
        f"'application/json'}}, body: JSON.stringify({{hours: {hours}}})}})"
    )
    page.open(f"{served.address}/#/live")
    page.until("document.querySelector('[aria-label=\"Edit: Red car\"]')")
    page.run("document.querySelector('[aria-label=\"Edit: Red car\"]').click()")
    page.until("document.querySelectorAll('#watching[open] .chip').length === 2")
    page.run("document.getElementById('try').click()")
    page.until("document.querySelector('#watching [role=status] p')")
    page.run("document.querySelector('#watching .chip').click()")
    name = "document.querySelector('#watching [name=name]')"
    page.run(f"{name}.value = 'Red car at the gate'")
    slider = "document.getElementById('threshold')"
    page.run(f"{slider}.value = 0.7; {slider}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    page.run("document.getElementById('make-watch').click()")
    page.until("document.querySelector('.watch strong')?.innerText === 'Red car at the gate'")
    changed = served.watches.watch(watch)
    assert (changed.name, changed.threshold, changed.cameras) == (
        "Red car at the gate",
        0.7,
        ("gate",),
    )
    assert changed.hours is not None
    assert (changed.hours.days, changed.hours.start, changed.hours.zone) == (
        ("mon",),
        22 * 60,
        "Europe/Vienna",
    )


def test_a_search_is_watched_after_it_was_tried(page: Page, served: Served) -> None:
    """One button asks, the past answers with pictures and a threshold, another switches it on."""
    page.open(f"{served.address}/?q=red")
    page.until("document.getElementById('tell-me')")
    page.run("document.getElementById('tell-me').click()")
    page.until("document.querySelector('#watching[open] #try')")
    page.run("document.getElementById('try').click()")
    page.until("document.querySelector('#watching [role=status] p')")
    assert "It would have fired 2 times" in page.run(
        "document.querySelector('#watching [role=status]').innerText"
    )
    assert page.run("document.querySelectorAll('#watching .cards img').length") == 2
    for width in (390, 1280):
        page.look(width=width)
        assert violations(page) == []
    page.look()
    page.run("document.querySelector('#watching .chip').click()")
    page.run("document.getElementById('make-watch').click()")
    page.until("document.querySelector('#watching[open]').innerText.includes('It is on')")
    (watch,) = served.watches.watches()
    assert (watch.name, watch.is_on, watch.cooldown_s) == ("red", True, 60.0)
    assert watch.cameras == ("gate",)


def test_alerts_come_while_one_looks(page: Page, served: Served) -> None:
    """Without asking; each leads to its moment, and a watch can be switched off."""
    page.open(served.address)
    watch = page.run(MADE)
    fire(served.watches, watch, "first")
    page.open(f"{served.address}/#/live")
    page.until(f"{ALERTS}.length === 1")
    page.until(
        "performance.getEntriesByType('resource').some(({name}) => name.includes('v1/watches')) "
        "&& document.querySelector('.watch')"
    )
    fire(served.watches, watch, "second")
    page.until(f"{ALERTS}.length === 2 && document.querySelector('.alerts .fresh')")
    assert page.run(ALERTS) == ["Red car", "Red car"]
    assert violations(page) == []
    page.run("document.querySelector('.watch input').click()")
    wait_until(lambda: not served.watches.watch(watch).is_on, "the watch is off")
    page.run("document.querySelector('.alerts a.card').focus()")
    page.press("Enter")
    page.until("location.search.includes('v=sea&t=2,4') && document.querySelector('#player')")
    page.press("Escape")
    page.until(f"!document.querySelector('#player') && {ACTIVE}")
