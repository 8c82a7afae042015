"""The only place that knows all implementations: it builds them from the settings."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek import belonging, publishing
from clipseek.buckets import SCHEMES as OBJECT_SCHEMES
from clipseek.caches import open_cache
from clipseek.catalog import SqlCatalog, SqlKeyReader, SqlKeys, SqlReader, database, migrating
from clipseek.config import Settings, is_private_url
from clipseek.datafolder import holds, make_folder, require_writable
from clipseek.embedding import models, sentences
from clipseek.embedding import precision as precisions
from clipseek.embedding.bundle import BANK, MANIFEST, Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.pixels import prepare
from clipseek.embedding.precision import Choice
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.towers.remote import Address, on_server
from clipseek.errors import (
    CatalogOutdated,
    ConfigError,
    ModelMismatch,
    NoCatalog,
    NothingIndexed,
)
from clipseek.indexes import open_indexes, open_serving
from clipseek.library.collections import Collections
from clipseek.library.models import Models
from clipseek.library.views import Views
from clipseek.model import Model
from clipseek.protocols import Cache, CatalogReader, Embedder
from clipseek.publishing import Beside, Manifest, Serving, none_beside
from clipseek.search import Searcher
from clipseek.service import Service, WritingService
from clipseek.sources import LOCAL, LocalDisk, Place, Places
from clipseek.sources.fetching import FetchLimits
from clipseek.sources.guard import Guard
from clipseek.sources.keeping import Keeping
from clipseek.sources.remote import ObjectStores
from clipseek.sources.web import SCHEMES as WEB_SCHEMES
from clipseek.sources.web import Web
from clipseek.stores import open_thumbnails
from clipseek.types import Collection
from clipseek.uploads import Bounds, Uploads

log = logging.getLogger(__name__)

PictureSource = Callable[
    [Callable[[NDArray[np.uint8]], NDArray[np.uint8]], int, int], NDArray[np.uint8]
]
"""Reads pictures: takes what fits them to a model, its side in pixels, and how many at most."""


PLACES: dict[str, Callable[[Settings], Place]] = {
    LOCAL: lambda _settings: LocalDisk(),
    **dict.fromkeys(OBJECT_SCHEMES, lambda settings: ObjectStores(_keeping(settings))),
    **dict.fromkeys(
        WEB_SCHEMES, lambda settings: Web(*fetch_rules(settings), keeping=_keeping(settings))
    ),
}
"""The kinds of places that videos are read from, by the schemes of their uris."""


def open_service(settings: Settings, *, is_brief: bool = False) -> Service:
    """Open what reads, by SELECT alone; nothing is written. `is_brief` as in `towers.on_cpu`.

    A catalog that is not there yet is not an error: it counts as empty until it is there. Neither
    is one of another revision: each use of it raises CatalogOutdated until `indexer migrate` ran.

    Raises:
        ConfigError: the URL of Redis is wrong, or the data folder belongs to another catalog. A
            Redis that cannot be reached is not an error.
        ServiceUnavailable: the database cannot be reached, or the data folder not be read.
    """
    cache = open_cache(settings)
    # What is in a folder that cannot be looked at would count as missing.
    holds(settings.data_dir, belonging.MARK)
    catalog = SqlReader.open(settings.catalog_url, up_within_s=settings.database_wait_s)
    serving = open_serving(settings)
    searcher = _searcher(settings, catalog, cache, serving, is_brief=is_brief)
    thumbnails = open_thumbnails(settings, identity=catalog.identity)
    indexes = open_indexes(settings, identity=catalog.identity, serving=serving)
    keys = SqlKeyReader(catalog.database)
    places = open_places(settings)
    service = Service(
        *(settings, catalog, searcher, thumbnails, indexes, places, cache, keys), serving=serving
    )
    with _closed_on_error(service), suppress(CatalogOutdated):
        service.check()
    return service


def open_existing(settings: Settings, *, is_brief: bool = False) -> Service:
    """Open a catalog that must be there, to read it; `is_brief` as in `towers.on_cpu`.

    Raises:
        NothingIndexed: there is no catalog yet.
        CatalogOutdated: it has another revision.
        ConfigError, ServiceUnavailable: as `open_service` does.
    """
    service = open_service(settings, is_brief=is_brief)
    with _closed_on_error(service):
        try:
            service.owner()
        except NoCatalog:
            raise NothingIndexed(settings.collection) from None
    return service


def open_writer(settings: Settings, *, create: bool = False) -> WritingService:
    """Open a catalog to write it; `create` makes one if there is none.

    Raises:
        NothingIndexed: there is no catalog, and `create` is false.
        CatalogOutdated: it has another revision.
        ConfigError: as `open_service` does.
        ServiceUnavailable: the database or the data folder cannot be reached or written.
    """
    cache = open_cache(settings)
    if create:
        make_folder(settings.data_dir)
    if settings.database_url is None and not has_catalog(settings):
        if not create:
            raise NothingIndexed(settings.collection)
        require_writable(settings.data_dir)
    try:
        catalog = SqlCatalog.open(
            settings.catalog_url, create=create, up_within_s=settings.database_wait_s
        )
    except NoCatalog:
        raise NothingIndexed(settings.collection) from None
    serving = open_serving(settings)
    searcher = _searcher(settings, catalog, cache, serving, is_brief=False)
    thumbnails = open_thumbnails(settings, identity=catalog.identity)
    indexes = open_indexes(settings, identity=catalog.identity, serving=serving)
    places = open_places(settings)
    service = WritingService(
        *(settings, catalog, searcher, thumbnails, indexes, places, cache), serving=serving
    )
    with _closed_on_error(service):
        service.claim()
    return service


def open_keys(settings: Settings) -> SqlKeys:
    """Open the keys to write them; a catalog is made if there is none. Close them.

    Raises:
        CatalogOutdated, ConfigError, ServiceUnavailable: as `open_writer` does.
    """
    open_writer(settings, create=True).close()
    return SqlKeys(database.Database.at(settings.catalog_url, create=False))


def revisions(settings: Settings) -> migrating.Revisions:
    """Look which revision the catalog is at; as `migrating.revisions`."""
    return migrating.revisions(settings.catalog_url, up_within_s=settings.database_wait_s)


def migrate(settings: Settings) -> migrating.Revisions:
    """Bring the catalog to this release's revision; as `migrating.migrate`."""
    return migrating.migrate(settings.catalog_url, up_within_s=settings.database_wait_s)


def _searcher(
    settings: Settings, catalog: CatalogReader, cache: Cache, serving: Serving, *, is_brief: bool
) -> Searcher:
    indexes = open_indexes(settings, identity=catalog.identity, serving=serving)
    views = Views(catalog, indexes, refresh_s=settings.refresh_s, stale_s=settings.stale_s)
    load = partial(load_collection_model, settings, is_brief=is_brief)
    loaded = Models(load, idle_s=settings.model_idle_s)
    collections = Collections(catalog, views, loaded, refresh_s=settings.refresh_s)
    ttl_s, model = settings.cache_ttl_s, sentences.opened(settings.sentence_model, settings.threads)
    return Searcher(
        collections,
        cache=cache,
        cache_ttl_s=ttl_s,
        sentences=model,
        without_shards=settings.shard_missing == "answer",
    )


@contextmanager
def _closed_on_error(service: Service) -> Iterator[None]:
    try:
        yield
    except BaseException:
        service.close()
        raise


def has_catalog(settings: Settings) -> bool:
    """Whether the data folder contains a catalog.

    Raises:
        ServiceUnavailable: the folder cannot be looked at, so there may be one.
    """
    return holds(settings.data_dir, "catalog.db")


def load_model(
    settings: Settings,
    name: str,
    *,
    checkpoint: Path | None = None,
    precision: Choice | None = None,
    pictures: PictureSource | None = None,
    when: Literal["now", "used"] = "now",
    report: Callable[[str], None],
) -> Model:
    """Load a model by name; with the extra `models`, one that is not here yet is exported first.

    Args:
        settings: Where models are, and how many threads they get.
        name: As `models.resolve` takes it.
        checkpoint: Local weights of the architecture that `name` names.
        precision: The one wanted of a model in fp32; None takes the model as it is named.
        pictures: Reads real pictures, if a precision has to be measured.
        when: Its visual tower is checked and its weights are read: now, or with the first picture.
        report: Is called with each step of an export.

    Raises:
        ConfigError: no such model, its weights are not available, or the precision is not possible.
    """
    bundle = models.resolve(name, settings.data_dir, checkpoint=checkpoint, report=report)
    at_path = checkpoint is None and (Path(name) / MANIFEST).is_file()
    known_as = str(Path(name).absolute()) if at_path else bundle.name
    found = bundle
    if precision not in (None, "auto", bundle.precision) or bundle.precision == "fp32":
        found = _in_precision(settings, bundle, precision or "fp32", pictures, report)
    name = known_as if found is bundle else found.name
    embedder = _embedder(settings, found)
    if when == "now":
        embedder.check_images()
    return _model(found, name, embedder)


def _in_precision(
    settings: Settings,
    bundle: Bundle,
    precision: Choice,
    pictures: PictureSource | None,
    report: Callable[[str], None],
) -> Bundle:
    """Return a model's bundle in a precision, made and measured if it is missing."""
    if precision == bundle.precision:
        return bundle
    if bundle.precision != "fp32":
        raise ConfigError(
            f"the bundle {bundle.name!r} is in {bundle.precision}; name the model in fp32, as in "
            f"`--model {precisions.split(bundle.name)[0]} --precision {precision}`"
        )
    bundle.check()
    # The quantiser and OpenVINO are imported only if a precision is asked for.
    from clipseek.embedding.precision import variant

    def shown(count: int) -> NDArray[np.uint8]:
        if pictures is None:
            return np.empty((0, 0, 0, 3), np.uint8)
        return pictures(partial(prepare, recipe=bundle.recipe), bundle.image_size, count)

    return variant.resolve(
        bundle,
        settings.data_dir,
        precision,
        captions=models.bank_captions(),
        pictures=shown,
        threads=settings.threads,
        report=report,
    )


def load_collection_model(
    settings: Settings, collection: Collection, *, is_brief: bool = False
) -> Model:
    """Load the very model of a collection; never exports one. `is_brief` as in `towers.on_cpu`.

    Raises:
        ModelMismatch: the model of this name has other weights than those indexed with.
    """
    bundle = bundle_of(settings, collection)
    embedder = _embedder(settings, bundle, is_brief=is_brief)
    embedder.check_texts()
    return _model(bundle, collection.model, embedder)


def bundle_of(settings: Settings, collection: Collection) -> Bundle:
    """Return the very bundle that a collection is indexed with; never exports one.

    Raises:
        ModelMismatch: the model of this name has other weights than those indexed with.
    """
    bundle = models.resolve(collection.model, settings.data_dir, export=False)
    if bundle.fingerprint != collection.fingerprint:
        raise ModelMismatch(
            collection.name,
            collection.model,
            bundle.name,
            weights=(collection.fingerprint, bundle.fingerprint),
        )
    return bundle


def _model(bundle: Bundle, name: str, embedder: Embedder) -> Model:
    return Model(
        name=name,
        embedder=embedder,
        logit_scale=bundle.logit_scale,
        coherence=bundle.coherence,
        relevance=bundle.relevance,
        bank=bundle.bank(),
        logit_bias=bundle.logit_bias,
        bank_hash=bundle.files[BANK],
    )


def _embedder(settings: Settings, bundle: Bundle, *, is_brief: bool = False) -> BundleEmbedder:
    """Return the embedder of a bundle; nothing else decides where its towers run."""
    if settings.embedder_url is not None:
        return on_server(
            bundle,
            _address(settings, settings.embedder_url),
            sends=settings.embedder_sends,
            threads=settings.threads,
        )
    if settings.device == "cpu":
        return on_cpu(bundle, threads=settings.threads, is_brief=is_brief)
    # torch takes seconds to import, which a process without a GPU need not wait for.
    from clipseek.embedding.towers.torch import on_torch

    return on_torch(bundle, device=settings.device, threads=settings.threads)


def _address(settings: Settings, url: str) -> Address:
    """Return where models are embedded; raise ConfigError if others could read the token."""
    token = settings.embedder_token
    if token is not None and not is_private_url(url.replace("grpc", "http", 1)):
        raise ConfigError(
            f"CLIPSEEK_EMBEDDER_TOKEN would be sent to {url} unencrypted; use grpcs:// or "
            "https://, or unset the token"
        )
    return Address(
        url=url,
        batch=settings.embedder_batch,
        deadline_s=settings.embedder_deadline_s,
        ca_file=settings.embedder_ca_file,
        token=None if token is None else token.get_secret_value(),
    )


def build_snapshot(service: WritingService, name: str, beside: Beside = none_beside) -> Manifest:
    """Publish a snapshot of a collection as it is now; see `publishing.build`.

    The model's bank stands in for what users will ask when the index is tuned to its recall.
    """
    settings, collection = service.settings, service.catalog.collection(name)

    def bank() -> NDArray[np.float32]:
        return bundle_of(settings, collection).bank()

    stores, kind, spool = (service.catalog, service.indexes), settings.index, settings.snapshot_root
    return publishing.build(*stores, name, queries=bank, kind=kind, spool=spool, beside=beside)


def open_places(settings: Settings) -> Places:
    """Return the places that videos are read from, by the schemes of their uris."""
    return Places({scheme: make(settings) for scheme, make in PLACES.items()})


def _keeping(settings: Settings) -> Keeping:
    return Keeping(settings.kept_root, settings.fetched_bytes)


def fetch_rules(settings: Settings) -> tuple[Guard, FetchLimits]:
    """Return which URLs are fetched, and how much of them."""
    limits = FetchLimits(settings.max_upload_bytes, settings.max_fetch_s)
    return Guard(settings.fetch_hosts), limits


def open_uploads(settings: Settings) -> Uploads:
    """Return the uploads; nothing is made or written before the first one."""
    bounds = Bounds(
        file_bytes=settings.max_upload_bytes,
        all_bytes=settings.upload_quota_bytes,
        owner_bytes=settings.upload_principal_bytes,
        reserve_bytes=settings.upload_reserve_bytes,
    )
    return Uploads(settings.upload_root, bounds)
