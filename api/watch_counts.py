"""How far watches are behind, how many alerts came and wait to be sent: looked at now and then."""

from collections import Counter
from collections.abc import Iterable, Iterator
from time import monotonic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clipseek.protocols import CatalogReader
from clipseek.threads import Worker
from clipseek.watches import DELIVERY_STATES, DeliveryCounts, WatchReader

PAUSE_S = 5.0
STALE_S = 60.0
"""Figures that are older are not shown."""
_AT_ONCE = 1000


class WatchCounts(Collector):
    """Looks in a thread of its own, so that no scrape waits for the database."""

    def __init__(self, catalog: CatalogReader, watches: WatchReader) -> None:
        """Take what reads collections and watches; nothing is read yet."""
        self.counting = Worker("watch-counts", self._count, pause_s=PAUSE_S)
        self._catalog, self._watches = catalog, watches
        self._deliveries: DeliveryCounts | None = None
        self._behind: dict[str, tuple[int, float]] = {}
        self._lags: dict[str, float] = {}
        self._number: int | None = None
        self._fired: Counter[str] = Counter()

    def collect(self) -> Iterator[Metric]:
        """Yield the figures; without values if there are no recent ones."""
        sent = GaugeMetricFamily(
            "clipseek_alert_deliveries", "Alerts with a webhook, by state.", labels=["state"]
        )
        oldest = GaugeMetricFamily(
            "clipseek_alert_deliveries_oldest_seconds",
            "Seconds since the alert was made that waits longest to be sent; 0 if none does.",
        )
        lag = GaugeMetricFamily(
            "clipseek_watch_lag_seconds",
            "Seconds for which changes of a watched collection have not been judged.",
            labels=["collection"],
        )
        fired = CounterMetricFamily(
            "clipseek_alerts",
            "Alerts that watches of a collection have caused since this process began to count.",
            labels=["collection"],
        )
        age_s = self.counting.age_s
        if age_s is not None and age_s <= STALE_S and self._deliveries is not None:
            for state in DELIVERY_STATES[1:]:
                sent.add_metric([state], self._deliveries.of.get(state, 0))
            oldest.add_metric([], self._deliveries.oldest_s)
            for name, seconds in list(self._lags.items()):
                lag.add_metric([name], seconds)
            for name, count in list(self._fired.items()):
                fired.add_metric([name], count)
        yield from (sent, oldest, lag, fired)

    def _count(self) -> None:
        self._deliveries = self._watches.delivery_counts()
        names = {watch.collection for watch in self._watches.watches() if watch.is_on}
        self._count_alerts(names)
        behind = {**{name: name for name in names}, **self._catalog.aliases(sorted(names))}
        watched = {behind[name] for name in names}
        judged, lags = self._watches.judged(), {}
        for collection in self._catalog.collections():
            if collection.name in watched:
                done = judged.get(collection.key, -1)
                lags[collection.name] = self._lag(collection.key, done, collection.version)
        self._lags = lags

    def _count_alerts(self, watched: Iterable[str]) -> None:
        """Count the alerts that came since the last look; the first look finds where they begin.

        A collection that is watched has a zero before its first alert, so that a rate sees it.
        """
        self._fired.update(dict.fromkeys(watched, 0))
        if self._number is None:
            self._number = self._watches.latest()
        while found := self._watches.news(self._number, limit=_AT_ONCE):
            self._fired.update(alert.collection for alert in found)
            self._number = found[-1].number

    def _lag(self, key: str, judged: int, version: int) -> float:
        """Return for how long it is known that a version was not judged."""
        now = monotonic()
        if judged >= version:
            self._behind.pop(key, None)
            return 0.0
        first, since = self._behind.get(key, (version, now))
        if judged >= first:  # that one is judged by now, and a later one is not
            first, since = version, now
        self._behind[key] = first, since
        return now - since
