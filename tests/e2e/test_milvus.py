"""A library that is searched in Milvus gives the answers of one that is searched in files."""

import json

import pytest

from clipseek import assembly
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.query import Query
from clipseek.types import SearchResult
from tests.contracts.milvus import server
from tests.e2e.conftest import Library

ASKED = (
    "a red balloon",
    "a blue car at night",
    "a green ball left of a house",
    "a boat on water",
    "snow",
    "a person with an umbrella",
)


def answered(settings: Settings) -> tuple[int | None, list[SearchResult]]:
    """Return the version of the snapshot in use, and the answer to each sentence."""
    with assembly.open_service(settings) as service:
        found = service.search([Query.of(asked, limit=20) for asked in ASKED])
        answers = []
        for each in found:
            assert not isinstance(each, ClipseekError)
            answers.append(each)
        return service.collections.latest("default").view.snapshot_version, answers


def test_hits_scores_and_versions_are_those_of_files(
    library: Library, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the demo videos, by each sentence; `status` and `verify` know where the index is."""
    files = Settings.load(data_dir=library.data_dir)
    expected = answered(files)
    at = server().of(library.data_dir)
    monkeypatch.setenv("CLIPSEEK_INDEX_URL", f"milvus://{at}")
    settings = Settings.load(data_dir=library.data_dir)
    assert answered(settings)[0] is None
    assert library.run("build") == 0
    ours = answered(settings)
    assert ours[0] == expected[0] is not None
    assert len(_hits(ours[1])) > 20
    assert _hits(ours[1]) == _hits(expected[1])
    capsys.readouterr()
    assert library.run("status", "--json") == 0
    (state,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert state["snapshot"]["version"] == ours[0]
    assert set(state["snapshot"]["files"]) == {"segments.npz", "vectors"}
    assert library.run("verify") == 0
    # A video that is gone since is not an answer, before and after the next build.
    assert library.run("remove", str(sorted(library.videos.glob("*.mp4"))[0])) == 0
    beside, whole = answered(settings), _hits(answered(files)[1])
    assert (beside[0], _hits(beside[1])) == (ours[0], whole)
    assert library.run("build") == 0
    after = answered(settings)
    assert (after[0], _hits(after[1])) == (beside[1][0].version, whole)


def _hits(answers: list[SearchResult]) -> list[tuple[object, ...]]:
    """Return what must be equal of all hits."""
    return [
        (answer.version, hit.video.id, hit.span, hit.score, hit.relevance)
        for answer in answers
        for hit in answer.hits
    ]
