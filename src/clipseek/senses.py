"""What the sentences of queries mean by a sentence model, if one is set."""

from collections.abc import Mapping, Sequence

from clipseek.cache import TextVectors
from clipseek.parts import Text
from clipseek.protocols import SentenceEmbedder
from clipseek.query import Query
from clipseek.texts.meanings import Sense


class Senses:
    """Embeds what queries ask of words. Thread-safe."""

    def __init__(self, model: SentenceEmbedder | None, texts: TextVectors) -> None:
        self.model = model
        self._texts = texts

    @property
    def fingerprint(self) -> str:
        """What answers depend on: the model, or nothing."""
        return "" if self.model is None else self.model.fingerprint

    def of(self, queries: Sequence[Query]) -> Mapping[str, Sense]:
        """Return for each sentence that is searched in words what it means, by its text.

        All are embedded together. One in which the model reads nothing, such as "???", means
        nothing.
        """
        sentences = {
            part.text
            for query in queries
            if query.asks_text
            for parts in query.steps
            for part in parts
            if isinstance(part, Text)
        }
        if self.model is None or not sentences:
            return {}
        asked = sorted(sentences)
        read = self._texts.embed(self.model, asked)
        return {
            text: Sense(self.model.fingerprint, vector, self.model.relevance)
            for text, vector, end in zip(asked, read.vectors, read.ends, strict=True)
            if end != 0
        }
