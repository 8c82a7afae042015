"""Models are let go where nobody asks for them, and loaded again where somebody does."""

from collections.abc import Callable
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


@pytest.fixture
def loaded() -> list[str]:
    """The names of the collections that a model was loaded for."""
    return []


@pytest.fixture
def load(loaded: list[str]) -> Callable[[Collection], Model]:
    """Loads, and notes it."""

    def load(collection: Collection) -> Model:
        loaded.append(collection.name)
        return MODEL

    return load


def test_a_model_that_nobody_asks_for_is_let_go(
    clock: Clock,
    collection: Collection,
    loaded: list[str],
    load: Callable[[Collection], Model],
) -> None:
    """The next search loads it again; each search counts from anew."""
    models = Models(load, idle_s=IDLE_S)
    models.get(collection)
    for _ in range(3):
        clock.now += IDLE_S
        models.sweep()
        assert models.is_loaded(collection)
        models.get(collection)
    assert loaded == ["default"]
    clock.now += IDLE_S + 1
    models.sweep()
    assert not models.is_loaded(collection)
    assert models.get(collection) is MODEL
    assert models.is_loaded(collection)
    assert loaded == ["default"] * 2


def test_models_stay_where_no_limit_is_set(
    clock: Clock, collection: Collection, load: Callable[[Collection], Model]
) -> None:
    """As they do by default."""
    models = Models(load)
    models.get(collection)
    clock.now += 1e6
    models.sweep()
    assert models.is_loaded(collection)


def test_a_probe_does_not_load_what_was_let_go(
    clock: Clock,
    collection: Collection,
    loaded: list[str],
    load: Callable[[Collection], Model],
) -> None:
    """It loads a model the first time, and does not count as a search afterwards."""
    models = Models(load, idle_s=IDLE_S)
    models.warm(collection)
    for _ in range(3):
        clock.now += IDLE_S / 2
        models.warm(collection)
        models.sweep()
    models.warm(collection)
    assert not models.is_loaded(collection)
    assert models.is_known(collection)
    assert loaded == ["default"]


def test_a_model_that_cannot_be_loaded_is_tried_again_by_each_probe(
    collection: Collection,
) -> None:
    """It may have come to this machine meanwhile."""
    errors = [ConfigError("there is no bundle of model toy")]

    def load(_: Collection) -> Model:
        if errors:
            raise errors.pop()
        return MODEL

    models = Models(load, idle_s=IDLE_S)
    with pytest.raises(ConfigError):
        models.warm(collection)
    assert not models.is_known(collection)
    models.warm(collection)
    assert models.is_loaded(collection)


def test_models_are_kept_by_fingerprint(
    collection: Collection, loaded: list[str], load: Callable[[Collection], Model]
) -> None:
    """Two collections of one model share it; one of another model has its own."""
    models = Models(load)
    models.get(collection)
    models.get(replace(collection, name="archive"))
    models.get(replace(collection, name="other", fingerprint="another"))
    assert loaded == ["default", "other"]
