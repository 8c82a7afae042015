"""What must be found now: which videos were put and removed, and when that was acknowledged."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["put", "remove"]
Expected = Literal["present", "absent", "either"]


@dataclass(slots=True, eq=False)
class Change:
    """One change of one video, in seconds of `time.monotonic`; `acked` None if unacknowledged.

    A change takes effect at one moment between `begun` and `acked`, or, without the latter, at some
    moment after `begun` or never.
    """

    kind: Kind
    begun: float
    acked: float | None = None


class Ledger:
    """All changes of all videos, written by the one who makes them. Thread-safe."""

    def __init__(self) -> None:
        self._changes: dict[str, list[Change]] = {}
        self._segments: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, video: str, kind: Kind, at: float) -> Change:
        """Note that from now on the change may take effect."""
        change = Change(kind, at)
        with self._lock:
            self._changes.setdefault(video, []).append(change)
        return change

    def count(self, video: str, segments: int) -> None:
        """Note how many segments a video has; the same content always has as many."""
        with self._lock:
            self._segments[video] = segments

    def segments(self, video: str) -> int | None:
        """Return how many segments a video has, or None where that was not told."""
        with self._lock:
            return self._segments.get(video)

    def videos(self) -> list[str]:
        """Return every video that was ever put."""
        with self._lock:
            return list(self._changes)

    def acknowledged(self) -> list[tuple[str, Change]]:
        """Return the last change of each video where it was acknowledged."""
        with self._lock:
            last = [(video, changes[-1]) for video, changes in self._changes.items()]
        return [(video, change) for video, change in last if change.acked is not None]

    def expected(self, video: str, sent: float, received: float, bound_s: float) -> Expected:
        """Say whether an answer, sent for and received at these times, must have the video.

        A change counts from `bound_s` after it was acknowledged; until then both are right.
        """
        with self._lock:
            begun = [c for c in self._changes.get(video, ()) if c.begun < received]
        outcomes: set[Expected] = set()
        for change in reversed(begun):
            outcomes.add("present" if change.kind == "put" else "absent")
            if change.acked is not None and change.acked + bound_s <= sent:
                break
        else:
            outcomes.add("absent")
        return outcomes.pop() if len(outcomes) == 1 else "either"

    def all_expected(
        self, videos: Iterable[str], sent: float, received: float, bound_s: float
    ) -> dict[str, Expected]:
        """Return what is expected of each video."""
        return {video: self.expected(video, sent, received, bound_s) for video in videos}
