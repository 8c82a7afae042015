"""A camera is looked at before it is added: what it sends, or why it does not."""

import json

import pytest

from clipseek.config import Settings
from clipseek.live.looking import look
from indexer.cli import main
from tests.cameras.http import http_cameras


def test_a_camera_that_sends_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    """By its coding and its size; the command says the same, and exits with 0."""
    with http_cameras(user="ann", password="hunter2") as cameras:
        cameras.show_stills("yard")
        url = cameras.url("yard")
        found = look(url, Settings.load())
        assert (found.works, found.reason) == (True, "")
        assert "mjpeg" in found.coding
        assert found.width > 0
        assert found.height > 0
        assert main(["cameras", "test", url, "--json"]) == 0
    said = capsys.readouterr()
    shown = json.loads(said.out)
    assert (shown["works"], shown["width"]) == (True, found.width)
    assert "hunter2" not in said.out + said.err


def test_a_camera_that_refuses_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """Without its URL; the command exits with 1."""
    with http_cameras(user="ann", password="hunter2") as cameras:
        cameras.show_stills("yard")
        wrong = cameras.url("yard").replace("hunter2", "hunter3")
        assert main(["cameras", "test", wrong]) == 1
    said = capsys.readouterr()
    assert "401" in said.out
    assert "hunter" not in said.out + said.err
