"""What produces one field of a video that is made of text: subtitles, speech, text in pictures."""

from dataclasses import dataclass
from typing import Protocol

from clipseek.sources import Source
from clipseek.timed import Field, TimedText


@dataclass(frozen=True, slots=True)
class Produced:
    """What one field of a video says, and what is wrong with the rest; empty if nothing is."""

    text: TimedText
    problem: str


class Producer(Protocol):
    """Produces the text of one field. Thread-safe."""

    @property
    def field(self) -> Field:
        """Which field it is."""
        ...

    def stamp(self, source: Source) -> str:
        """Say what the text would be read from now, and by which rules: equal stamps, same text."""
        ...

    def produce(
        self, source: Source, descriptor: int, *, duration: float, has_streams: bool | None = None
    ) -> Produced:
        """Return the text of a video of `duration` seconds, which is open as `descriptor`.

        `has_streams` says whether the file has streams of subtitles, if that is known. What cannot
        be read is a problem, and never an error: the video has its pictures.
        """
        ...
