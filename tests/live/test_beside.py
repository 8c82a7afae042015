"""The recorder of `clipseek serve`: it runs webcams on one machine, with nothing else started."""

import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from clipseek.cameras import UNHELD, WEBCAM, Camera, CameraState
from indexer.beside import is_awaited
from tests.chaos.client import Client
from tests.chaos.program import Program, environment, wait_until
from tests.contracts.postgres import free_port

RATE = 10


def waiting(address: str, reason: str = UNHELD) -> Camera:
    """Return a camera that waits."""
    return Camera("desk", "default", address, b"", state=CameraState("waiting", reason))


@pytest.mark.parametrize(
    ("camera", "has_key", "awaited"),
    [
        (waiting(WEBCAM), False, True),
        (waiting(WEBCAM, "no browser sends"), True, False),
        (waiting("rtsp://10.0.0.7/"), False, False),
        (waiting("rtsp://10.0.0.7/"), True, True),
    ],
    ids=["webcam", "held", "no key", "key"],
)
def test_a_recorder_is_started_for_cameras_that_it_can_run(
    camera: Camera, has_key: bool, awaited: bool
) -> None:
    """Those that nobody runs, and whose URL it can read."""
    assert is_awaited([camera], has_key=has_key) is awaited


class _Socket:
    """A file whose bytes are sent as they are written."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def write(self, data: bytes) -> int:
        """Send bytes."""
        self._socket.send(bytes(data))
        return len(data)


def _send(socket: ClientConnection, seconds: float) -> None:
    """Send what a browser sends: red, at its own pace."""
    with av.open(
        _Socket(socket), "w", format="webm", options={"live": "1", "cluster_time_limit": "250"}
    ) as container:
        stream = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", RATE
        picture = np.full((120, 160, 3), (220, 30, 30), np.uint8)
        for _ in range(int(seconds * RATE)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            time.sleep(1 / RATE)


@pytest.mark.long
def test_one_command_makes_a_webcam_searchable(tmp_path: Path) -> None:
    """`clipseek serve`, without a key and without a recorder of one's own."""
    port = free_port()
    env = environment({"CLIPSEEK_MODEL": "demo", "CLIPSEEK_DATA_DIR": str(tmp_path / "data")})
    command = [sys.executable, "-m", "clipseek", "serve", "--port", str(port), "--quiet"]
    served = Program("serve", command, tmp_path / "serve.log", env)
    served.start()
    client = Client(port)

    def hits() -> list[Any]:
        answer = client.ask("POST", "/v1/search", {"query": "a red wall"}).body
        return list(answer["hits"]) if isinstance(answer, dict) and "hits" in answer else []

    try:
        wait_until(lambda: client.ask("GET", "/healthz").status == 200, "the server", deadline_s=60)
        added = client.ask("POST", "/v1/cameras", {"name": "desk", "url": "webcam:"})
        assert added.status == 201, added.body
        ticket = client.ask("POST", "/v1/cameras/desk/feed").body
        with connect(
            f"ws://127.0.0.1:{port}/{ticket['path']}",
            subprotocols=ticket["protocols"],
            proxy=None,
        ) as browser:
            begin = browser.recv(timeout=90)
            assert begin == "begin 1"
            browser.send(begin)
            _send(browser, 6)
            wait_until(lambda: bool(hits()), "a moment of the webcam", deadline_s=60)
        assert hits()[0]["camera"] == "desk"
    finally:
        client.close()
        served.end()
