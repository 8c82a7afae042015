"""What was measured of cameras and folders last, as gauges: looked at now and then."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clipseek.drifts import FAULTS, Drift, DriftReader
from clipseek.threads import Worker

PAUSE_S = 60.0
STALE_S = 600.0
"""Figures that were read longer ago are not shown."""

MOST = 500
"""Groups that are shown at most, those with faults first: each has eight time series."""


class DriftGauges(Collector):
    """Looks in a thread of its own, so that no scrape waits for the database."""

    def __init__(self, drifts: DriftReader) -> None:
        """Take what reads measured weeks; nothing is read yet."""
        self.reading = Worker("drift-gauges", self._read, pause_s=PAUSE_S)
        self._drifts = drifts
        self._latest: list[tuple[str, Drift]] = []

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of the newest week of each group; without figures if none are recent."""
        names = ["collection", "group"]
        fault = GaugeMetricFamily(
            "clipseek_drift_fault",
            "1 if the newest week of a camera or folder has this fault, else 0.",
            labels=[*names, "fault"],
        )
        distance = GaugeMetricFamily(
            "clipseek_drift_distance",
            "How far the newest week is from the weeks before it, from 0 to 1.",
            labels=names,
        )
        brightness = GaugeMetricFamily(
            "clipseek_drift_brightness", "Median luma of the newest week, 0 to 1.", labels=names
        )
        still = GaugeMetricFamily(
            "clipseek_drift_still", "Share of its time without anything new, 0 to 1.", labels=names
        )
        age_s = self.reading.age_s
        if age_s is not None and age_s <= STALE_S:
            for collection, each in self._latest:
                where = [collection, each.group]
                for kind in FAULTS:
                    fault.add_metric([*where, kind], float(kind in each.faults))
                if each.content is not None:
                    distance.add_metric(where, each.content.distance)
                brightness.add_metric(where, each.brightness)
                still.add_metric(where, each.still)
        yield from (fault, distance, brightness, still)

    def close(self) -> None:
        """Stop reading, and give back connections."""
        self.reading.close()
        self._drifts.close()

    def _read(self) -> None:
        found = self._drifts.latest()
        found.sort(key=lambda named: not named[1].faults)
        self._latest = found[:MOST]
