"""The verbs `hold` and `retain`."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.catalog import SqlCatalog
from clipseek.live.sealing import new_key
from indexer.cli import main
from tests.contracts.catalogs import DIM, a_video

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def indexer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Return what runs a verb over a data folder with two old chunks of a camera."""
    monkeypatch.setenv("CLIPSEEK_DATA_DIR", str(tmp_path))
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        for name, at in (("one", "10:00:00"), ("two", "11:00:00")):
            given = a_video(name, uri=f"camera://yard/{name}")
            recorded = f"2024-05-01T{at}.000Z"
            video = replace(given.video, stream="yard", recorded_at=recorded)
            replace(given, video=video).put_into(catalog)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


SPAN = ("--from", "2024-05-01T10:00Z", "--to", "2024-05-01T10:30Z", "--reason", "case 17")


def test_what_is_not_held_expires(indexer: Said) -> None:
    """The limit of the collection stays, and so does a hold, until they are removed."""
    assert "nothing has expired" in indexer("retain")[1]
    code, out, err = indexer("hold", "add", "yard", *SPAN, "--json")
    assert code == 0, err
    hold = json.loads(out)
    assert (hold["camera"], hold["start_at"]) == ("yard", "2024-05-01T10:00:00Z")
    assert (hold["recordings"], err) == (1, "")
    assert "case 17" in indexer("hold", "list")[1]
    gone = json.loads(indexer("retain", "--age", "7d", "--json")[1])
    assert gone["collections"] == {"default": 1}
    assert indexer("hold", "remove", hold["id"])[0] == 0
    assert json.loads(indexer("retain", "--json")[1])["videos"] == 1
    assert "there are no holds" in indexer("hold", "list")[1]


def test_a_hold_says_how_much_it_keeps(
    indexer: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And warns only if neither a camera nor a recording has its name."""
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
    arguments = ("rtsp://a.example/x", "--collection", "default")
    assert indexer("cameras", "add", "shed", *arguments)[0] == 0
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as catalog:
        catalog.ensure_collection("copy", "toy", DIM, "f1")
        given = a_video("one", uri="camera://yard/one")
        video = replace(given.video, stream="yard", recorded_at="2024-05-01T10:00:00.000Z")
        replace(given, video=video).put_into(catalog, "copy")
    day = ("--from", "2024-05-01", "--to", "2024-05-02", "--reason", "case 17")
    for camera, held, warns in (
        ("yard", "2 recordings", False),
        ("shed", "0 recordings", False),
        ("yrad", "0 recordings", True),
    ):
        code, out, err = indexer("hold", "add", camera, *day)
        assert (code, out.strip().endswith(f"now {held}")) == (0, True), out
        assert ("no camera and no recording is named 'yrad'" in err) == warns, err


def test_a_removed_camera_takes_its_recordings_along(
    indexer: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that is asked for; what is held goes when nothing keeps it, although no camera is left."""
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
    for name in ("yard", "shed"):
        assert (
            indexer("cameras", "add", name, "rtsp://a.example/x", "--collection", "default")[0] == 0
        )
    hold = json.loads(indexer("hold", "add", "yard", *SPAN, "--json")[1])
    code, out, err = indexer("cameras", "remove", "shed")
    assert (code, "what it has recorded stays" in out) == (0, True), err
    code, out, err = indexer("cameras", "remove", "yard", "--recordings", "--json")
    assert code == 0, err
    assert json.loads(out) == {
        "name": "yard",
        "state": "removed",
        "recordings_removed": 1,
        "recordings_held": 1,
        "recordings_failed": 0,
    }
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as catalog:
        assert [video.id for video in catalog.videos("default")] == ["one"]
        assert "nothing has expired" in indexer("retain")[1]
        assert indexer("hold", "remove", hold["id"])[0] == 0
        assert json.loads(indexer("retain", "--json")[1])["videos"] == 1
        assert [video.id for video in catalog.videos("default")] == []


def test_a_file_that_cannot_be_deleted_is_named(indexer: Said, tmp_path: Path) -> None:
    """The others go, and the command exits with 1; the next run tries it again."""
    folder = tmp_path / "recordings" / "a" / "stuck.mp4"
    (folder / "not a file").mkdir(parents=True)
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as catalog:
        given = a_video("stuck", uri=str(folder))
        video = replace(given.video, stream="yard", recorded_at="2024-05-01T09:00:00.000Z")
        replace(given, video=video).put_into(catalog)
        code, out, err = indexer("retain", "--age", "7d", "--json")
        assert (code, json.loads(out)["videos"], json.loads(out)["failed"]) == (1, 2, 1)
        assert f"stuck of default is not removed: the recording {folder} cannot be deleted" in err
        assert [video.id for video in catalog.videos("default")] == ["stuck"]
        (folder / "not a file").rmdir()
        folder.rmdir()
        assert indexer("retain")[0] == 0
        assert [video.id for video in catalog.videos("default")] == []


def test_wrong_values_are_told(indexer: Said) -> None:
    """In a sentence."""
    for arguments, said in (
        (("retain", "--age", "7"), "such as 4w, 7d"),
        (("retain", "--bytes", "x"), "such as 100G"),
        (("retain", "--age", "7d", "--collection", "nowhere"), "no collection 'nowhere'"),
        (("hold", "remove", "nope"), "no hold 'nope'"),
        (("hold", "add", "Yard", *SPAN), "the name of a camera"),
        (("hold", "add", "yard", *SPAN[2:], "--from", "2025-01-01"), "must end after it starts"),
    ):
        code, _, err = indexer(*arguments)
        assert (code, said in err) == (2, True), err
