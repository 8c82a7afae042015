"""What Prometheus reads of a recorder: the counts and delays of each of its cameras."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clipseek.cameras import CameraState
from clipseek.live.spotting import Spotted

_COUNTS = {
    "received": "Frames that a camera has sent to this recorder.",
    "decoded": "Frames of a camera that were decoded.",
    "dropped": "Frames of a camera that were not indexed, because a newer one came first.",
    "embedded": "Frames of a camera that were embedded.",
}

_SPOTTED = {
    "chunks_spotted": ("chunks", "Recorded chunks of a camera that a detector has looked at."),
    "objects": ("objects", "Objects that a detector has found in them."),
    "chunks_left_out": ("left_out", "Recorded chunks that it left out; see the log."),
}


class CameraCollector(Collector):
    """Makes metrics of how each camera does, at the moment of the scrape."""

    def __init__(
        self,
        states: Callable[[], Mapping[str, CameraState]],
        ages: Callable[[], Mapping[str, float]],
    ) -> None:
        """Take what says how the cameras do, and the ages of the threads of the recorder."""
        self._states = states
        self._ages = ages

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of every camera that this recorder has."""
        states = self._states()
        for name, said in _COUNTS.items():
            counter = CounterMetricFamily(f"clipseek_camera_{name}", said, labels=["camera"])
            for camera, state in states.items():
                counter.add_metric([camera], getattr(state, name))
            yield counter
        yield from self._gauges(states)
        threads = _gauge(
            "thread_age_seconds",
            "Seconds since a background thread last did its work without an error.",
            "thread",
        )
        for thread, age_s in self._ages().items():
            threads.add_metric([thread], age_s)
        yield threads

    def _gauges(self, states: Mapping[str, CameraState]) -> Iterator[Metric]:
        reconnects = CounterMetricFamily(
            "clipseek_camera_reconnects",
            "How often a camera was connected again.",
            labels=["camera"],
        )
        live = _gauge("camera_live", "1 if a camera sends, else 0.", "camera")
        rate = _gauge("camera_fps", "Frames that a camera sends in a second.", "camera")
        delay = _gauge(
            "camera_delay_seconds",
            "Seconds from the arrival of a frame to its commit, in the last minute.",
            "camera",
            "quantile",
        )
        for camera, state in states.items():
            reconnects.add_metric([camera], state.reconnects)
            live.add_metric([camera], int(state.status == "live"))
            rate.add_metric([camera], state.fps)
            for quantile, seconds in (("0.5", state.delay_p50_s), ("0.95", state.delay_p95_s)):
                if seconds is not None:
                    delay.add_metric([camera, quantile], seconds)
        yield from (reconnects, live, rate, delay)


class ObjectCollector(Collector):
    """Makes metrics of the chunks that a detector has looked at, at the moment of the scrape."""

    def __init__(self, spotted: Callable[[], Mapping[str, Spotted]]) -> None:
        """Take what says what was done, by camera."""
        self._spotted = spotted

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of every camera that has recorded a chunk."""
        spotted = self._spotted()
        for name, (field, said) in _SPOTTED.items():
            counter = CounterMetricFamily(f"clipseek_camera_{name}", said, labels=["camera"])
            for camera, each in spotted.items():
                counter.add_metric([camera], getattr(each, field))
            yield counter


def _gauge(name: str, said: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"clipseek_{name}", said, labels=labels)
