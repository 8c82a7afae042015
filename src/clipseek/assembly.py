"""The only place that knows all implementations: it builds them from the settings."""

import hashlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek import belonging, snapshot, video
from clipseek.cache import LocalCache, NoCache, TieredCache
from clipseek.catalog import SqlCatalog, database
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.embedding import precision as precisions
from clipseek.embedding.bundle import BANK, MANIFEST, TEXT, VISUAL, Bundle
from clipseek.embedding.later import LaterEmbedder
from clipseek.embedding.onnx import OnnxEmbedder
from clipseek.embedding.pixels import fit
from clipseek.embedding.precision import Choice
from clipseek.errors import ConfigError, ModelMismatch, NothingIndexed, ServiceUnavailable
from clipseek.model import Model
from clipseek.protocols import Cache, Catalog, Embedder, FrameSourceOpener
from clipseek.search import Searcher
from clipseek.snapshot import Manifest
from clipseek.thumbnails import Thumbnails
from clipseek.types import Collection

log = logging.getLogger(__name__)

PictureSource = Callable[
    [Callable[[NDArray[np.uint8]], NDArray[np.uint8]], int, int], NDArray[np.uint8]
]
"""Reads pictures: takes what fits them to a model, its side in pixels, and how many at most."""


@dataclass(frozen=True, slots=True)
class Service:
    """The opened store and the searcher over it: what both applications work with."""

    settings: Settings
    catalog: Catalog
    searcher: Searcher
    thumbnails: Thumbnails
    cache: Cache = field(default_factory=NoCache)

    def close(self) -> None:
        """Stop the searcher's thread and give back connections."""
        self.searcher.close()
        self.cache.close()
        self.catalog.close()


def open_service(settings: Settings, *, read_only: bool = False) -> Service:
    """Open the catalog, made if it is missing, and what reads it.

    Raises:
        ConfigError: the URL of Redis is wrong, or the data folder belongs to another catalog. A
            Redis that cannot be reached is no error.
        CatalogOutdated: the database has another schema.
        ServiceUnavailable: the database or the data folder cannot be reached or written.
    """
    cache = open_cache(settings)
    read_only = read_only or is_read_only(settings)
    if not read_only:
        _make_folder(settings.data_dir)
        if settings.database_url is None and not has_catalog(settings):
            _require_writable(settings.data_dir)
    catalog = SqlCatalog.open(
        settings.catalog_url, read_only=read_only, up_within_s=settings.database_wait_s
    )
    try:
        mine = belonging.Owner(catalog.identity(), embedded=settings.database_url is None)
        writable = os.access(settings.data_dir, os.W_OK)
        belonging.claim(settings.data_dir, mine, writable=writable)
    except BaseException:
        catalog.close()
        raise
    searcher = Searcher(
        catalog,
        settings.snapshot_root,
        partial(load_collection_model, settings),
        refresh_s=settings.refresh_s,
        stale_s=settings.stale_s,
        cache=cache,
        cache_ttl_s=settings.cache_ttl_s,
        on_gpu=settings.device == "cuda",
    )
    return Service(settings, catalog, searcher, Thumbnails(settings.thumbnail_root), cache)


def open_cache(settings: Settings) -> Cache:
    """Return a cache in the process, before Redis where the settings name one.

    Raises:
        ConfigError: the URL of Redis is wrong.
    """
    local = LocalCache(settings.cache_entries, settings.cache_bytes)
    if settings.redis_url is None:
        return local
    # redis-py takes 0.1 s to import, which who has no Redis need not wait for.
    from clipseek.cache.redis import RedisCache

    url = settings.redis_url.get_secret_value()
    redis = RedisCache(url, secret=_cache_secret(settings), timeout_s=settings.redis_timeout_s)
    return TieredCache(local, redis)


def _cache_secret(settings: Settings) -> bytes:
    """Return what entries in Redis are sealed with: 64 bytes that whoever writes there cannot know.

    Without a secret of its own, it is made from the password of the database, which replicas share
    too; slowly, as a password may be guessed (scrypt, RFC 7914: 16 MB, some 50 ms).
    """
    if settings.cache_secret is not None:
        return hashlib.blake2b(settings.cache_secret.get_secret_value().encode()).digest()
    password = database.password_of(settings.catalog_url)
    if password:
        return hashlib.scrypt(
            password.encode(), salt=b"clipseek cache", n=2**14, r=8, p=1, dklen=64
        )
    log.warning(
        "replicas do not share answers in Redis, because anybody who can write there could forge "
        "them: set CLIPSEEK_CACHE_SECRET to the same random text for all replicas"
    )
    return os.urandom(64)


def open_existing(settings: Settings) -> Service:
    """Open a catalog that is there already: looking at a folder does not make one in it.

    Raises:
        NothingIndexed: there is no catalog yet.
    """
    if settings.database_url is None and not has_catalog(settings):
        raise NothingIndexed(settings.collection)
    return open_service(settings)


def is_read_only(settings: Settings) -> bool:
    """Whether the catalog is a file that can be read here and not written, as on such a mount.

    What only reads works then; what writes is refused by the database itself.
    """
    url = settings.catalog_url
    if not url.startswith(database.SQLITE):
        return False
    file = Path(url.removeprefix(database.SQLITE)).absolute()
    return file.exists() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def has_catalog(settings: Settings) -> bool:
    """Whether the data folder holds a catalog of its own.

    Raises:
        ServiceUnavailable: the folder cannot be looked at, so there may be one.
    """
    try:
        (settings.data_dir / "catalog.db").stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ServiceUnavailable(
            f"the data folder {settings.data_dir} cannot be read: {error.strerror}; {_WRITABLE}"
        ) from error
    return True


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
        settings: Where models lie, and the threads they get.
        name: As `models.resolve` takes it.
        checkpoint: Local weights of the architecture that `name` names.
        precision: The one wanted of a model in fp32; None takes the model as it is named.
        pictures: Reads real pictures, where a precision has to be measured.
        when: Its visual tower is checked and its weights are read: now, or with the first picture.
        report: Is told each step of an export.

    Raises:
        ConfigError: no such model, its weights cannot be had, or the precision cannot be.
    """
    bundle = models.resolve(name, settings.data_dir, checkpoint=checkpoint, report=report)
    at_path = checkpoint is None and (Path(name) / MANIFEST).is_file()
    known_as = str(Path(name).absolute()) if at_path else bundle.name
    found = bundle
    if precision not in (None, "auto", bundle.precision) or bundle.precision == "fp32":
        found = _in_precision(settings, bundle, precision or "fp32", pictures, report)
    name = known_as if found is bundle else found.name
    if when == "used":
        load = partial(_embedder, settings, found)
        return _model(found, name, LaterEmbedder(found, load))
    found.file(VISUAL)
    return _model(found, name, _embedder(settings, found))


def _in_precision(
    settings: Settings,
    bundle: Bundle,
    precision: Choice,
    pictures: PictureSource | None,
    report: Callable[[str], None],
) -> Bundle:
    """Return a model's bundle in a precision, made and measured where it is not here yet."""
    if precision == bundle.precision:
        return bundle
    if bundle.precision != "fp32":
        raise ConfigError(
            f"the bundle {bundle.name!r} is in {bundle.precision}; name the model in fp32, as in "
            f"`--model {precisions.split(bundle.name)[0]} --precision {precision}`"
        )
    bundle.check()
    # The quantiser and OpenVINO are looked for only where a precision is asked for.
    from clipseek.embedding import variant

    def shown(count: int) -> NDArray[np.uint8]:
        if pictures is None:
            return np.empty((0, 0, 0, 3), np.uint8)
        return pictures(partial(fit, recipe=bundle.recipe), bundle.image_size, count)

    return variant.resolve(
        bundle,
        settings.data_dir,
        precision,
        captions=models.bank_captions(),
        pictures=shown,
        threads=settings.threads,
        report=report,
    )


def load_collection_model(settings: Settings, collection: Collection) -> Model:
    """Load the very model that a collection is indexed with; never exports one.

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
    bundle.file(TEXT)
    return _model(bundle, collection.model, _embedder(settings, bundle))


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


def _embedder(settings: Settings, bundle: Bundle) -> Embedder:
    """Return what runs the bundle: its towers, or on a GPU the weights that they came from."""
    if settings.device == "cpu":
        return OnnxEmbedder(bundle, threads=settings.threads)
    architecture, _, tag = bundle.name.partition("/")
    if bundle.precision != "fp32" or not tag:
        raise ConfigError(
            f"device cuda takes a model of open_clip's list in fp32, and {bundle.name!r} is none; "
            "set CLIPSEEK_DEVICE=cpu, or name another model (`indexer models` prints them)"
        )
    # torch takes seconds to import, which who has no GPU need not wait for.
    from clipseek.embedding.openclip import OpenClipEmbedder

    return OpenClipEmbedder.open(
        architecture, pretrained=tag, device=settings.device, fingerprint=bundle.fingerprint
    )


def build_snapshot(service: Service, name: str) -> Manifest:
    """Publish a snapshot of a collection as it is now.

    The model's bank stands for what users will ask, where the index is tuned to its recall.
    """
    settings = service.settings
    collection = service.catalog.collection(name)

    def bank() -> NDArray[np.float32]:
        return models.resolve(collection.model, settings.data_dir, export=False).bank()

    return snapshot.build(
        service.catalog, settings.snapshot_root, name, queries=bank, kind=settings.index
    )


def video_opener(settings: Settings, stop: threading.Event | None = None) -> video.Confined:
    """Return what opens video files: the reader that the settings name, in child processes.

    Close it. What it reads ends with an error once `stop` is set.

    Raises:
        ConfigError: decord is asked for and not installed.
    """
    limits = video.Limits(
        frame_pixels=settings.max_frame_pixels,
        frame_rate=settings.max_frame_rate,
        frame_s=settings.max_frame_s,
        decode_s=settings.max_decode_s,
        memory_bytes=settings.max_decode_bytes,
    )
    return video.Confined(_reader(settings), limits=limits, workers=settings.workers, stop=stop)


def _reader(settings: Settings) -> FrameSourceOpener:
    """Return the reader that the settings name."""
    pixels = settings.max_frame_pixels
    try:
        if settings.decoder == "decord":
            return partial(video.DecordFrames, max_pixels=pixels)
        return partial(video.PyAVFrames, decode=settings.decode, max_pixels=pixels)
    except ImportError as error:
        raise ConfigError(
            f"CLIPSEEK_DECODER={settings.decoder} needs the package {error.name}; "
            f"`pip install clipseek[{settings.decoder}]`, or use the other reader"
        ) from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceUnavailable(
            f"the data folder {path} cannot be made: {error.strerror}; {_WRITABLE}"
        ) from error


def _require_writable(path: Path) -> None:
    """Raise before SQLite does, which only says that it cannot open the file."""
    effective = os.access in os.supports_effective_ids
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=effective):
        raise ServiceUnavailable(f"the data folder {path} cannot be written; {_WRITABLE}")


_WRITABLE = "set CLIPSEEK_DATA_DIR or --data-dir to a folder that this user may write"
