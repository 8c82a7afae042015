"""The models that collections are searched with: loaded when they are needed, unloaded when not."""

import logging
from collections.abc import Callable
from time import monotonic

from clipseek.cache import SingleFlight
from clipseek.model import Model
from clipseek.types import Collection, Scoring

log = logging.getLogger(__name__)


class Models:
    """Loads each model at its first use; only searches that need a model wait for it.

    `sweep` unloads a model that no search has used for `idle_s`, and the next search that needs it
    loads it again; with 0, models stay loaded. Thread-safe.
    """

    def __init__(self, load: Callable[[Collection], Model], *, idle_s: float = 0.0) -> None:
        """Keep `load`, which turns a collection into its model."""
        self._load = load
        self._idle_s = idle_s
        self._loaded: dict[str, Model] = {}
        self._loading: SingleFlight[Model] = SingleFlight()
        self._asked: dict[str, float] = {}
        self._unloaded: set[str] = set()
        self._told: set[tuple[str, Scoring | None]] = set()

    def get(self, collection: Collection) -> Model:
        """Return a collection's model, loaded unless it is.

        Callers that ask for a model while it is being loaded get the same model or error.

        Raises:
            ClipseekError: as `load` does.
        """
        key = collection.fingerprint
        self._asked[key] = monotonic()
        model = self._loaded.get(key)
        if model is None:
            model = self._loading.run(key, lambda: self._loaded_now(collection))
        self._tell_of_other_scoring(collection, model)
        return model

    def _loaded_now(self, collection: Collection) -> Model:
        key = collection.fingerprint
        model = self._loaded.get(key)
        if model is None:
            try:
                model = self._loaded[key] = self._load(collection)
            finally:
                # If that fails, the next probe tries again, and says so.
                self._unloaded.discard(key)
        return model

    def warm(self, collection: Collection) -> None:
        """Load a collection's model, unless it was loaded before; raise as `get` does.

        A model that was unloaded is not loaded, because a probe of readiness is not a search.
        """
        if not self.is_known(collection):
            self.get(collection)

    def is_loaded(self, collection: Collection) -> bool:
        """Whether `get` would return at once."""
        return collection.fingerprint in self._loaded

    def is_known(self, collection: Collection) -> bool:
        """Whether the model is loaded, or was until it was unloaded."""
        return self.is_loaded(collection) or collection.fingerprint in self._unloaded

    def sweep(self) -> None:
        """Unload models that no search has used lately; a search that uses one now keeps it."""
        if not self._idle_s:
            return
        now = monotonic()
        for key, asked in list(self._asked.items()):
            if key in self._loaded and now - asked > self._idle_s:
                self._unloaded.add(key)
                name = self._loaded.pop(key).name
                log.info("model %s is unloaded after %.0f s without a search", name, now - asked)

    def _tell_of_other_scoring(self, collection: Collection, model: Model) -> None:
        """Say once that a collection is judged by something else than its model has now."""
        if collection.scoring in (None, model.scoring):
            return
        told = collection.name, collection.scoring
        if told not in self._told:
            self._told.add(told)
            log.warning(
                "collection %s uses another bank or other constants than its model %s has "
                "now; `indexer calibrate --collection %s` applies those",
                collection.name,
                collection.model,
                collection.name,
            )
