"""Where the steps of an ingest run: in threads of this process, or on Ray."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any

from clipseek.assembly import load_model, open_places
from clipseek.config import Settings
from clipseek.embedding.precision import split
from clipseek.errors import ConfigError, ModelMismatch
from clipseek.ingest import Options, Tools
from clipseek.ingest.passing import Gear, Pass
from clipseek.producers import open_texts
from clipseek.protocols import Embedder
from clipseek.types import Collection
from clipseek.video.opening import video_opener


@contextmanager
def runner(settings: Settings) -> Iterator[None]:
    """Start or reach what the steps run on, if it is not this process.

    Raises:
        ConfigError: the runner is not installed, or a setting belongs to another one.
        ServiceUnavailable: it cannot be reached.
    """
    if settings.runner == "threads":
        if settings.ray_address is not None:
            raise ConfigError(
                f"--address {settings.ray_address} is an address of Ray, and the runner is "
                "threads; add `--runner ray`, or leave it out"
            )
        yield
        return
    with ray_of(settings).cluster.Cluster(
        settings.ray_address, cpus=settings.workers + settings.ray_embedders
    ):
        yield


def passes(
    settings: Settings, tools: Tools, options: Options, stop: threading.Event
) -> AbstractContextManager[Pass | None]:
    """Return what reads sources elsewhere; None if they are read in this process."""
    if settings.runner == "threads":
        return nullcontext()
    opened: AbstractContextManager[Pass] = ray_of(settings).RayPasses(
        _equipment(settings, tools.catalog.collection(tools.collection)),
        options,
        stop,
        embedders=settings.ray_embedders,
        gpus=settings.ray_gpus,
    )
    return opened


def _equipment(settings: Settings, collection: Collection) -> Any:
    """Return what workers of Ray make their tools from.

    No secret is sent to them, except the token of the server that embeds, if there is one.
    """
    secrets = settings.secrets() - {"embedder_token"}
    plain = settings.model_copy(update=dict.fromkeys(secrets) | {"workers": 1})
    return ray_of(settings).Equipment(
        partial(_gear, plain, collection), partial(_embedder, plain, collection)
    )


def _gear(settings: Settings, collection: Collection) -> Gear:
    opener = video_opener(settings)
    embedder = _embedder(settings, collection)
    places = open_places(settings)
    return Gear(opener, embedder, places, open_texts(settings, opener, places))


def _embedder(settings: Settings, collection: Collection) -> Embedder:
    """Return the embedder that a collection is indexed with; raise ModelMismatch."""
    name = collection.model
    model = load_model(
        settings, name, precision=split(name)[1], when="used", report=lambda _step: None
    )
    found = model.embedder.fingerprint
    if found != collection.fingerprint:
        raise ModelMismatch(collection.name, name, name, weights=(collection.fingerprint, found))
    return model.embedder


def ray_of(settings: Settings) -> ModuleType:
    """Return the module that runs steps on Ray; raise ConfigError if Ray is not installed."""
    # Ray reads these when it is imported: nothing is reported to its makers, and a Ray of this
    # machine alone listens on loopback alone.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if settings.ray_address is None:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        from clipseek.ingest import ray
    except ImportError as error:
        raise ConfigError(
            f"--runner ray needs the package {error.name}; install the extra: "
            "`pip install 'clipseek[ray]'`, or use `--runner threads`"
        ) from error
    return ray
