"""Which cache the settings give, and what of it is shown."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from clipseek.assembly import open_service
from clipseek.cache import LocalCache, TieredCache
from clipseek.caches import open_cache
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.metrics import Metrics
from clipseek.protocols import CacheStats
from tests.caching import get, put

HOUR_S = 3600.0


def test_without_redis_the_process_caches_alone() -> None:
    """Bounded as the settings say."""
    cache = open_cache(Settings.load(cache_entries=1))
    assert isinstance(cache, LocalCache)
    cache.put_many({"a": b"1", "b": b"2"}, HOUR_S)
    assert cache.get_many(["a", "b"]) == [None, b"2"]


def shared(redis_url: str, one: dict[str, Any], other: dict[str, Any]) -> bytes | None:
    """Return what a replica of some settings gets of what another one has put."""
    common = {"redis_url": redis_url, "redis_timeout_s": 5}
    with closing(open_cache(Settings.load(**common, **one))) as cache:
        assert isinstance(cache, TieredCache)
        put(cache, "key", b"value", HOUR_S)
    with closing(open_cache(Settings.load(**common, **other))) as cache:
        return get(cache, "key")


@pytest.mark.parametrize(
    ("one", "other", "got"),
    [
        pytest.param(
            {"cache_secret": "a" * 16}, {"cache_secret": "a" * 16}, b"value", id="one secret"
        ),
        pytest.param({"cache_secret": "a" * 16}, {"cache_secret": "b" * 16}, None, id="two"),
        pytest.param(
            {"database_url": "postgresql://a:pass@one/x"},
            {"database_url": "postgresql://b:pass@two/x"},
            b"value",
            id="one password",
        ),
        pytest.param(
            {"database_url": "postgresql://a:pass@one/x"},
            {"database_url": "postgresql://a:word@one/x"},
            None,
            id="two passwords",
        ),
        pytest.param({}, {}, None, id="neither"),
    ],
)
def test_with_redis_replicas_share_by_a_secret(
    redis_url: str, one: dict[str, Any], other: dict[str, Any], got: bytes | None
) -> None:
    """What one has put, another gets, if both know the secret."""
    assert shared(redis_url, one, other) == got


def test_without_a_secret_the_log_names_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    """Since nothing is shared, for a reason that an operator can end."""
    open_cache(Settings.load(redis_url="redis://127.0.0.1:1")).close()
    assert "set CLIPSEEK_CACHE_SECRET" in caplog.text


def test_a_short_secret_is_refused() -> None:
    """It could be guessed; and it is not repeated."""
    with pytest.raises(ConfigError, match="CLIPSEEK_CACHE_SECRET: ") as refused:
        Settings.load(cache_secret="hushhush")
    assert "hushhush" not in str(refused.value)


def test_a_service_opens_without_its_redis(tmp_path: Path) -> None:
    """It is asked when the first search comes, and missed."""
    service = open_service(Settings.load(data_dir=tmp_path, redis_url="redis://127.0.0.1:1"))
    assert get(service.cache, "key") is None
    assert service.cache.stats()["redis"].failures == {"unreachable": 1}
    service.close()


def test_a_wrong_url_opens_nothing(tmp_path: Path) -> None:
    """Before anything is made in the data folder."""
    with pytest.raises(ConfigError, match="CLIPSEEK_REDIS_URL"):
        open_service(Settings.load(data_dir=tmp_path / "new", redis_url="localhost:6379"))
    assert not (tmp_path / "new").exists()


def test_the_url_of_redis_is_a_secret() -> None:
    """Its password shows in no representation."""
    settings = Settings.load(redis_url="redis://:hush@cache")
    assert "hush" not in repr(settings) + str(settings.model_dump())


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry over two tiers of which one is out."""
    registry = CollectorRegistry()
    tiers = {
        "local": CacheStats(hits=5, misses=3),
        "redis": CacheStats(1, 2, {"timeout": 3, "skipped": 4}, is_available=False),
    }
    Metrics(registry, dict, cache=lambda: tiers)
    return registry


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('clipseek_cache_hits_total{tier="local"}', 5),
        ('clipseek_cache_misses_total{tier="local"}', 3),
        ('clipseek_cache_hits_total{tier="redis"}', 1),
        ('clipseek_cache_failures_total{kind="timeout",tier="redis"}', 3),
        ('clipseek_cache_failures_total{kind="skipped",tier="redis"}', 4),
        ('clipseek_cache_up{tier="local"}', 1),
        ('clipseek_cache_up{tier="redis"}', 0),
    ],
    ids=lambda given: str(given),
)
def test_each_tier_is_shown(registry: CollectorRegistry, line: str, value: int) -> None:
    """Hits, misses, failures by kind, and whether it is asked at all."""
    assert f"{line} {value:.1f}\n" in generate_latest(registry).decode()


def test_without_a_cache_there_are_no_series() -> None:
    """Nothing is shown that is not there."""
    registry = CollectorRegistry()
    Metrics(registry, dict)
    assert b"clipseek_cache" not in generate_latest(registry)
