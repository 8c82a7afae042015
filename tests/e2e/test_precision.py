"""`indexer ingest --precision`, as a user runs it."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Library

pytest.importorskip("onnx", reason="making an int8 model needs the extra `models`")

Capture = pytest.CaptureFixture[str]


def test_a_library_in_int8_is_searched_and_kept_in_int8(empty: Library, capsys: Capture) -> None:
    """The collection's model carries the precision; a later run takes it, another is refused."""
    videos = str(empty.videos)
    assert empty.run("ingest", videos, "--model", "demo", "--precision", "int8") == 0
    assert "demo@int8: " in capsys.readouterr().err

    assert empty.run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "demo@int8"
    assert empty.run("search", "a red car", "--json") == 0
    assert capsys.readouterr().out
    assert empty.run("ingest", videos, "--model", "demo", "--precision", "auto") == 0
    assert empty.run("verify") == 0

    capsys.readouterr()
    assert empty.run("ingest", videos, "--precision", "fp32") == 2
    refused = capsys.readouterr().err
    assert "is indexed with model 'demo@int8', not 'demo'" in refused
    assert refused.count("\n") == 1


def test_a_collection_in_fp32_stays_in_fp32(library: Library, capsys: Capture) -> None:
    """Its vectors are of one precision."""
    assert library.run("ingest", str(library.videos), "--precision", "int8") == 2
    assert "is indexed with model 'demo', not 'demo@int8'" in capsys.readouterr().err


def test_an_unknown_precision_is_refused(empty: Library, capsys: Capture) -> None:
    """Usage and the known ones, exit code 2, and nothing is made."""
    with pytest.raises(SystemExit) as caught:
        empty.run("ingest", str(empty.videos), "--precision", "int3")

    assert caught.value.code == 2
    assert "'int3' (choose from" in capsys.readouterr().err
    assert not empty.data_dir.exists()


def test_too_few_pictures_leave_nothing_behind(
    empty: Library, tmp_path: Path, capsys: Capture
) -> None:
    """A precision that cannot be measured is refused in one sentence."""
    (tmp_path / "none.mp4").write_text("no video")
    code = empty.run("ingest", str(tmp_path / "none.mp4"), "--model", "demo", "--precision", "int8")

    assert code == 2
    assert "and 0 were found; name more videos" in capsys.readouterr().err
    assert not (empty.data_dir / "catalog.db").exists()
