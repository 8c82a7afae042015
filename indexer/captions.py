"""Captions: queries with known answers, from a JSON Lines file, and how a library answers them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipseek.errors import ClipseekError, ConfigError, QueryNotRead
from clipseek.evaluation import Caption, Found
from clipseek.parts import Part, Text
from clipseek.query import MAX_BATCH, MAX_LIMIT, Query, Step
from clipseek.service import Service
from clipseek.types import PICTURE, SearchResult, Span
from indexer.image_files import read_picture
from indexer.naming import resolved, spellings
from indexer.output import note

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Asked(Caption):
    """A caption that asks with more than its sentence.

    parts: What is asked with in place of the sentence alone. then: What must follow.
    """

    parts: tuple[Part, ...] = ()
    then: tuple[Step, ...] = ()

    @classmethod
    def of(cls, caption: Caption, parts: Sequence[Part], then: Sequence[Step]) -> Self:
        """Return the caption with what it asks; raise InvalidQuery if that is wrong."""
        if wrong := Query.of(parts, then=then).problem():
            raise wrong
        known = {each.name: getattr(caption, each.name) for each in fields(caption)}
        return cls(**known, parts=tuple(parts), then=tuple(then))


class _Then(BaseModel):
    query: str
    within: float


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
    also_asked: tuple[str, ...] = Field(default=(), alias="and")
    without: tuple[str, ...] = Field(default=(), alias="not")
    image: str = ""
    then: tuple[_Then, ...] = ()
    unwanted: dict[str, tuple[tuple[float, float], ...]] = Field(default_factory=dict)

    def caption(self, folder: Path) -> Caption:
        """Return the caption; pictures are in the folder.

        Raises:
            ValueError: its span is wrong, or its answer is missing.
            ClipseekError: it cannot be asked like this.
        """
        known = self._known()
        if not (self.also_asked or self.without or self.image or self.then):
            return known
        parts: list[Part] = [Text(self.query)]
        if self.image:
            parts = [read_picture(folder / self.image, f"image {self.image}")]
        parts += [Text(text) for text in self.also_asked]
        parts += [Text(text, -1.0) for text in self.without]
        return Asked.of(known, parts, [Step((Text(s.query),), s.within) for s in self.then])

    def _known(self) -> Caption:
        if self.absent:
            return Caption(self.query, kind=self.kind)
        if not self.file or self.start is None or self.end is None:
            raise ValueError('a line needs "file", "start" and "end", or "absent": true')
        spans = (Span(self.start, self.end), *(Span(*pair) for pair in self.alt_spans))
        unwanted = {
            file: tuple(Span(*pair) for pair in pairs) for file, pairs in self.unwanted.items()
        }
        return Caption(self.query, self.file, spans, frozenset(self.also), self.kind, unwanted)


def read_captions(path: Path) -> list[Caption]:
    """Read a captions file; raise ConfigError as `read_lines` does."""
    folder = resolved(path).parent
    captions = read_lines(path, lambda line: _Line.model_validate(line).caption(folder))
    if not captions:
        raise ConfigError(f"{path}: no captions; a line is {{'query', 'file', 'start', 'end'}}")
    return captions


def read_lines(path: Path, read: Callable[[object], Read]) -> list[Read]:
    """Read a JSON Lines file; empty lines are left out.

    Raises:
        ConfigError: the file cannot be read, or `read` refuses a line; names the line.
    """
    try:
        lines = resolved(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(read(json.loads(line)))
            except (ValidationError, ValueError, RecursionError, ClipseekError) as error:
                raise ConfigError(f"{path}, line {number}: {_first(error)}") from error
    return found


def _first(error: Exception) -> str:
    """Say the first thing that is wrong."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        return f"{where}: {problem['msg']}" if where else str(problem["msg"])
    return str(error)


def found_in(answer: SearchResult, files: set[str]) -> list[Found]:
    """Return the hits of an answer as captions name their files, which are some of `files`."""
    return [
        Found(file_of(hit.video.uri, files), hit.span, hit.relevance, hit.best_time)
        for hit in answer.hits
    ]


def file_of(uri: str, files: set[str]) -> str:
    """Return the captions' name of a video: the longest tail of its path that they use.

    In any normal form of Unicode: captions are typed, and macOS stores another form.
    """
    parts = PurePath(uri).parts
    tails = ("/".join(parts[i:]) for i in range(len(parts)))
    return next((form for tail in tails for form in spellings(tail) if form in files), uri)


def search(
    service: Service,
    captions: Sequence[Caption],
    *,
    sharpen: bool = False,
    collection: str | None = None,
) -> list[SearchResult]:
    """Answer all captions in batches; the first that cannot be answered raises.

    For one without a word, nothing is found. With `sharpen`, those that ask with a sentence alone
    are cut to the frames that show it. The collection is that of the settings unless it is named.
    """
    collection = collection or service.settings.collection
    queries = [
        Query.of(each.parts, MAX_LIMIT, collection=collection, then=each.then)
        if isinstance(each, Asked)
        else Query.of(each.query, MAX_LIMIT, collection=collection, sharpen=sharpen)
        for each in captions
    ]
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
