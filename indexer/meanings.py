"""Lets the sentence model read the texts that it has not read yet, if one is set."""

from collections.abc import Sequence

from clipseek.ingest.meanings import MeaningReader
from clipseek.service import WritingService


def read_meanings(
    service: WritingService, collection: str, video_ids: Sequence[str] | None = None
) -> int:
    """Embed the texts of all videos or of some, and return how many that were.

    Raises:
        ConfigError: the model cannot be loaded.
    """
    model = service.searcher.senses.model
    if model is None:
        return 0
    return sum(1 for _ in MeaningReader(service.catalog, model).read(collection, video_ids))
