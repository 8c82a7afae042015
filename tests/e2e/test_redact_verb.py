"""The verb `collections redact`: what it changes, lists and notes."""

import json
from pathlib import Path
from typing import Any

import pytest

from clipseek.config import Settings
from clipseek.redaction.opening import kinds_of
from clipseek.redaction.setting import chosen_of
from indexer.redaction import redactor_of
from tests.e2e.conftest import Library
from tests.plates import BESIDE, PLATE, detector, is_clear, street

Capture = pytest.CaptureFixture[str]


def printed(capsys: Capture) -> list[dict[str, Any]]:
    """Return the objects that were printed, a line for each."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_faces_of_a_collection_are_blurred_until_it_is_told_otherwise(
    library: Library, capsys: Capture
) -> None:
    """It is listed and in the audit; the pictures that are stored stay as they are."""
    stored = sorted((library.data_dir / "thumbnails").rglob("*.jpg"))
    before = [file.read_bytes() for file in stored]
    assert before
    capsys.readouterr()
    assert library.run("collections", "redact", "default", "faces", "--json") == 0
    assert printed(capsys) == [{"name": "default", "redacts": ["faces"]}]
    assert library.run("collections", "--json") == 0
    assert [each["redacts"] for each in printed(capsys)] == [["faces"]]
    assert [file.read_bytes() for file in stored] == before
    assert library.run("collections", "redact", "default", "off") == 0
    assert "is shown as it is" in capsys.readouterr().out
    assert library.run("collections", "--json") == 0
    assert [each["redacts"] for each in printed(capsys)] == [[]]
    assert library.run("audit", "--json") == 0
    noted = [each for each in printed(capsys) if "redact" in json.dumps(each)]
    assert len(noted) == 2


@pytest.mark.parametrize("said", [["nobody", "faces"], ["default", "plates"]])
def test_what_cannot_be_redacted_is_refused(
    library: Library, capsys: Capture, said: list[str]
) -> None:
    """A name that no collection has, and a kind that nothing finds."""
    try:
        code = library.run("collections", "redact", *said)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said[0 if said[0] != "default" else 1] in capsys.readouterr().err


def test_a_detector_is_opened_before_anything_is_changed(
    library: Library,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that is not there is told; with one, commands blur what it finds, too."""
    path = tmp_path / "plates.onnx"
    monkeypatch.setenv("CLIPSEEK_REDACT_DETECTOR", str(path))
    assert library.run("collections", "redact", "default", "faces") == 2
    assert "plates.onnx cannot be read" in capsys.readouterr().err
    settings = Settings.load(data_dir=library.data_dir)
    assert redactor_of(settings, "default") == ((), None)
    detector(path)
    assert library.run("collections", "redact", "default", "faces") == 0
    kinds, redactor = redactor_of(settings, "default")
    assert kinds == ("faces", *kinds_of(chosen_of(settings)))
    assert redactor is not None
    made = redactor.redacted(street())
    assert (is_clear(made, PLATE), is_clear(made, BESIDE)) == (False, True)
