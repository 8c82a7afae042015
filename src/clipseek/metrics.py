"""Prometheus collectors of the API, on a registry that is passed in."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that get a label of their own; clients can send any word, and labels must be few."""

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class IndexStats(Protocol):
    """What the gauges show of one opened collection."""

    @property
    def version(self) -> int:
        """Number of the last change that is searchable."""
        ...

    @property
    def segments(self) -> int:
        """Searchable segments."""
        ...

    @property
    def snapshot_version(self) -> int | None:
        """Version that the opened snapshot was made from, or None where there is none."""
        ...

    @property
    def delta_size(self) -> int:
        """Segments searched beside the snapshot."""
        ...


class Metrics:
    """Counts requests and searches; reads the state of the index when it is scraped."""

    def __init__(
        self, registry: CollectorRegistry, stats: Callable[[], Mapping[str, IndexStats]]
    ) -> None:
        self.registry = registry
        self._requests = Counter(
            "clipseek_http_requests",
            "HTTP requests answered, by route template.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "clipseek_http_request_seconds",
            "Seconds from the request to the end of its answer, by route template.",
            ["method", "route"],
            registry=registry,
        )
        self._searches = Counter(
            "clipseek_searches",
            "Searches, by outcome: answered or refused.",
            ["outcome"],
            registry=registry,
        )
        self._batch = Histogram(
            "clipseek_search_batch_size",
            "Searches in one request.",
            buckets=BATCH_SIZES,
            registry=registry,
        )
        registry.register(_IndexCollector(stats))

    def count_request(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count one answered request; `route` is a template, never the path of the request."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def count_searches(self, answered: int, refused: int) -> None:
        """Count the searches of one request by outcome."""
        self._searches.labels("answered").inc(answered)
        self._searches.labels("refused").inc(refused)
        self._batch.observe(answered + refused)


class _IndexCollector(Collector):
    """Makes gauges of the statistics at the moment of the scrape."""

    def __init__(self, stats: Callable[[], Mapping[str, IndexStats]]) -> None:
        self._stats = stats

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the gauges without reading the index, which may not be open yet."""
        yield from _gauges().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges of every opened collection."""
        gauges = _gauges()
        for name, stats in self._stats().items():
            gauges["version"].add_metric([name], stats.version)
            gauges["segments"].add_metric([name], stats.segments)
            gauges["delta"].add_metric([name], stats.delta_size)
            if stats.snapshot_version is not None:
                gauges["snapshot"].add_metric([name], stats.snapshot_version)
        yield from gauges.values()


def _gauges() -> dict[str, GaugeMetricFamily]:
    def gauge(name: str, documentation: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"clipseek_index_{name}", documentation, labels=["collection"])

    return {
        "version": gauge("version", "Number of the last change that is searchable."),
        "segments": gauge("segments", "Searchable segments."),
        "delta": gauge("delta_segments", "Segments searched beside the snapshot."),
        "snapshot": gauge("snapshot_version", "Version that the opened snapshot was made from."),
    }
