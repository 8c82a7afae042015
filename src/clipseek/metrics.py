"""Prometheus collectors of the API, on a registry that is passed in."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clipseek.jobs import STATES, Counts
from clipseek.protocols import CacheStats
from clipseek.traffic import Traffic

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that get a label of their own; clients can send any word, and labels must be few."""

STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
RECALLS = 200
"""Searches over which live recall is averaged."""
UploadOutcome = Literal["begun", "complete", "refused", "ended"]
UPLOAD_OUTCOMES: tuple[UploadOutcome, ...] = get_args(UploadOutcome)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class IndexStats(Protocol):
    """What the gauges show of one opened collection."""

    @property
    def version(self) -> int:
        """Number of the last change that can be searched."""
        ...

    @property
    def segments(self) -> int:
        """Searchable segments."""
        ...

    @property
    def snapshot_version(self) -> int | None:
        """Version that the opened snapshot was made from, or None if there is none."""
        ...

    @property
    def snapshot_at(self) -> str | None:
        """When that snapshot was made, in UTC as RFC 3339 writes it."""
        ...

    @property
    def delta_size(self) -> int:
        """Segments that are not in the snapshot and are searched exactly."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether every search compares with every segment."""
        ...

    @property
    def age_s(self) -> float:
        """Seconds since the version was last known to be the newest."""
        ...


class Metrics:
    """Counts requests and searches; reads the state of the index when it is scraped."""

    def __init__(
        self,
        registry: CollectorRegistry,
        stats: Callable[[], Mapping[str, IndexStats]],
        *,
        cache: Callable[[], Mapping[str, CacheStats]] = dict,
        threads: Callable[[], Mapping[str, float]] = dict,
        jobs: Callable[[], Counts | None] = lambda: None,
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
        self._audit_dropped = Counter(
            "clipseek_audit_dropped",
            "Entries of the audit that were dropped because too many came at once.",
            registry=registry,
        )
        self.traffic = Traffic()
        self._open = 0
        Gauge(
            "clipseek_http_requests_in_flight",
            "HTTP requests whose answers are not sent completely yet.",
            registry=registry,
        ).set_function(lambda: self._open)
        # Looking labels up in the library takes longer than counting.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._by_source: dict[str, Counter] = {}
        self._searches = Counter(
            "clipseek_searches",
            "Searches, by outcome: answered or refused.",
            ["outcome"],
            registry=registry,
        )
        self._outcomes = {
            True: self._searches.labels("answered"),
            False: self._searches.labels("refused"),
        }
        self._sources = Counter(
            "clipseek_search_answers",
            "Answers and errors of searches: hit in a cache, miss, or shared with an equal search "
            "that was being computed.",
            ["source"],
            registry=registry,
        )
        self._shed = Counter(
            "clipseek_searches_shed",
            "Searches refused because of load: the queue was full, or they waited past their "
            "deadline.",
            ["reason"],
            registry=registry,
        )
        self._stale = Counter(
            "clipseek_stale_answers",
            "Answers of a version that may not be the newest: the database could not be reached.",
            registry=registry,
        )
        self._waiting = Gauge(
            "clipseek_search_queue", "Searches that wait in the queue.", registry=registry
        )
        self._batch = Histogram(
            "clipseek_search_batch_size",
            "Searches computed together.",
            buckets=BATCH_SIZES,
            registry=registry,
        )
        self._stages = Histogram(
            "clipseek_search_stage_seconds",
            "Seconds of one stage of a batch of searches: embed, search or catalog.",
            ["stage"],
            buckets=STAGE_SECONDS,
            registry=registry,
        )
        uploads = Counter(
            "clipseek_uploads",
            "Uploads that have begun, are complete, were refused (size, quota, disk) or were ended "
            "by their clients.",
            ["outcome"],
            registry=registry,
        )
        self._uploads = {outcome: uploads.labels(outcome) for outcome in UPLOAD_OUTCOMES}
        self._received = Counter(
            "clipseek_upload_bytes", "Bytes of uploads that were stored.", registry=registry
        )
        self._receiving = Gauge(
            "clipseek_uploads_receiving",
            "Requests whose parts of uploads are received just now.",
            registry=registry,
        )
        # CPU, memory and open files of the process; on Linux, which has them in /proc.
        ProcessCollector(registry=registry)
        self._samples = Counter(
            "clipseek_recall_samples",
            "Searches whose recall was judged.",
            ["collection"],
            registry=registry,
        )
        self._recalls: dict[str, deque[float]] = {}
        registry.register(_IndexCollector(stats, self._recall))
        registry.register(_CacheCollector(cache))
        registry.register(_ThreadCollector(threads))
        registry.register(_JobCollector(jobs))

    def begin_request(self) -> None:
        """Note that a request came. Called, as `count_request` is, by the event loop alone."""
        self._open += 1

    def end_request(self) -> None:
        """Note that a request is over, answered or not."""
        self._open -= 1

    def drop_audit(self, count: int) -> None:
        """Count entries of the audit that were dropped."""
        self._audit_dropped.inc(count)

    def count_request(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count one answered request; `route` is a template, never the path of the request."""
        known = method if method in METHODS else "other"
        series = self._series.get((known, route, status))
        if series is None:
            requests = self._requests.labels(known, route, str(status))
            series = requests, self._seconds.labels(known, route)
            self._series[known, route, status] = series
        series[0].inc()
        series[1].observe(seconds)
        self.traffic.count(route, status, seconds)

    def count_search(self, source: str, *, answered: bool) -> None:
        """Count a search that was answered, or that has an error for its answer."""
        self._outcomes[answered].inc()
        if source not in self._by_source:
            self._by_source[source] = self._sources.labels(source)
        self._by_source[source].inc()

    def count_stale(self) -> None:
        """Count an answer that may not be of the newest version."""
        self._stale.inc()

    def count_refused(self, count: int) -> None:
        """Count searches of a batch that were not even valid."""
        self._outcomes[False].inc(count)

    def batch(self, size: int) -> None:
        """Note that so many searches are computed together."""
        self._batch.observe(size)

    def stage(self, name: str, seconds: float) -> None:
        """Note how long a stage of a batch of searches took."""
        self._stages.labels(name).observe(seconds)

    def recall(self, collection: str, recall: float) -> None:
        """Take the recall@10 of one search into the mean of the last `RECALLS`."""
        self._samples.labels(collection).inc()
        self._recalls.setdefault(collection, deque(maxlen=RECALLS)).append(recall)

    def recalls(self, collection: str) -> Sequence[float]:
        """Return the recall@10 of the last searches that were compared, at most `RECALLS`."""
        return list(self._recalls.get(collection, ()))

    def _recall(self, collection: str) -> float | None:
        """Return the mean recall@10, or None if no search was compared yet."""
        last = self.recalls(collection)
        return sum(last) / len(last) if last else None

    def count_upload(self, outcome: UploadOutcome) -> None:
        """Count an upload by what has become of it."""
        self._uploads[outcome].inc()

    def count_received(self, size_bytes: int) -> None:
        """Count bytes of uploads that were stored."""
        self._received.inc(size_bytes)

    def watch_uploads(self, receiving: Callable[[], int]) -> None:
        """Read how many parts of uploads are received when it is asked for."""
        self._receiving.set_function(receiving)

    def shed(self, reason: str, count: int) -> None:
        """Count searches refused for load, by `full` or `deadline`."""
        self._shed.labels(reason).inc(count)

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Read the length of the queue when it is asked for."""
        self._waiting.set_function(waiting)


class _IndexCollector(Collector):
    """Makes gauges of the statistics at the moment of the scrape."""

    def __init__(
        self,
        stats: Callable[[], Mapping[str, IndexStats]],
        recall: Callable[[str], float | None],
    ) -> None:
        self._stats = stats
        self._recall = recall

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
            gauges["view"].add_metric([name], stats.age_s)
            if stats.snapshot_version is not None:
                gauges["snapshot"].add_metric([name], stats.snapshot_version)
            if stats.snapshot_at is not None:
                age = datetime.now(UTC) - datetime.fromisoformat(stats.snapshot_at)
                gauges["age"].add_metric([name], max(0.0, age.total_seconds()))
            recall = 1.0 if stats.is_exact else self._recall(name)
            if recall is not None:
                gauges["recall"].add_metric([name], recall)
        yield from gauges.values()


def _gauges() -> dict[str, GaugeMetricFamily]:
    def gauge(name: str, documentation: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"clipseek_{name}", documentation, labels=["collection"])

    return {
        "version": gauge("index_version", "Number of the last change that is searchable."),
        "segments": gauge("index_segments", "Searchable segments."),
        "delta": gauge("index_delta_segments", "Segments searched beside the snapshot."),
        "snapshot": gauge(
            "index_snapshot_version", "Version that the opened snapshot was made from."
        ),
        "recall": gauge(
            "recall_at_10",
            "Share of the true ten nearest segments that searches found: 1 for an exact "
            "index, otherwise the mean of the last searches that were judged: by exact search, in "
            "large indexes by a more thorough one.",
        ),
        "view": gauge(
            "index_view_age_seconds",
            "Seconds since the searchable version was last known to be the newest one.",
        ),
        "age": gauge("index_snapshot_age_seconds", "Seconds since the opened snapshot was made."),
    }


class _ThreadCollector(Collector):
    """Makes a gauge of the ages of the background threads, at the moment of the scrape."""

    def __init__(self, ages: Callable[[], Mapping[str, float]]) -> None:
        self._ages = ages

    def collect(self) -> Iterator[Metric]:
        """Yield the age of every thread that runs."""
        gauge = GaugeMetricFamily(
            "clipseek_thread_age_seconds",
            "Seconds since a background thread last did its work without an error.",
            labels=["thread"],
        )
        for name, seconds in self._ages().items():
            gauge.add_metric([name], seconds)
        yield gauge


class _JobCollector(Collector):
    """Makes gauges of the jobs as they were counted last; without a recent count, none."""

    def __init__(self, counts: Callable[[], Counts | None]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield the number of jobs in each state, and the age of the oldest one that waits."""
        jobs = GaugeMetricFamily("clipseek_jobs", "Jobs, by state.", labels=["state"])
        oldest = GaugeMetricFamily(
            "clipseek_jobs_oldest_seconds",
            "Seconds since the job was asked for that waits longest; 0 if none waits.",
        )
        counts = self._counts()
        if counts is not None:
            for state in STATES:
                jobs.add_metric([state], counts.of.get(state, 0))
            oldest.add_metric([], counts.oldest_s)
        yield from (jobs, oldest)


class _CacheCollector(Collector):
    """Makes metrics of what each tier of the cache has counted, at the moment of the scrape."""

    def __init__(self, stats: Callable[[], Mapping[str, CacheStats]]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of every tier; without a cache there are none."""
        tiers = self._stats()
        if not tiers:
            return
        hits = CounterMetricFamily(
            "clipseek_cache_hits", "Entries looked up and found, by tier.", labels=["tier"]
        )
        misses = CounterMetricFamily(
            "clipseek_cache_misses", "Entries looked up and not found, by tier.", labels=["tier"]
        )
        failures = CounterMetricFamily(
            "clipseek_cache_failures",
            "Failures of a tier: timeout, unreachable, refused (full, no permission), "
            "damaged (not an entry of a replica), skipped (not asked after failures).",
            labels=["tier", "kind"],
        )
        up = GaugeMetricFamily(
            "clipseek_cache_up",
            "1, or 0 while a tier is not asked after failures.",
            labels=["tier"],
        )
        for tier, stats in tiers.items():
            hits.add_metric([tier], stats.hits)
            misses.add_metric([tier], stats.misses)
            up.add_metric([tier], int(stats.is_available))
            for kind, count in stats.failures.items():
                failures.add_metric([tier, kind], count)
        yield from (hits, misses, failures, up)
