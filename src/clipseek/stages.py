"""What the parts of a computation took, in their order."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One part: its name, and when it began and ended, in nanoseconds since 1970."""

    name: str
    began_ns: int
    ended_ns: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.began_ns) / _NS


@dataclass(slots=True)
class Stages:
    """The stages of one computation that are done, for one thread at a time."""

    done: list[Stage] = field(default_factory=list)

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Note what is done inside as a stage."""
        # The clock of the day may be set while it runs, so that it says when and not how long.
        started = time.perf_counter_ns()
        yield
        ended = time.time_ns()
        self.done.append(Stage(name, ended - (time.perf_counter_ns() - started), ended))
