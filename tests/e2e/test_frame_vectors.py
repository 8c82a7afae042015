"""A library without the vectors of sampled frames is searched and verified like any other."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def two(
    request: pytest.FixtureRequest,
    shared_library: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """Two videos and an empty catalog of each kind, with the setting that leaves vectors out."""
    if request.param == "postgres":
        url = str(request.getfixturevalue("bare_postgres_url"))
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", url)
    monkeypatch.setenv("CLIPSEEK_KEEP_FRAME_VECTORS", "false")
    (tmp_path / "videos").mkdir()
    for path in sorted(shared_library.videos.glob("*.mp4"))[:2]:
        shutil.copyfile(path, tmp_path / "videos" / path.name)
    return Library(tmp_path / "videos", tmp_path / "data")


def ingest(library: Library) -> None:
    """Index the videos, whether they were before or not."""
    assert library.run("ingest", str(library.videos), "--force", "--model", "demo", "--quiet") == 0


def test_verify_says_that_they_were_not_kept(two: Library, capsys: Capture) -> None:
    """Until the videos are indexed with them; it is not a problem."""
    ingest(two)
    for options in ((), ("--deep",)):
        capsys.readouterr()
        assert two.run("verify", *options) == 0
        said = capsys.readouterr()
        assert said.out == ""
        assert "everything agrees" in said.err
        assert "frame vectors of 2 videos were not kept" in said.err


def test_verify_says_nothing_of_vectors_that_are_there(
    two: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Videos that are indexed again by the default have them."""
    ingest(two)
    monkeypatch.delenv("CLIPSEEK_KEEP_FRAME_VECTORS")
    ingest(two)
    capsys.readouterr()
    assert two.run("verify", "--deep") == 0
    assert "not kept" not in capsys.readouterr().err


def test_a_search_is_the_same(
    two: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments, scores and relevance come from segments."""
    found = []
    for keep in ("false", "true"):
        monkeypatch.setenv("CLIPSEEK_KEEP_FRAME_VECTORS", keep)
        ingest(two)
        capsys.readouterr()
        assert two.run("search", "a red car", "--json", "--limit", "50") == 0
        hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        # A segment that is indexed again has another id.
        found.append([{**hit, "segment_id": 0} for hit in hits])
    assert found[0] == found[1] != []
