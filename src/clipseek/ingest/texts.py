"""The texts of a video: read with it, or later, when nothing is decoded or embedded again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clipseek.errors import VideoNotFound
from clipseek.ingest.fates import Report, reason_of
from clipseek.ingest.steps import Ended
from clipseek.ingest.tools import Tools
from clipseek.sources import Source
from clipseek.texts.producer import Produced, Producer
from clipseek.timed import SUBTITLE, TimedText
from clipseek.types import Field

_NOUNS: dict[Field, tuple[str, str]] = {
    "subtitle": ("subtitle", "subtitles"),
    "speech": ("passage of speech", "passages of speech"),
    "text": ("text in pictures", "texts in pictures"),
}


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads the texts that the tools produce."""

    tools: Tools

    def refreshed(
        self, report: Report, source: Source, stored: Callable[[], Mapping[Field, str]]
    ) -> Report:
        """Read the texts of an indexed video whose stamps differ, and say so in its report."""
        if not self.tools.texts:
            return report
        stamps = stored()
        others = [each for each in self.tools.texts if each.stamp(source) != stamps.get(each.field)]
        if not others:
            return report
        said = [report.reason] if report.reason else []
        by_parts = all(each.field == SUBTITLE for each in others)
        with source.parts() if by_parts else source.open() as file:
            for each in others:
                made = _produced(each, source, file.fileno(), report.duration)
                if not made.text.stamp:
                    said.append(made.problem)  # what was read before stays
                    continue
                try:
                    self.tools.catalog.put_text(self.tools.collection, report.id, made.text)
                except VideoNotFound:
                    return report  # it was removed at this very moment
                if made.text.cues or each.field in stamps:
                    said.append(_were_read(len(made.text.cues), each.field))
                if made.problem:
                    said.append(made.problem)
        return replace(report, reason="; ".join(said))

    def renewed(self, report: Report, source: Source) -> Report:
        """Do the same for a source that was recognised by its content, unless it is a copy."""
        if not self.tools.texts or report.path != source.uri:
            return report
        catalog, collection = self.tools.catalog, self.tools.collection
        video = catalog.videos_by_id(collection, [report.id]).get(report.id)
        if video is None or video.uri != source.uri:
            return report
        stamps = catalog.text_stamps(collection, [report.id]).get(report.id, {})
        return self.refreshed(report, source, lambda: stamps)


def added(
    producers: Sequence[Producer],
    ended: Ended,
    source: Source,
    descriptor: int,
    *,
    has_subtitles: bool,
) -> Ended:
    """Return the end of a video with its texts, and what of them could not be read."""
    made = [
        _produced(each, source, descriptor, ended.duration, has_streams=has_subtitles)
        for each in producers
    ]
    problem = "; ".join(each.problem for each in made if each.problem)
    return replace(ended, texts=tuple(each.text for each in made), problem=problem)


def _produced(
    producer: Producer,
    source: Source,
    descriptor: int,
    duration: float,
    *,
    has_streams: bool | None = None,
) -> Produced:
    """Return what a producer reads; where it fails, nothing, and the next ingest tries again.

    Raises:
        ClipseekError: as `fates.reason_of` does.
    """
    try:
        return producer.produce(source, descriptor, duration=duration, has_streams=has_streams)
    except Exception as error:  # noqa: BLE001  the video has its pictures, whatever fails here
        problem = f"its {_NOUNS[producer.field][1]} cannot be read: {reason_of(error, source.uri)}"
        return Produced(TimedText(producer.field, "", ()), problem)


def _were_read(count: int, field: Field) -> str:
    one, more = _NOUNS[field]
    return f"1 {one} was read" if count == 1 else f"{count} {more} were read"
