"""The documents are in plain English: some words and turns of phrase do not come back."""

import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clipseek.config import Settings
from indexer.cli import parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "*/README.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)
AVOIDED = {
    "video": r"(?<![/\w-])(?:films?(?! editor)|(?-i:clips?)|assets?)\b",
    "is not a": r"(?<!there )\b(?:is|are) no\b(?! longer\b| more\b| further\b)",
    "is stored": r"\b(?:lies|lie|lay) (?:in|on|at|under|beside|there)\b",
    "is": r"\bstands?\b(?! (?:in|for|out)\b)",
    "again": r"\banew\b",
    "is available": r"\b(?:is|are|to) be had\b|\bcan be had\b",
    "does not help": r"\b(?:is|of) no use\b",
    "anyone who": r"\bwhoever\b",
}
"""What to avoid, by what to write instead. Names in code are left out before this is looked for."""


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a document with their numbers.

    Code, the targets of links and tables that a command writes are left out.
    """
    is_code = is_written = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif line.startswith("<!--"):
            is_written = "end" not in line
        elif not is_code and not is_written:
            yield number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


def _found(text: str) -> list[str]:
    """Return where a text has what is avoided, and what to write instead."""
    return [
        f"line {number}: {hit[0]!r}; write {instead!r}"
        for number, line in _prose(text)
        for instead, pattern in AVOIDED.items()
        for hit in re.finditer(pattern, line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_in_plain_english(document: str) -> None:
    """No word of the list, outside of code and names."""
    assert _found((ROOT / document).read_text("utf-8")) == []


def test_the_help_of_each_setting_is_in_plain_english() -> None:
    """As `indexer config` prints it."""
    said = "\n".join(declared.description or "" for declared in Settings.model_fields.values())
    assert len(said) > 1000
    assert _found(said) == []


def test_the_help_of_each_verb_is_in_plain_english() -> None:
    """Descriptions and options; the names of options stay as they are."""
    top = parser()
    verbs = [top, *top.verbs.values()]
    texts = [verb.description or "" for verb in verbs]
    texts += [action.help or "" for verb in verbs for action in verb._actions]
    assert _found("\n".join(texts)) == []


@pytest.mark.parametrize(
    "folder", ["api", "benchmarks", "client", "docker", "indexer", "src", "tests"]
)
def test_docstrings_and_comments_are_in_plain_english(folder: str) -> None:
    """Of each Python file below the folder."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        source = path.read_text("utf-8")
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            is_docstring = token.type == tokenize.STRING and token.string.startswith('"""')
            if (is_docstring or token.type == tokenize.COMMENT) and (hits := _found(token.string)):
                found[f"{path.relative_to(ROOT)}, from line {token.start[0]} on"] = hits
    assert found == {}


def test_the_openapi_document_is_in_plain_english() -> None:
    """Its titles, summaries and descriptions, those of problems included."""
    document = json.loads((ROOT / "tests" / "api" / "openapi.json").read_text("utf-8"))
    texts = list(_texts(document))
    assert len(texts) > 100
    assert _found("\n".join(texts)) == []


def _texts(value: Any) -> Iterator[str]:
    """Yield every text for people in a JSON document."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str) and key in ("description", "detail", "summary", "title"):
                yield each
            yield from _texts(each)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("It reads films.", id="film"),
        pytest.param("A picture is no video.", id="is no"),
        pytest.param("The file lies in the folder.", id="lies"),
        pytest.param("The name stands at the top.", id="stands"),
        pytest.param("Index it anew.", id="anew"),
    ],
)
def test_an_avoided_word_is_found(text: str) -> None:
    """The list works."""
    assert len(_found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A film editor looks for a shot.", id="profession"),
        pytest.param("`indexer demo --films 12` writes to `demo-data/films`.", id="names"),
        pytest.param("```\n/films/film.mp4 is no link\n```", id="code"),
        pytest.param("The model is a CLIP.", id="name of a model"),
        pytest.param("There is no password, and it is no longer ready.", id="there is no"),
        pytest.param("A keyframe stands in for the frame.", id="stands in for"),
        pytest.param("An alias stands for a collection.", id="stands for"),
    ],
)
def test_a_good_sentence_raises_no_alarm(text: str) -> None:
    """The exceptions of the list."""
    assert _found(text) == []
