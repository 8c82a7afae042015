"""What texts mean: those that a sentence model has not read yet are embedded from the catalog."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clipseek.errors import VideoNotFound
from clipseek.protocols import CatalogWriter, SentenceEmbedder
from clipseek.texts.meanings import STORED
from clipseek.texts.passages import passages
from clipseek.timed import Meaning, TimedText


@dataclass(frozen=True, slots=True)
class MeaningReader:
    """Lets a sentence model read the texts of a collection; no video is opened for that."""

    catalog: CatalogWriter
    model: SentenceEmbedder

    def read(self, collection: str, video_ids: Sequence[str] | None = None) -> Iterator[TimedText]:
        """Embed the texts that this model has not read, of all videos or of some; yield each.

        Each is a change of its own, so what is done stays done, however this ends. A text that
        another process replaces in between is read again, as its stamp says, by the next ingest.
        """
        unread = [
            (video_id, text)
            for video_id, text in self.catalog.texts(collection, video_ids=video_ids)
            if text.cues and not self._has_read(text)
        ]
        for video_id, text in unread:
            said = [passage.text for passage in passages(text.cues)]
            vectors = self.model.embed_passages(said).astype(STORED)
            read = replace(text, meaning=Meaning(self.model.fingerprint, vectors.tobytes()))
            try:
                self.catalog.put_text(collection, video_id, read)
            except VideoNotFound:
                continue  # it was removed at this very moment
            yield read

    def _has_read(self, text: TimedText) -> bool:
        """Whether there is a vector of this model for each passage, as passages are made now."""
        if text.meaning is None or text.meaning.model != self.model.fingerprint:
            return False
        size = len(passages(text.cues)) * self.model.dim * np.dtype(STORED).itemsize
        return len(text.meaning.vectors) == size
