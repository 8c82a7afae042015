"""A recorder as users run it, with a camera whose password nobody may see."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cameras.faults import FaultyLink
from tests.cameras.fixtures import Film
from tests.cameras.http import HttpCameras
from tests.cameras.rtsp import RtspCameras, rtsp_cameras
from tests.contracts.polling import eventually
from tests.live.site import Recording, Site

PATIENCE_S = 90.0
PASSWORD = "hush-hush-4711"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a place without cameras, with a catalog in SQLite."""
    made = Site(tmp_path, CLIPSEEK_LIVE_SILENT_S="2")
    made.prepare()
    return made


@pytest.fixture
def recorder(site: Site) -> Iterator[Recording]:
    """Return a recorder that is not started; it ends with the test."""
    made = site.recorder()
    yield made
    made.program.end()


def embedded(recorder: Recording, camera: str) -> float:
    """Return how many frames of a camera were embedded."""
    return recorder.figure("embedded_total", camera) or 0.0


def wait_more(recorder: Recording, camera: str) -> None:
    """Wait until more frames of a camera are embedded than now."""
    before = embedded(recorder, camera)
    eventually(lambda: embedded(recorder, camera) > before, within_s=PATIENCE_S)


def listed(site: Site) -> str:
    """Return what `indexer cameras list --json` prints."""
    command = [sys.executable, "-m", "indexer", "cameras", "list", "--json"]
    return subprocess.run(command, env=site.env, capture_output=True, text=True, check=True).stdout


def test_a_password_is_nowhere(site: Site, recorder: Recording, film: Film) -> None:
    """Not in what is printed, stored or measured, and in no process list and no name of a file."""
    with rtsp_cameras(user="admin", password=PASSWORD) as cameras:
        url = cameras.show("door", film())
        site.add("door", url, records=True)
        site.add("gate", url.replace("admin", "nobody"))
        recorder.program.start()
        wait_more(recorder, "door")
        eventually(lambda: "refuses the user" in recorder.program.said(), within_s=PATIENCE_S)
        said = listed(site) + json.dumps([*map(str, recorder.metrics())])
        said += "".join(_of_process(pid) for pid in recorder.processes())
        recorder.program.end()
    said += recorder.program.said() + "".join(map(str, site.root.rglob("*")))
    stored = b"".join(path.read_bytes() for path in site.root.rglob("*") if path.is_file())
    assert "door" in said
    assert PASSWORD not in said
    assert PASSWORD.encode() not in stored


def _of_process(pid: int) -> str:
    """Return the command line and the environment of a process."""
    process = Path("/proc") / str(pid)
    return (process / "cmdline").read_text() + (process / "environ").read_text("utf-8", "replace")


@pytest.mark.long
def test_a_camera_that_comes_back_is_seen_again(
    site: Site, recorder: Recording, rtsp: RtspCameras, film: Film
) -> None:
    """A network that is away for a while costs that while, and no other camera anything."""
    link = FaultyLink(rtsp.port)
    rtsp.show("far", film())
    site.add("far", rtsp.url("far", port=link.port))
    site.add("near", rtsp.show("near", film(seed=2)))
    recorder.program.start()
    wait_more(recorder, "far")
    link.refuse()
    eventually(lambda: recorder.figure("live", "far") == 0, within_s=PATIENCE_S)
    wait_more(recorder, "near")
    assert recorder.figure("reconnects_total", "near") == 0
    link.go_on()
    wait_more(recorder, "far")
    assert (recorder.figure("reconnects_total", "far") or 0) >= 1
    link.close()


@pytest.mark.long
def test_each_fault_is_that_of_one_camera(
    site: Site, recorder: Recording, rtsp: RtspCameras, http: HttpCameras, film: Film
) -> None:
    """Beside cameras that stall, spoil and change, a good one goes on as before."""
    links = {name: FaultyLink(rtsp.port) for name in ("stalls", "spoils", "cut", "slow")}
    for name, link in links.items():
        rtsp.show(name, film(fps=20))
        site.add(name, rtsp.url(name, port=link.port))
    sizes = [film(seconds=2), film(seconds=2, width=640, height=360)]
    site.add("sizes", rtsp.show("sizes", sizes))
    codecs = [film(seconds=2), film(seconds=2, codec="hevc")]
    site.add("codecs", http.show("codecs", codecs))
    site.add("good", rtsp.show("good", film()))
    recorder.program.start()
    for name in (*links, "good"):
        eventually(lambda name=name: embedded(recorder, name) > 0, within_s=PATIENCE_S)  # type: ignore[misc]
    links["stalls"].stall()
    links["spoils"].garbage = 0.5
    links["cut"].cut()
    links["slow"].bytes_s = 5_000
    began, before = time.monotonic(), embedded(recorder, "good")
    eventually(lambda: (recorder.figure("reconnects_total", "cut") or 0) >= 1, within_s=PATIENCE_S)
    eventually(lambda: recorder.figure("live", "stalls") == 0, within_s=PATIENCE_S)
    eventually(lambda: embedded(recorder, "good") >= before + 10, within_s=PATIENCE_S)
    assert recorder.figure("reconnects_total", "good") == 0
    assert time.monotonic() > began
    for link in links.values():
        link.close()
