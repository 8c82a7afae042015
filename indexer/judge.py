"""The verbs `evaluate` and `calibrate`: queries with known answers, from a JSON Lines file."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipseek import calibration
from clipseek.assembly import load_collection_model, open_existing, open_writer
from clipseek.config import Settings
from clipseek.errors import ClipseekError, CollectionNotFound, ConfigError, QueryNotRead
from clipseek.evaluation import Caption, Found
from clipseek.evaluation import evaluate as judge
from clipseek.query import MAX_BATCH, MAX_LIMIT, Query
from clipseek.service import Service, WritingService
from clipseek.types import SearchResult, Span
from indexer.commands import all_videos
from indexer.naming import resolved, spellings
from indexer.output import counted, emit, note, say
from indexer.rescoring import rescore


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

    def caption(self) -> Caption:
        """Return the caption; raise ValueError for a span that is none or an answer not named."""
        if self.absent:
            return Caption(self.query)
        if not self.file or self.start is None or self.end is None:
            raise ValueError('a line needs "file", "start" and "end", or "absent": true')
        spans = (Span(self.start, self.end), *(Span(*pair) for pair in self.alt_spans))
        return Caption(self.query, self.file, spans, frozenset(self.also))


def evaluate(settings: Settings, options: argparse.Namespace) -> int:
    """Print how well the queries of a captions file are answered."""
    captions = read_captions(options.captions)
    files = {name for caption in captions for name in {caption.file, *caption.also} if name}
    service = open_existing(settings)
    try:
        _warn_of_missing(service, files)
        answers = _search(service, [caption.query for caption in captions])
    finally:
        service.close()
    result = judge(captions, [_found(answer, files) for answer in answers])
    if options.json:
        emit(result)
    else:
        _print(result)
    return 0


def calibrate(settings: Settings, options: argparse.Namespace) -> int:
    """Judge by the model's bank as it is now; with captions, fit the constants to them too."""
    captions = None if options.captions is None else read_captions(options.captions)
    service = open_writer(settings)
    try:
        is_new = _judge_anew(service)
        record = None if captions is None else _fit(service, captions)
        collection = service.catalog.collection(settings.collection)
    finally:
        service.close()
    if record is None and not is_new:
        note(f"relevance of collection {collection.name} already uses this bank")
    about = {"collection": collection.name, "version": collection.version, "rescored": is_new}
    if options.json:
        emit({**about, **(record or {})})
    elif record is not None:
        say(
            f"relevance of collection {collection.name}: scale {record['scale']:.4f}, "
            f"offset {record['offset']:.4f}, fitted on {record['present']} present and "
            f"{record['absent']} absent queries (AUC {record['auc']:.3f})"
        )
    return 0


def _judge_anew(service: WritingService) -> bool:
    """Compute the biases anew where the bank or the constants have changed; say whether."""
    name = service.settings.collection
    model = load_collection_model(service.settings, service.catalog.collection(name))
    return rescore(service.catalog, name, model, note)


def _fit(service: WritingService, captions: Sequence[Caption]) -> dict[str, float]:
    """Fit the two constants of relevance to the user's own queries and store them."""
    answers = _search(service, [caption.query for caption in captions])
    found = [i for i, answer in enumerate(answers) if answer.hits]
    best = np.array([_best_evidence(answers[i]) for i in found])
    absent = np.array([captions[i].absent for i in found], np.bool_)
    constants = calibration.fit(best[~absent], best[absent])
    service.catalog.set_relevance(service.settings.collection, constants)
    return {
        "scale": constants.scale,
        "offset": constants.offset,
        "auc": calibration.auc(best[~absent], best[absent]),
        "present": int((~absent).sum()),
        "absent": int(absent.sum()),
    }


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


def _search(service: Service, sentences: Sequence[str]) -> list[SearchResult]:
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


def _warn_of_missing(service: Service, files: set[str]) -> None:
    """Say which files of the captions are not indexed: their queries count as not answered."""
    try:
        service.catalog.collection(service.settings.collection)
    except CollectionNotFound:
        return
    videos = all_videos(service.catalog, service.settings.collection)
    missing = sorted(files - {_file(video.uri, files) for video in videos})
    if missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        note(f"{counted(len(missing), 'file')} of the captions not indexed: {names}")


def _found(answer: SearchResult, files: set[str]) -> list[Found]:
    return [Found(_file(hit.video.uri, files), hit.span, hit.relevance) for hit in answer.hits]


def _file(uri: str, files: set[str]) -> str:
    """Return the captions' name of a video: the longest tail of its path that they use.

    In any normal form of Unicode: captions are typed, and macOS stores another form.
    """
    parts = PurePath(uri).parts
    tails = ("/".join(parts[i:]) for i in range(len(parts)))
    return next((form for tail in tails for form in spellings(tail) if form in files), uri)


def _best_evidence(answer: SearchResult) -> float:
    return max(hit.evidence for hit in answer.hits)


def _print(result: dict[str, object]) -> None:
    """Print the figures, one group a line."""
    say(f"queries  {result['queries']}")
    for group in ("video", "moment", "absent"):
        figures = result[group]
        if isinstance(figures, dict):
            say(f"{group:<7}  " + "  ".join(f"{k} {_figure(v)}" for k, v in figures.items()))
    if not isinstance(result["absent"], dict) or not result["absent"]["queries"]:
        note('no query is marked "absent": true, so recognising absence is not measured')


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
