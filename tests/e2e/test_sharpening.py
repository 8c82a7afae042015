"""The command cuts moments to the frames that show what is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


def _lines(capture: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


def test_sharpened_moments_fit_better(shared_library: Library, capsys: Capture) -> None:
    """And the same videos are found; `search` shows them, too."""
    captions = str(shared_library.videos / "captions.jsonl")
    for more in ([], ["--sharpen"]):
        assert shared_library.run("evaluate", captions, "--json", *more) == 0
    whole, sharp = _lines(capsys)
    assert sharp["video"] == whole["video"]
    assert sharp["moment"]["R@1@0.5"] > whole["moment"]["R@1@0.5"]
    query = json.loads(Path(captions).read_text("utf-8").splitlines()[0])["query"]
    spans = []
    for more in ([], ["--sharpen"]):
        assert shared_library.run("search", query, "--json", *more) == 0
        spans.append([(hit["start"], hit["end"]) for hit in _lines(capsys)])
    assert spans[0] != spans[1]
    assert all(w[0] <= s[0] < s[1] <= w[1] for w, s in zip(*spans, strict=True))
