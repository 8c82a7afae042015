"""Captions: queries with known answers, from a JSON Lines file, and how a library answers them."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipseek.errors import ClipseekError, ConfigError, QueryNotRead
from clipseek.evaluation import Caption
from clipseek.query import MAX_BATCH, MAX_LIMIT, Query
from clipseek.service import Service
from clipseek.types import PICTURE, SearchResult, Span
from indexer.naming import resolved
from indexer.output import note


class _Line(BaseModel):
    """One line of a captions file. Unknown fields are ignored: users keep notes there."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1)
    file: str = ""
    start: float | None = None
    end: float | None = None
    alt_spans: tuple[tuple[float, float], ...] = ()
    also: tuple[str, ...] = ()
    absent: bool = False
    kind: str = Field(default=PICTURE, min_length=1)

    def caption(self) -> Caption:
        """Return the caption; raise ValueError if its span is wrong or its answer is missing."""
        if self.absent:
            return Caption(self.query, kind=self.kind)
        if not self.file or self.start is None or self.end is None:
            raise ValueError('a line needs "file", "start" and "end", or "absent": true')
        spans = (Span(self.start, self.end), *(Span(*pair) for pair in self.alt_spans))
        return Caption(self.query, self.file, spans, frozenset(self.also), self.kind)


def read_captions(path: Path) -> list[Caption]:
    """Read a captions file.

    Raises:
        ConfigError: the file cannot be read, or a line is wrong; names the line.
    """
    try:
        lines = resolved(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text: {error}") from error
    captions = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                captions.append(_Line.model_validate(json.loads(line)).caption())
            except (ValidationError, ValueError, RecursionError) as error:
                raise ConfigError(f"{path}, line {number}: {_first(error)}") from error
    if not captions:
        raise ConfigError(f"{path}: no captions; a line is {{'query', 'file', 'start', 'end'}}")
    return captions


def _first(error: Exception) -> str:
    """Say the first thing that is wrong."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        return f"{where}: {problem['msg']}" if where else str(problem["msg"])
    return str(error)


def search(service: Service, sentences: Sequence[str]) -> list[SearchResult]:
    """Answer all sentences in batches; the first that cannot be answered raises.

    For one without a word, nothing is found.
    """
    collection = service.settings.collection
    queries = [Query.of(text, MAX_LIMIT, collection=collection) for text in sentences]
    results = []
    for start in range(0, len(queries), MAX_BATCH):
        for answer in service.searcher.search(queries[start : start + MAX_BATCH]):
            if isinstance(answer, QueryNotRead):
                note(f"indexer: {answer}")
                answer = SearchResult(answer.query, (), collection, answer.model, version=0)
            if isinstance(answer, ClipseekError):
                raise answer
            results.append(answer)
    return results
