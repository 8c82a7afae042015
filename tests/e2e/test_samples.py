"""`indexer sample` over a library: what is chosen, and what is said of it."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Library

Line = dict[str, object]


def sampled(library: Library, capsys: pytest.CaptureFixture[str], *options: str) -> list[Line]:
    """Return what `sample --json` prints."""
    assert library.run("sample", "--json", *options) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_kind_is_within_its_budget_and_repeats(
    shared_library: Library, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The same seed gives the same frames; a frame is inside its segment."""
    for kind in (
        ["random"],
        ["stratified", "--by", "camera", "--by", "tag"],
        ["hard", "--query", "a cat", "--query", "a red ball"],
        ["diverse"],
        ["rare"],
    ):
        command = ["--kind", *kind, "--budget", "7", "--seed", "5"]
        lines = sampled(shared_library, capsys, *command)
        assert len(lines) == 7
        assert lines == sampled(shared_library, capsys, *command)
        assert all(line["start"] <= line["time"] < line["end"] for line in lines)  # type: ignore[operator]  # numbers
        assert len({line["segment_id"] for line in lines}) == 7
        if kind[0] == "hard":
            assert {line["query"] for line in lines} == {"a cat", "a red ball"}
    path = tmp_path / "samples.jsonl"
    (summary,) = sampled(shared_library, capsys, *command, "--out", str(path))
    assert [json.loads(line) for line in path.read_text().splitlines()] == lines
    assert (summary["kind"], summary["frames"], summary["full"]) == ("rare", 7, True)
    assert summary["covered"]["camera"] == [1, 1]  # type: ignore[index]  # an object


def test_collections_of_one_model_agree(
    shared_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compared with itself, each frame has the same relevance twice."""
    options = ["--kind", "hard", "--query", "a cat", "--against", "default"]
    for line in sampled(shared_library, capsys, *options):
        assert line["relevance"] == line["against"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget", "0"], "--budget must be 1 frame or more, got 0"),
        (["--kind", "hard"], "there are no rules; name what is judged"),
        (["--kind", "stratified"], "--kind stratified needs --by"),
        (["--by", "camera"], "--by belongs to --kind stratified, got --kind random"),
        (["--against", "x"], "--against belongs to --kind hard"),
        (["--threshold", "1.5"], "--threshold must be between 0 and 1, got 1.5"),
        (["--collection", "missing"], "missing"),
    ],
)
def test_what_cannot_be_sampled_is_said(
    shared_library: Library, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """One sentence, exit code 2, and nothing on standard output."""
    assert shared_library.run("sample", *options) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert not told.out


def test_a_library_with_fewer_frames_than_the_budget_says_so(
    shared_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that differ are chosen."""
    assert shared_library.run("sample", "--budget", "100000") == 0
    told = capsys.readouterr()
    assert "fewer than --budget" in told.err
    assert told.out.split()[:3] == ["time", "why", "uri"]
