"""The verb `cameras`: nobody sees the password of a camera, and nothing is stored without a key."""

import io
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from clipseek.catalog.database import Database
from clipseek.catalog.tables import cameras as rows
from clipseek.config import Settings
from clipseek.ledgers import open_audit, open_cameras, open_watches
from clipseek.live.sealing import Seal, new_key
from clipseek.live.signing import Secrets
from clipseek.watches import Watch
from indexer.cli import main

Said = Callable[..., tuple[int, str, str]]
URL = "rtsp://ann:hunter2@10.0.0.7:8554/live?token=hunter3"


@pytest.fixture
def indexer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Return what runs the verb over an empty data folder, with a key."""
    monkeypatch.setenv("CLIPSEEK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(["cameras", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_camera_is_added_and_listed(indexer: Said) -> None:
    """Without its password, which neither the output, the audit nor the database has."""
    limits = ("--record", "--retain", "7d", "--retain-bytes", "100G", "--fps", "2")
    code, out, err = indexer("add", "yard", "-", *limits, stdin=f"{URL}\n")
    assert code == 0, err
    said = out + err
    code, out, err = indexer("list", "--json")
    listed = json.loads(out)
    assert listed["address"] == "rtsp://10.0.0.7:8554/live"
    assert (listed["fps"], listed["records"]) == (2.0, True)
    assert (listed["retain_s"], listed["retain_bytes"]) == (7 * 86400.0, 10**11)
    assert listed["state"] == "waiting"
    said += out + indexer("list")[1]
    settings = Settings.load()
    with closing(open_audit(settings, read_only=True)) as audit:
        entries = list(audit.entries())
    assert [(entry.what, entry.subject) for entry in entries] == [("indexer cameras add", "yard")]
    with closing(Database.at(settings.catalog_url)) as database, database.reading() as connection:
        stored = connection.execute(select(rows)).all()
    for secret in ("hunter2", "hunter3", "ann"):
        assert secret not in said + repr(entries) + repr(stored)


def test_without_a_key_no_camera_is_added(indexer: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how to make one, and the URL is not repeated."""
    monkeypatch.delenv("CLIPSEEK_CAMERA_KEY")
    code, _, err = indexer("add", "yard", URL)
    assert code == 2
    assert "`indexer cameras key` prints a new key" in err
    assert "hunter2" not in err
    code, out, _ = indexer("key")
    assert code == 0
    assert Seal(out.strip())


def test_a_wrong_camera_is_refused(indexer: Said) -> None:
    """In one sentence, without the URL."""
    for arguments, said in (
        (("yard", "ftp://ann:hunter2@a/"), "begins with rtsp://"),
        (("Yard", URL), "the name of a camera"),
        (("yard", URL, "--fps", "fast"), "--fps must be a number"),
        (("yard", URL, "--retain", "7"), "such as 4w"),
        (("yard", URL, "--retain-bytes", "x"), "such as 100G"),
        (("yard", "-"), "no URL on stdin"),
    ):
        code, _, err = indexer("add", *arguments)
        assert code == 2
        assert said in err
        assert "hunter2" not in err
    assert "there are no cameras" in indexer("list")[1]


def test_a_camera_is_changed_paused_and_removed(indexer: Said) -> None:
    """What is not named stays as it is."""
    indexer("add", "yard", URL, "--retain", "7d")
    other = "http://ann:hunter2@cam.example/mjpeg"
    code, out, _ = indexer("change", "yard", "--url", "-", "--record", "--json", stdin=other)
    changed = json.loads(out)
    assert code == 0
    assert (changed["address"], changed["records"]) == ("http://cam.example/mjpeg", True)
    assert changed["retain_s"] == 7 * 86400.0
    assert json.loads(indexer("change", "yard", "--retain", "all", "--json")[1])["retain_s"] is None
    assert json.loads(indexer("pause", "yard", "--json")[1])["state"] == "paused"
    assert json.loads(indexer("resume", "yard", "--json")[1])["state"] == "waiting"
    code, _, err = indexer("add", "yard", URL)
    assert (code, "there is a camera 'yard' already" in err) == (2, True)
    assert indexer("remove", "yard")[0] == 0
    code, _, err = indexer("remove", "yard")
    assert (code, "no camera 'yard'" in err) == (2, True)


def test_the_key_is_replaced(indexer: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """The former one is needed no more after that."""
    indexer("add", "yard", URL)
    old = Settings.load().camera_key
    assert old is not None
    new = new_key()
    hook = Watch("w", "red", "default", {}, 0.5, webhook="https://a.example/", secret="whsec_a")
    with closing(open_watches(Settings.load())) as watches:
        assert watches.add(Secrets.of(Settings.load()).kept(hook)).secret != "whsec_a"
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", f"{new},{old.get_secret_value()}")
    assert indexer("reseal")[0] == 0
    with closing(open_cameras(Settings.load())) as cameras:
        camera = cameras.get("yard")
    with closing(open_watches(Settings.load())) as watches:
        assert Secrets(Seal(new)).told(watches.watch("w").secret, "w") == "whsec_a"
    assert Seal(new).unseal(camera.sealed, camera="yard", epoch=camera.epoch) == URL
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", old.get_secret_value())
    code, _, err = indexer("reseal")
    assert (code, "was encrypted by another key" in err) == (2, True)
