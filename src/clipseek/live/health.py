"""How a camera does: counts, rates and delays, as its recorder says it with each beat."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace

from clipseek.cameras import CameraState, CameraStatus
from clipseek.live import naming
from clipseek.live.capture import Figures

RECENT_S = 60.0
"""Delays and rates are those of the last minute."""
STALLED_S = 5.0
"""A camera that has sent nothing for so long is stalled, although it is connected."""
_MOST = 4096


@dataclass
class Health:
    """What is counted of one camera since it was taken. Thread-safe."""

    _status: CameraStatus = "connecting"
    _reason: str = ""
    _before: Figures = field(default_factory=Figures)
    _now: Figures = field(default_factory=Figures)
    _embedded: int = 0
    _lost: int = 0
    _connections: int = 0
    _heard: float = 0.0
    _last_frame: float = 0.0
    _note: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._delays: deque[tuple[float, float]] = deque(maxlen=_MOST)
        self._received: deque[tuple[float, int]] = deque(maxlen=_MOST)

    def become(self, status: CameraStatus, reason: str = "") -> None:
        """Note a change of the state, and why."""
        with self._lock:
            if status == "connecting":
                self._connections += 1
            if status == "live":
                self._heard = time.monotonic()
            self._status, self._reason = status, reason

    def note(self, text: str) -> None:
        """Say something about a camera that sends, such as that it is not recorded, or nothing."""
        with self._lock:
            self._note = text

    def count(self, figures: Figures) -> None:
        """Take the counts of the open connection."""
        now = time.monotonic()
        with self._lock:
            if figures.received != self._now.received:
                self._heard = now
            self._now = figures
            self._received.append((now, self._before.received + figures.received))

    def end(self) -> None:
        """Add the counts of a connection that has ended to those before."""
        with self._lock:
            both = self._before, self._now
            sums = {
                name: sum(getattr(figures, name) for figures in both)
                for name in ("received", "decoded", "dropped", "errors")
            }
            self._before, self._now = Figures(**sums), Figures()

    def lose(self, count: int) -> None:
        """Count frames that were not indexed, because the model or the catalog could not."""
        with self._lock:
            self._lost += count

    def embed(self, arrived: float) -> None:
        """Count a frame that has a vector."""
        with self._lock:
            self._embedded += 1
            self._last_frame = max(self._last_frame, arrived)

    def commit(self, delay_s: float) -> None:
        """Note how long a frame took from its arrival to the catalog."""
        with self._lock:
            self._delays.append((time.monotonic(), delay_s))

    @property
    def state(self) -> CameraState:
        """How it does now."""
        now = time.monotonic()
        with self._lock:
            status, reason = self._status, self._reason or self._note
            if status == "live" and now - self._heard > STALLED_S:
                status, reason = "stalled", f"nothing has come for {now - self._heard:.0f} s"
            delays = sorted(delay for at, delay in self._delays if now - at <= RECENT_S)
            state = CameraState(
                status=status,
                reason=reason,
                received=self._before.received + self._now.received,
                decoded=self._before.decoded + self._now.decoded,
                dropped=self._before.dropped + self._now.dropped + self._lost,
                embedded=self._embedded,
                fps=self._fps(now),
                reconnects=max(0, self._connections - 1),
                last_frame_at=naming.recorded_at(self._last_frame) if self._last_frame else "",
            )
        if not delays:
            return state
        p50, p95 = delays[len(delays) // 2], delays[int(len(delays) * 0.95)]
        return replace(state, delay_p50_s=round(p50, 3), delay_p95_s=round(p95, 3))

    def _fps(self, now: float) -> float:
        recent = [(at, count) for at, count in self._received if now - at <= STALLED_S]
        if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
            return 0.0
        rate = (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])
        return round(max(0.0, rate), 2)
