"""Whether fields together answer as well as the best single one, and as reciprocal rank fusion.

    indexer demo --videos 40 --seed 5151 --words subtitle,speech,sign --out demo-data/videos
    CLIPSEEK_SPEECH_MODEL=demo indexer --data-dir demo-data ingest demo-data/videos --model demo \
        --fields picture,subtitle,speech,text
    python -m benchmarks.fusion demo-data demo-data/videos/captions.jsonl \
        demo-data/videos/composed.jsonl

Prints two tables, R@1 and touch (as `indexer evaluate` defines them), with a line for each kind of
query. `picture` to `text` are single fields. A query of several sentences asks each field for each
of them, and pictures for all parts together; the best counts. `fused` are all fields, and `by` is
how much better that is than the best single field. `rrf` is reciprocal rank fusion (k = 60) of the
answers to each sentence in each field; of equal hits, those of pictures come first in `rrf p`, and
those of words in `rrf w`. It is not defined for exclusions, steps and pictures. Exits with 1 if
fused fields are worse than the best single one by more than 0.01.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import ClipseekError, QueryNotRead
from clipseek.evaluation import Caption, Found, evaluate
from clipseek.parts import Text
from clipseek.query import MAX_BATCH, MAX_LIMIT, Query
from clipseek.service import Service
from clipseek.timed import FIELDS, PICTURE, Field
from indexer.captions import Asked, read_captions

K = 60
TOLERANCE = 0.01
MEASURES = {"R@1": "video", "touch": "moment"}
FUSED, PICTURES_FIRST, WORDS_FIRST = "fused", "rrf p", "rrf w"
Figures = Mapping[str, float | None]
Hits = Sequence[Found]


def reciprocal(answers: Sequence[Hits]) -> list[Found]:
    """Return the hits of several answers, each best first, in the order of their ranks.

    Hits of one video that overlap are one hit, which has the span of the first of them. Equal ones
    stay in the order of the answers.
    """
    merged: list[tuple[Found, list[float]]] = []
    for hits in answers:
        for rank, hit in enumerate(hits, 1):
            same = next((shares for known, shares in merged if _meets(known, hit)), None)
            if same is None:
                merged.append((hit, same := []))
            same.append(1 / (K + rank))
    return [hit for hit, _ in sorted(merged, key=lambda each: -sum(each[1]))]


def _meets(one: Found, other: Found) -> bool:
    return one.file == other.file and one.span.overlap(other.span) > 0


def measure(service: Service, captions: Sequence[Caption]) -> dict[str, Figures]:
    """Return the figures of queries of one kind: by measure and column, None if there is none."""
    found: dict[str, list[Sequence[Hits]]] = {
        FUSED: [answered(service, [_whole(each, FIELDS) for each in captions])]
    }
    alone = [_sentences(each) for each in captions]
    parts = range(min(map(len, alone)))
    each_field: dict[Field, list[Sequence[Hits]]] = {
        name: [
            answered(service, [Query.of(texts[part], fields=(name,)) for texts in alone])
            for part in parts
        ]
        for name in FIELDS
    }
    found |= {name: list(answers) for name, answers in each_field.items()}
    if not parts or len(parts) > 1:
        found[PICTURE].append(answered(service, [_whole(each, (PICTURE,)) for each in captions]))
    for column, order in ((PICTURES_FIRST, FIELDS), (WORDS_FIRST, FIELDS[::-1])):
        lists = [answers for name in order for answers in each_field[name]]
        if lists:
            rows = zip(*lists, strict=True)
            found[column] = [[reciprocal(answers) for answers in rows]]
    return {
        measure: {
            column: max((_figure(captions, each, measure) for each in answers), default=None)
            for column, answers in found.items()
        }
        for measure in MEASURES
    }


def _sentences(caption: Caption) -> list[str]:
    """Return the sentences of a query that each field can be asked for, if it is nothing else."""
    if not isinstance(caption, Asked):
        return [caption.query]
    texts = [each.text for each in caption.parts if isinstance(each, Text) and each.weight > 0]
    return texts if len(texts) == len(caption.parts) and not caption.then else []


def _whole(caption: Caption, fields: Sequence[Field]) -> Query:
    if isinstance(caption, Asked):
        return Query.of(caption.parts, MAX_LIMIT, then=caption.then, fields=fields)
    return Query.of(caption.query, MAX_LIMIT, fields=fields)


def _figure(captions: Sequence[Caption], answers: Sequence[Hits], measure: str) -> float:
    group = evaluate(captions, answers)[MEASURES[measure]]
    assert isinstance(group, dict)
    return float(group[measure])


def answered(service: Service, queries: Sequence[Query]) -> list[Hits]:
    """Return the hits of each query; for one without a word of the model, nothing is found."""
    answers: list[Hits] = []
    for start in range(0, len(queries), MAX_BATCH):
        for answer in service.searcher.search(queries[start : start + MAX_BATCH]):
            if isinstance(answer, QueryNotRead):
                answers.append(())
            elif isinstance(answer, ClipseekError):
                raise answer
            else:
                answers.append(
                    [
                        Found(PurePath(hit.video.uri).name, hit.span, hit.relevance, hit.best_time)
                        for hit in answer.hits
                    ]
                )
    return answers


def gain(figures: Figures) -> float:
    """Return by how much fused fields are better than the best single one."""
    single = [value for name in FIELDS if (value := figures.get(name)) is not None]
    fused = figures[FUSED]
    assert fused is not None
    return fused - max(single)


def lines(measured: Mapping[str, tuple[int, Mapping[str, Figures]]]) -> Iterator[str]:
    """Yield the tables of what was measured of each kind, with how many queries it has."""
    columns = [*FIELDS, FUSED, "by", PICTURES_FIRST, WORDS_FIRST]
    for measure in MEASURES:
        yield f"{measure:<10}{'queries':>9}" + "".join(f"{name:>10}" for name in columns)
        for kind, (queries, figures) in measured.items():
            own = {**figures[measure], "by": gain(figures[measure])}
            values = (own.get(name) for name in columns)
            said = "".join(f"{'-' if v is None else f'{v:.3f}':>10}" for v in values)
            yield f"{kind:<10}{queries:>9}{said}"


def main() -> int:
    """Measure and print; say whether fused fields are as good as the best single one."""
    parser = argparse.ArgumentParser(description="Fields together against single ones.")
    parser.add_argument("data_dir", metavar="DATA_DIR")
    parser.add_argument("captions", type=Path, nargs="+", metavar="CAPTIONS")
    options = parser.parse_args()
    known = [each for path in options.captions for each in read_captions(path) if not each.absent]
    kinds = dict.fromkeys(each.kind for each in known)
    with open_existing(Settings.load(data_dir=options.data_dir)) as service:
        measured = {}
        for kind in kinds:
            own = [each for each in known if each.kind == kind]
            measured[kind] = len(own), measure(service, own)
    for line in lines(measured):
        sys.stdout.write(line + "\n")
    worst = min(gain(figures) for _, each in measured.values() for figures in each.values())
    return int(worst < -TOLERANCE)


if __name__ == "__main__":
    raise SystemExit(main())
