"""Sentences to try first: those of a list that a collection answers well."""

import threading
from collections import defaultdict

from clipseek.errors import ClipseekError
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.types import Hit

SENTENCES = (
    "a red car at night",
    "a dog runs on the beach",
    "a boat on a lake",
    "people dance at a party",
    "a cat in the rain",
    "waves break on the shore",
    "a house in the snow",
    "a train arrives at a station",
    "a bird flies over the mountains",
    "a child rides a bicycle",
    "a yellow car on the road",
    "a person cooks in a kitchen",
    "trees in the forest",
    "a football match in a stadium",
    "a robot in the city",
    "two people talk at a table",
    "fish in the lake",
    "a plane lands",
    "flowers in a meadow",
    "a woman plays the guitar",
    "an umbrella in the rain",
    "a city street at night",
    "balloons in the mountains",
    "a speaker on a stage",
    "a blue ball on the beach",
    "fireworks in the night sky",
    "a white cat in the snow",
    "a close-up of hands at work",
    "a green boat on the lake",
    "a sunset over the sea",
    "a black car in the desert",
    "snow falls on a mountain",
)
"""For real footage and for the demo's world, in turn; what is not shown is not taken."""
LEAST = 0.9
"""Relevance of the best moment of a sentence that is suggested."""
AT_MOST = 4


class Suggestions:
    """Chooses sentences for each collection, once for each of its versions. Thread-safe."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._known: dict[str, tuple[tuple[str, int], list[str]]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, collection: str) -> list[str]:
        """Return up to 4 sentences, or none if the collection shows none of them.

        A collection is not opened for this: until it is open, and while its sentences are chosen
        for another request, the last ones are returned.
        """
        view = self._searcher.collections.opened(collection)
        seen, last = self._known.get(collection, (None, list[str]()))
        if view is None or seen == (view.identity, view.version):
            return last
        choosing = self._locks[collection]
        if not choosing.acquire(blocking=False):
            return last
        try:
            chosen = self._chosen(collection)
            self._known[collection] = (view.identity, view.version), chosen
            return chosen
        finally:
            choosing.release()

    def _chosen(self, collection: str) -> list[str]:
        """Search for all sentences; prefer those that lead to different videos."""
        queries = [Query.of(text, limit=1, collection=collection) for text in SENTENCES]
        best: dict[str, Hit] = {}
        for query, answer in zip(queries, self._searcher.search(queries), strict=True):
            if not isinstance(answer, ClipseekError) and answer.hits:
                best[query.text] = answer.hits[0]
        good = [text for text, hit in best.items() if hit.relevance >= LEAST]
        first = {best[text].video.id: text for text in reversed(good)}
        others = [text for text in good if text not in first.values()]
        chosen = [text for text in good if text in first.values()][:AT_MOST]
        return chosen + others[: AT_MOST - len(chosen)]
