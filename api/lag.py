"""How far the catalog is behind, in a region that reads a standby: asked for now and then."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clipseek.threads import Worker

PAUSE_S = 5.0
STALE_S = 60.0
"""A figure that is older is not shown."""


class Asked(Protocol):
    """What knows the lag, such as `clipseek.catalog.standby.Standby`."""

    def lag_s(self) -> float | None:
        """Return how many seconds the catalog may be behind; None if it is not a standby."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Lag(Collector):
    """Asks for the lag in a thread of its own, so that no scrape waits for the database."""

    def __init__(self, standby: Asked) -> None:
        """Take what asks the database; nothing is asked yet."""
        self.measuring = Worker("lag", self._measure, pause_s=PAUSE_S)
        self._standby = standby
        self._last: float | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge; without a figure if the catalog is not a standby or does not answer."""
        gauge = GaugeMetricFamily(
            "clipseek_catalog_lag_seconds",
            "Seconds that the catalog may be behind the one that is written; of a standby alone.",
        )
        age_s = self.measuring.age_s
        if self._last is not None and age_s is not None and age_s <= STALE_S:
            gauge.add_metric([], self._last)
        yield gauge

    def close(self) -> None:
        """End the thread and the connection."""
        self.measuring.close()
        self._standby.close()

    def _measure(self) -> None:
        self._last = self._standby.lag_s()
