"""A part at work: its device and sizes, its seconds, what it found and what it left out."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

Figure = float | int | str


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    pictures: in one call of a tower. matrix: side of the square matrices that say what the chip
    does. clip_s, clip_size: of the video that is decoded. rows: vectors that are searched.
    videos: drawn, where there is no footage. tests: which of the contract tests run.
    """

    architectures: tuple[str, ...] = ("ViT-B-32", "PE-Core-B-16")
    pictures: int = 2048
    rounds: int = 5
    matrix: int = 8192
    clip_s: int = 20
    clip_size: tuple[int, int] = (1920, 1080)
    rows: tuple[int, ...] = (1_000_000, 10_000_000)
    dim: int = 512
    queries: int = 1024
    videos: int = 40
    tests: str = "gpu"


TINY = Size(
    architectures=("ViT-B-32",),
    pictures=4,
    rounds=1,
    matrix=256,
    clip_s=2,
    clip_size=(320, 180),
    rows=(2000, 5000),
    dim=32,
    queries=64,
    videos=1,
    tests="beside and without_padding",
)
"""For a look whether everything runs."""


@dataclass(slots=True)
class Work:
    """One part of the benchmark.

    `figures` and `left_out` grow while it runs; each of the latter is what was left out, and why.
    """

    device: str
    size: Size
    ends: float
    clock: Callable[[], float] = time.monotonic
    figures: dict[str, Figure] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        """Say whether the device is a GPU."""
        return self.device != "cpu"

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 if none are."""
        return max(0.0, self.ends - self.clock())

    def has(self, seconds: float, what: str) -> bool:
        """Say whether so many seconds are left; if not, `what` is left out."""
        if self.left_s >= seconds:
            return True
        self.left_out.append(f"{what}: it needs about {seconds:.0f} s, {self.left_s:.0f} are left")
        return False

    def found(self, name: str, value: float, digits: int = 1) -> None:
        """Note a figure."""
        self.figures[name] = round(value, digits)

    def seconds(self, step: Callable[[], object]) -> float:
        """Return the median of the rounds of a step, after one that does not count."""
        self._once(step)
        return statistics.median(self._once(step) for _ in range(self.size.rounds))

    def _once(self, step: Callable[[], object]) -> float:
        """Return how long a step took, until the device has done all of it."""
        start = time.perf_counter()
        step()
        if self.on_gpu:
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start
