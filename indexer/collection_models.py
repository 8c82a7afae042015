"""The models of the collections that jobs index into; those that were used last stay loaded."""

import threading

from clipseek.assembly import PictureSource, load_model
from clipseek.embedding.precision import split
from clipseek.errors import CollectionNotFound
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.types import Collection
from indexer.output import note
from indexer.rescoring import rescore

LOADED = 2
"""Models that stay loaded; a model may have 2 GB."""


class CollectionModels:
    """Loads the model of a collection, once for jobs that follow each other. Thread-safe."""

    def __init__(self, service: WritingService) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._loaded: dict[str, Model] = {}

    def get(self, collection: str, pictures: PictureSource) -> tuple[Collection, Model]:
        """Return a collection, made if it is missing, and its model.

        Raises:
            ModelMismatch: the model of this name has other weights than those indexed with.
            ConfigError: there is no such model, or its weights are not available.
        """
        catalog = self._service.catalog
        with self._lock:
            model = self._model(collection, pictures)
            embedder = model.embedder
            found = catalog.ensure_collection(
                collection, model.name, embedder.dim, embedder.fingerprint, model.scoring
            )
            rescore(catalog, found.name, model, note)
        return found, model

    def _model(self, collection: str, pictures: PictureSource) -> Model:
        settings = self._service.settings
        try:
            name = self._service.catalog.collection(collection).model
        except CollectionNotFound:
            precision = None if settings.precision == "fp32" else settings.precision
            model = load_model(
                settings, settings.model, precision=precision, pictures=pictures, report=note
            )
        else:
            found = self._loaded.pop(name) if name in self._loaded else None
            model = found or load_model(
                settings, name, precision=split(name)[1], when="used", report=note
            )
        self._loaded[model.name] = model  # the last one
        for oldest in list(self._loaded)[:-LOADED]:
            del self._loaded[oldest]
        return model
