"""How many objects can be searched, by collection, as a gauge."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from clipseek.library.collections import CollectionStats


class ObjectCounts(Collector):
    """Counts the objects of every opened collection at the moment of the scrape."""

    def __init__(self, stats: Callable[[], Mapping[str, CollectionStats]]) -> None:
        self._stats = stats

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the gauge without reading the index, which may not be open yet."""
        yield _gauge()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauge."""
        gauge = _gauge()
        for name, stats in self._stats().items():
            gauge.add_metric([name], stats.objects)
        yield gauge


def _gauge() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "clipseek_index_objects",
        "Searchable objects, which a detector has found.",
        labels=["collection"],
    )
