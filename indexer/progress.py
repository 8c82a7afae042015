"""How far a run is, in seconds of video. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """Counts seconds of video that were read, of those that there are as far as is known.

    Videos are opened one after another, so that nothing is opened only to be measured: those that
    were not yet count as long as the others are on average.
    """

    videos: int
    _over: int = 0
    _done_s: float = 0.0
    _read: int = 0
    _open: dict[str, tuple[float, float]] = field(default_factory=dict)

    def at(self, path: str, reached_s: float, claimed_s: float | None) -> None:
        """Note how far an open video was read, and what length its container claims."""
        self._open[path] = reached_s, max(reached_s, claimed_s or 0.0)

    def over(self, path: str) -> None:
        """Note that nothing more comes of a video; one that was not opened adds no seconds."""
        self._over += 1
        opened = self._open.pop(path, None)
        if opened is not None:
            self._read += 1
            self._done_s += opened[1]

    @property
    def done_s(self) -> float:
        """Seconds that were read."""
        return self._done_s + sum(reached for reached, _ in self._open.values())

    @property
    def total_s(self) -> float:
        """Seconds that there are; 0 while no video was opened."""
        known = self._read + len(self._open)
        if not known:
            return 0.0
        known_s = self._done_s + sum(length for _, length in self._open.values())
        unopened = self.videos - self._over - len(self._open)
        return known_s * (1 + unopened / known)

    def in_words(self, elapsed_s: float) -> str:
        """Say which video it is, how much of how much is done, and how long the rest will take."""
        words = [f"video {min(self._over + 1, self.videos)} of {self.videos}"]
        if self.total_s:
            words.append(f"{_clock(self.done_s)} of {_clock(self.total_s)}")
        if 0 < self.done_s < self.total_s:
            left_s = elapsed_s * (self.total_s - self.done_s) / self.done_s
            words.append(f"about {_roughly(left_s)} left")
        return ", ".join(words)


def _clock(seconds: float) -> str:
    """Write seconds as mm:ss, or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _roughly(seconds: float) -> str:
    """Write seconds in the one unit that people would name."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
