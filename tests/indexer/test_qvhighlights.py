"""Queries of QVHighlights: how they are read, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from clipseek.errors import ConfigError
from indexer.qvhighlights import read

LINE = {
    "qid": 7,
    "query": "a car",
    "vid": "abc_60.0_210.0",
    "duration": 9,
    "relevant_windows": [[0, 4], [6, 8]],
    "relevant_clip_ids": [0, 1, 3],
    "saliency_scores": [[4, 3], [2, 2], [1, 0]],
}


def _file(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "asked.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def test_the_truth_of_a_line(tmp_path: Path) -> None:
    """Slices that nobody names have no saliency, and half a slice at the end is none."""
    (asked,) = read(_file(tmp_path, LINE))
    truth = asked.truth()
    assert truth.windows.tolist() == [[0, 4], [6, 8]]
    assert truth.saliency.tolist() == [[4, 3], [2, 2], [0, 0], [1, 0]]


def test_a_query_without_a_highlight(tmp_path: Path) -> None:
    """Windows may have no slice that somebody has judged."""
    (asked,) = read(_file(tmp_path, {**LINE, "relevant_clip_ids": [], "saliency_scores": []}))
    assert asked.truth().saliency.tolist() == [[0]] * 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"relevant_windows": []}, "relevant_windows: ", id="no window"),
        pytest.param({"relevant_windows": [[4, 4]]}, "got [4, 4]", id="empty window"),
        pytest.param({"relevant_windows": [[-1, 4]]}, "got [-1, 4]", id="before the start"),
        pytest.param({"relevant_windows": [[float("nan"), 4]]}, "got [nan, 4]", id="not a number"),
        pytest.param(
            {"relevant_windows": [[0, float("inf")]]}, "86400, got [0, inf]", id="endless"
        ),
        pytest.param({"relevant_clip_ids": [0, 1, 4]}, "must be 0 to 3, because 9", id="past it"),
        pytest.param({"relevant_clip_ids": [0, 1]}, "got 3 lists for 2 slices", id="other number"),
        pytest.param({"saliency_scores": [[4, 3], [2], [1, 0]]}, "of one length", id="uneven"),
        pytest.param({"duration": 1}, "duration: ", id="too short"),
        pytest.param({"duration": 1e9}, "duration: ", id="too long"),
        pytest.param({"query": ""}, "query: ", id="nothing asked"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    """With what is wrong in it."""
    with pytest.raises(ConfigError) as caught:
        read(_file(tmp_path, LINE, {**LINE, "qid": 8, **wrong}))
    assert "asked.jsonl, line 2: " in str(caught.value)
    assert said in str(caught.value)


def test_a_query_is_given_once(tmp_path: Path) -> None:
    """Answers are told apart by it."""
    with pytest.raises(ConfigError, match="qid 7 must be given once"):
        read(_file(tmp_path, LINE, LINE))


def test_an_empty_file(tmp_path: Path) -> None:
    """Nothing is asked."""
    with pytest.raises(ConfigError, match="no queries"):
        read(_file(tmp_path))
