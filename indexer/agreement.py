"""How far two collections of the same videos answer alike, before one takes the other's place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipseek.query import Query
from clipseek.search import Answer
from clipseek.types import Hit, SearchResult

HITS = 10
EXAMPLES = 10

Search = Callable[[Sequence[Query]], Sequence[Answer]]


@dataclass(frozen=True, slots=True)
class Example:
    """One query, and what both collections answer.

    overlap: The share of the moments of `before` that are among those of `after`, in [0, 1]: of the
    same video, and sharing a second at least or half of the shorter one.
    shift: How much higher the relevance of the best moment is afterwards.
    """

    query: str
    overlap: float
    shift: float
    before: tuple[Hit, ...]
    after: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """All queries that both collections have answered, the least alike first."""

    examples: tuple[Example, ...]

    @property
    def overlap(self) -> float | None:
        """The mean overlap@10; None if no query was answered by both."""
        return _mean([example.overlap for example in self.examples])

    @property
    def shift(self) -> float | None:
        """The mean shift of the relevance of the best moment; None as above."""
        return _mean([example.shift for example in self.examples])


def agreement(
    search: Search, before: str, after: str, queries: Sequence[str], *, hits: int = HITS
) -> Agreement:
    """Ask two collections the same; a query that one of them cannot answer is left out."""
    one, other = (
        search([Query.of(text, hits, collection=name) for text in queries])
        for name in (before, after)
    )
    return compared(queries, one, other)


def compared(queries: Sequence[str], one: Sequence[Answer], other: Sequence[Answer]) -> Agreement:
    """Compare the answers to the same queries; one without an answer or a hit is left out."""
    found = (_example(text, old, new) for text, old, new in zip(queries, one, other, strict=True))
    answered = [example for example in found if example is not None]
    return Agreement(tuple(sorted(answered, key=lambda each: (each.overlap, each.query))))


def _example(text: str, before: Answer, after: Answer) -> Example | None:
    if not isinstance(before, SearchResult) or not isinstance(after, SearchResult):
        return None
    old, new = tuple(before.hits), tuple(after.hits)
    if not old:
        return None
    shared = sum(any(is_same(hit, other) for other in new) for hit in old)
    best = new[0].relevance if new else 0.0
    return Example(text, shared / len(old), best - old[0].relevance, old, new)


def is_same(one: Hit, other: Hit) -> bool:
    """Whether two hits are of the same moment: they share a second, or half of the shorter one."""
    least = min(1.0, one.span.length / 2, other.span.length / 2)
    return one.video.id == other.video.id and one.span.overlap(other.span) >= least


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
