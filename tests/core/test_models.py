"""Models are unloaded where nobody asks for them, and loaded again where somebody does."""

from dataclasses import replace

import pytest

from clipseek.errors import ConfigError
from clipseek.library.models import Models
from clipseek.model import Model
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection
from tests.clock import Clock
from tests.core.test_search import EMBEDDER, MODEL

IDLE_S = 60.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the models."""
    clock = Clock(100.0)
    monkeypatch.setattr("clipseek.library.models.monotonic", clock)
    return clock


@pytest.fixture
def collection() -> Collection:
    """A collection of the toy model."""
    catalog = MemoryCatalog()
    return catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)


class Loads:
    """Loads the toy model, and notes for which collections; or fails, where it is told to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.error: ConfigError | None = None

    def __call__(self, collection: Collection) -> Model:
        """Return the model."""
        self.names.append(collection.name)
        if self.error is not None:
            raise self.error
        return MODEL


@pytest.fixture
def loads() -> Loads:
    """What loads models."""
    return Loads()


def test_a_model_that_nobody_asks_for_is_unloaded(
    clock: Clock, collection: Collection, loads: Loads
) -> None:
    """The next search loads it again; each search restarts the count."""
    models = Models(loads, idle_s=IDLE_S)
    models.get(collection)
    for _ in range(3):
        clock.now += IDLE_S
        models.sweep()
        assert models.is_loaded(collection)
        models.get(collection)
    assert loads.names == ["default"]
    clock.now += IDLE_S + 1
    models.sweep()
    assert not models.is_loaded(collection)
    assert models.get(collection) is MODEL
    assert models.is_loaded(collection)
    assert loads.names == ["default"] * 2


def test_models_stay_where_no_limit_is_set(
    clock: Clock, collection: Collection, loads: Loads
) -> None:
    """As they do by default."""
    models = Models(loads)
    models.get(collection)
    clock.now += 1e6
    models.sweep()
    assert models.is_loaded(collection)


def test_a_probe_does_not_load_what_was_unloaded(
    clock: Clock, collection: Collection, loads: Loads
) -> None:
    """It loads a model the first time, and does not count as a search afterwards."""
    models = Models(loads, idle_s=IDLE_S)
    models.warm(collection)
    for _ in range(3):
        clock.now += IDLE_S / 2
        models.warm(collection)
        models.sweep()
    models.warm(collection)
    assert not models.is_loaded(collection)
    assert models.is_known(collection)
    assert loads.names == ["default"]


@pytest.mark.parametrize("before", [False, True], ids=["never loaded", "unloaded"])
def test_a_model_that_cannot_be_loaded_is_tried_again_by_each_probe(
    clock: Clock, collection: Collection, loads: Loads, before: bool
) -> None:
    """Its bundle may come to this machine, or be gone from it, at any time."""
    models = Models(loads, idle_s=IDLE_S)
    if before:
        models.get(collection)
        clock.now += IDLE_S + 1
        models.sweep()
    loads.error = ConfigError("there is no bundle of model toy")
    with pytest.raises(ConfigError):
        models.get(collection)
    assert not models.is_known(collection)
    with pytest.raises(ConfigError):
        models.warm(collection)
    loads.error = None
    models.warm(collection)
    assert models.is_loaded(collection)


def test_models_are_kept_by_fingerprint(collection: Collection, loads: Loads) -> None:
    """Two collections of one model share it; one of another model has its own."""
    models = Models(loads)
    models.get(collection)
    models.get(replace(collection, name="archive"))
    models.get(replace(collection, name="other", fingerprint="another"))
    assert loads.names == ["default", "other"]
