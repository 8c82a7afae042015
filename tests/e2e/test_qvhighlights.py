"""The command answers queries of QVHighlights, each within its video."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


def _queries(library: Library, capture: Capture) -> list[dict[str, Any]]:
    """Write the demo's captions as the benchmark writes its queries."""
    assert library.run("list", "--json") == 0
    videos = [json.loads(line) for line in capture.readouterr().out.splitlines()]
    lengths = {Path(video["uri"]).name: video["duration"] for video in videos}
    captions = (library.videos / "captions.jsonl").read_text("utf-8").splitlines()
    queries = []
    for number, caption in enumerate(map(json.loads, captions)):
        if not caption.get("absent"):
            start, end, duration = caption["start"], caption["end"], lengths[caption["file"]]
            slices = range(int(start / 2), min(int(end / 2) + 1, int(duration / 2)))
            queries.append({
                "qid": number,
                "query": caption["query"],
                "vid": Path(caption["file"]).stem,
                "duration": duration,
                "relevant_windows": [[start, end], *caption.get("alt_spans", [])],
                "relevant_clip_ids": list(slices),
                "saliency_scores": [[4, 3, 2]] * len(slices),
            })  # fmt: skip
    return queries


def _written(path: Path, lines: list[dict[str, Any]]) -> str:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return str(path)


def test_the_right_windows_and_slices_are_found(
    shared_library: Library, capsys: Capture, tmp_path: Path
) -> None:
    """The answers are written as the benchmark takes them, and a video that is away counts."""
    queries = _queries(shared_library, capsys)
    asked, predicted = _written(tmp_path / "asked.jsonl", queries), tmp_path / "predicted.jsonl"
    run = ("evaluate", asked, "--format", "qvhighlights")
    assert shared_library.run(*run, "--json", "--predictions", str(predicted)) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["queries"] == len(queries)
    assert figures["MR-full-R1@0.5"] >= 80
    assert figures["HL-min-Fair-Hit1"] >= 80
    for line, query in zip(predicted.read_text("utf-8").splitlines(), queries, strict=True):
        answer = json.loads(line)
        assert [answer[key] for key in ("qid", "query", "vid")] == [
            query[key] for key in ("qid", "query", "vid")
        ]
        assert len(answer["pred_saliency_scores"]) == int(query["duration"] / 2)
        windows = answer["pred_relevant_windows"]
        assert 1 <= len(windows) <= 10
        assert all(0 <= start < end <= query["duration"] + 0.1 for start, end, _ in windows)
        scores = [score for _, _, score in windows]
        assert scores == sorted(scores, reverse=True)

    asked = _written(tmp_path / "away.jsonl", [{**queries[0], "vid": "away"}])
    assert shared_library.run("evaluate", asked, "--format", "qvhighlights") == 0
    output = capsys.readouterr()
    assert "1 video of the queries not indexed: away" in output.err
    assert "MR-full-R1@0.5        0.00\n" in output.out
    assert "MR-long-mAP           -\n" in output.out


def test_predictions_are_of_that_format_alone(shared_library: Library, capsys: Capture) -> None:
    """Captions ask all videos, so there is nothing to write that the benchmark could take."""
    captions = str(shared_library.videos / "captions.jsonl")
    assert shared_library.run("evaluate", captions, "--predictions", "x.jsonl") == 2
    assert "add --format qvhighlights" in capsys.readouterr().err
    assert not Path("x.jsonl").exists()


def test_predictions_that_cannot_be_written(
    shared_library: Library, capsys: Capture, tmp_path: Path
) -> None:
    """The file and the reason are named."""
    asked = _written(tmp_path / "asked.jsonl", _queries(shared_library, capsys)[:1])
    run = ("evaluate", asked, "--format", "qvhighlights", "--predictions", str(tmp_path))
    assert shared_library.run(*run) == 2
    assert f"--predictions {tmp_path}: cannot be written: " in capsys.readouterr().err
