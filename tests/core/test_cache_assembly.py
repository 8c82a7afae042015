"""Which cache the settings give, and what of it is shown."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from clipseek.assembly import open_cache, open_service
from clipseek.cache import LocalCache, TieredCache
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.metrics import Metrics
from clipseek.protocols import CacheStats

HOUR_S = 3600.0


def test_without_redis_the_process_caches_alone() -> None:
    """Bounded as the settings say."""
    cache = open_cache(Settings.load(cache_entries=1))
    assert isinstance(cache, LocalCache)
    cache.put_many({"a": b"1", "b": b"2"}, HOUR_S)
    assert cache.get_many(["a", "b"]) == [None, b"2"]


def test_with_redis_replicas_share(redis_url: str) -> None:
    """What one has put, another gets."""
    settings = Settings.load(redis_url=redis_url, redis_timeout_s=5)
    one, other = open_cache(settings), open_cache(settings)
    assert isinstance(one, TieredCache)
    one.put("key", b"value", HOUR_S)
    assert other.get("key") == b"value"
    one.close()
    other.close()


def test_a_service_opens_without_its_redis(tmp_path: Path) -> None:
    """It is asked when the first search comes, and missed."""
    service = open_service(Settings.load(data_dir=tmp_path, redis_url="redis://127.0.0.1:1"))
    assert service.cache.get("key") is None
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
