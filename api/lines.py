"""Searches that wait, in a line for each collection; the collections take turns."""

from collections.abc import Collection, Iterator
from typing import Generic, TypeVar

from clipseek.query import Query

Job = TypeVar("Job")


class Lines(Generic[Job]):
    """What waits, by query. The collection whose turn was longest ago is next.

    So a collection with a thousand searches does not keep another one, which has a single search,
    waiting for all of them.
    """

    def __init__(self) -> None:
        self._lines: dict[str, dict[Query, Job]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many searches wait."""
        return self._count

    def __iter__(self) -> Iterator[Job]:
        """Yield what waits, a collection after the other."""
        for line in self._lines.values():
            yield from line.values()

    @property
    def collections(self) -> Collection[str]:
        """The collections that have a search waiting; the next one in turn is first."""
        return self._lines.keys()

    def waiting(self, collection: str) -> int:
        """Return how many searches of a collection wait."""
        return len(self._lines.get(collection, ()))

    def get(self, query: Query) -> Job | None:
        """Return what waits for a query, if anything does."""
        line = self._lines.get(query.collection)
        return None if line is None else line.get(query)

    def add(self, query: Query, job: Job) -> None:
        """Append a search to the line of its collection."""
        self._lines.setdefault(query.collection, {})[query] = job
        self._count += 1

    def remove(self, query: Query) -> None:
        """Take a search out of its line, before its turn."""
        line = self._lines[query.collection]
        del line[query]
        self._count -= 1
        if not line:
            del self._lines[query.collection]

    def take(self, count: int, *, but: Collection[str] = ()) -> list[tuple[Query, Job]]:
        """Take out up to `count` searches: one of each collection in turn, except some."""
        taken: list[tuple[Query, Job]] = []
        names = [name for name in self._lines if name not in but]
        while names and len(taken) < count:
            for name in names[: count - len(taken)]:
                line = self._lines.pop(name)
                query = next(iter(line))
                taken.append((query, line.pop(query)))
                if line:
                    self._lines[name] = line
            names = [name for name in names if name in self._lines]
        self._count -= len(taken)
        return taken

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._count = 0
