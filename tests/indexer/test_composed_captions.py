"""Captions that ask with more than a sentence: how they are read, and what is wrong with them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from clipseek.errors import ConfigError
from clipseek.parts import Picture, Text
from clipseek.query import Step
from clipseek.types import Span
from indexer.captions import Asked, read_captions

PRESENT = {"query": "a car", "file": "a.mp4", "start": 1, "end": 2}


def _file(folder: Path, line: dict[str, Any]) -> Path:
    path = folder / "composed.jsonl"
    path.write_text(json.dumps(line) + "\n", "utf-8")
    return path


def test_exclusions_and_steps_are_read(tmp_path: Path) -> None:
    """With the truth of any caption."""
    line = {
        **PRESENT,
        "kind": "negative",
        "not": ["a boat"],
        "then": [{"query": "a cat", "within": 4}],
        "unwanted": {"b.mp4": [[0, 1]]},
    }
    (caption,) = read_captions(_file(tmp_path, line))
    assert isinstance(caption, Asked)
    assert caption.parts == (Text("a car"), Text("a boat", -1.0))
    assert caption.then == (Step((Text("a cat"),), 4.0),)
    assert (caption.kind, caption.spans) == ("negative", (Span(1, 2),))
    assert caption.unwanted == {"b.mp4": (Span(0, 1),)}


def test_further_sentences_are_wanted_too(tmp_path: Path) -> None:
    """All in the same moment; those that are not wanted come after them."""
    line = {**PRESENT, "kind": "both", "and": ["anna"], "not": ["a boat"]}
    (caption,) = read_captions(_file(tmp_path, line))
    assert isinstance(caption, Asked)
    assert caption.parts == (Text("a car"), Text("anna"), Text("a boat", -1.0))


def test_a_picture_is_beside_its_captions(tmp_path: Path) -> None:
    """Then the sentence only names the query."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "PNG")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    (caption,) = read_captions(_file(tmp_path, {**PRESENT, "image": "a.png"}))
    assert isinstance(caption, Asked)
    (part,) = caption.parts
    assert isinstance(part, Picture)


def test_a_sentence_alone_is_a_plain_caption(tmp_path: Path) -> None:
    """So `calibrate` takes it."""
    (caption,) = read_captions(_file(tmp_path, PRESENT))
    assert not isinstance(caption, Asked)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"image": "gone.png"}, "image gone.png cannot be read", id="no file"),
        pytest.param({"image": "composed.jsonl"}, "image must be a whole JPEG", id="no picture"),
        pytest.param({"not": [""]}, "query must have 1 to 1000 characters, got 0", id="empty"),
        pytest.param({"and": [""]}, "query must have 1 to 1000 characters, got 0", id="no word"),
        pytest.param({"and": "anna"}, "and: Input should be a valid", id="no list"),
        pytest.param(
            {"then": [{"query": "a cat", "within": 0}]}, "within must be more than 0", id="0 s"
        ),
        pytest.param({"then": [{"query": "a cat"}]}, "then.0.within: Field required", id="no time"),
        pytest.param(
            {"then": [{"query": "a cat", "within": 1}] * 4}, "then must be nested", id="too deep"
        ),
        pytest.param({"not": ["x"] * 8}, "parts must be 1 to 8, got 9", id="too many"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    """In one sentence."""
    with pytest.raises(ConfigError) as error:
        read_captions(_file(tmp_path, {**PRESENT, **more}))
    assert "composed.jsonl, line 1: " in str(error.value)
    assert said in str(error.value)
