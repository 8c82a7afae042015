"""Passes on Ray: tasks read sources and actors embed, on this machine or on a cluster.

The process that runs the ingest recognises, claims and commits, as ever. A task reads one source:
it sends what is small to that process, and the pictures to an actor, without a detour. Ray starts a
task or an actor again if its worker dies, and drops what a repeated task has sent before.
"""

import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from clipseek.errors import ClipseekError, ServiceUnavailable, UnreadableVideo
from clipseek.ingest import cluster, steps
from clipseek.ingest.fates import reason_of
from clipseek.ingest.passing import Gear, Part, passing
from clipseek.ingest.steps import Ended, Frames
from clipseek.ingest.tools import Options
from clipseek.protocols import Embedder
from clipseek.sources import Source

RETRIES = 10
"""How often a worker may die over one video, or one batch, before the video fails."""
AHEAD = 4
"""Values that a task may send before they are taken: two batches of pictures."""
EMBEDDING = 2
"""Batches of one video that may wait in line at the actors."""
_UNUSABLE = "a worker of Ray cannot be used"
_COLOURS = re.compile(r"\x1b\[\d*m")


@dataclass(frozen=True)
class Equipment:
    """What workers are given: how to make a `Gear` and an embedder there, once in each process."""

    gear: Callable[[], Gear]
    embedder: Callable[[], Embedder]
    name: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a source cannot be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Broken:
    """Why a worker cannot read any source."""

    reason: str


class RayPasses:
    """Makes passes on a cluster: call it with a source, as `Pass`. A context manager. Thread-safe.

    The cluster must be connected to.
    """

    def __init__(
        self,
        equipment: Equipment,
        options: Options,
        stop: threading.Event,
        *,
        embedders: int = 1,
        gpus: float = 0.0,
    ) -> None:
        """Take what workers need; `gpus` is the number or the fraction that each embedder gets."""
        self._equipment = equipment
        self._options = options
        self._stop = stop
        self._count = embedders
        self._gpus = gpus
        self._actors: list[Any] = []
        self._busy: list[int] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start the actors.

        Raises:
            ConfigError: the cluster has fewer CPUs or GPUs than they need.
        """
        cluster.require_room(cluster.machines(), self._count, self._gpus)
        self._room = cluster.reserved(self._count, self._gpus, self._stop)
        self._held = ray.put(self._equipment)
        self._actors = [
            ray.remote(_Embedding)
            .options(
                num_cpus=1,
                num_gpus=self._gpus,
                max_restarts=-1,
                max_task_retries=RETRIES,
                scheduling_strategy=PlacementGroupSchedulingStrategy(self._room, number),
            )
            .remote(self._equipment)
            for number in range(self._count)
        ]
        self._busy = [0] * self._count
        self._read = ray.remote(_read).options(
            num_cpus=1,
            num_returns="streaming",
            max_retries=RETRIES,
            scheduling_strategy="SPREAD",
            _generator_backpressure_num_objects=AHEAD,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        for actor in self._actors:
            ray.kill(actor)
        remove_placement_group(self._room)

    def __call__(self, source: Source, known: str) -> Generator[Part]:
        """Make a pass over a source; as `Pass`. It ends early once the run stops."""
        stream = self._read.remote(self._held, source, known, self._options)
        try:
            yield from self._parts(source, stream)
        except RayTaskError as error:
            # What goes wrong with a video is a value: here, a worker has other code or packages.
            raise ServiceUnavailable(f"{_UNUSABLE}: {_last_line(error)}") from error
        except RayError as error:
            raise UnreadableVideo(
                source.uri,
                f"its workers of Ray died in {RETRIES + 1} attempts: {_last_line(error)}",
            ) from error
        finally:
            with suppress(RayError):
                ray.cancel(stream)

    def _parts(self, source: Source, stream: Any) -> Generator[Part]:
        waiting: deque[tuple[Frames, int, Any]] = deque()
        try:
            yield from self._taken(source, stream, waiting)
        finally:
            with self._lock:
                for _, number, vectors in waiting:
                    self._busy[number] -= vectors is not None

    def _taken(
        self, source: Source, stream: Any, waiting: deque[tuple[Frames, int, Any]]
    ) -> Generator[Part]:
        """Take the parts of a stream; what is `waiting` is in line at the actors."""
        pictures = 0
        while self._is_ready(stream):
            try:
                part = ray.get(next(stream))
            except StopIteration:
                return
            if isinstance(part, Frames):
                pictures += len(part.times)
                if part.times:
                    waiting.append((part, *self._embed(next(stream))))
                else:
                    waiting.append((part, -1, None))
            while waiting and (len(waiting) > EMBEDDING or not isinstance(part, Frames)):
                if not self._is_ready(waiting[0][2]):
                    return
                yield self._embedded(source, *waiting.popleft())
            match part:
                case _Failed(reason):
                    raise UnreadableVideo(source.uri, reason)
                case _Broken(reason):
                    raise ServiceUnavailable(f"{_UNUSABLE}: {reason}")
                case _Counted(ended, count):
                    if count != pictures:
                        raise UnreadableVideo(
                            source.uri, "it was read differently the second time; run again"
                        )
                    yield ended
                case Frames():
                    pass
                case _:
                    yield part

    def _is_ready(self, value: Any) -> bool:
        """Wait for a value, or the next one of a stream; False once the run stops."""
        while value is not None and not self._stop.is_set():
            if ray.wait([value], timeout=cluster.PATIENCE_S, fetch_local=False)[0]:
                return True
        return value is None

    def _embed(self, pixels: Any) -> tuple[int, Any]:
        """Have pictures embedded by the actor with the shortest line; return both."""
        with self._lock:
            number = self._busy.index(min(self._busy))
            self._busy[number] += 1
        return number, self._actors[number].embed.remote(pixels)

    def _embedded(self, source: Source, frames: Frames, number: int, vectors: Any) -> Frames:
        """Return frames with their vectors, which are ready."""
        if vectors is None:
            return replace(frames, vectors=np.empty((0, 0), np.float32))
        with self._lock:
            self._busy[number] -= 1
        match ray.get(vectors):
            case _Failed(reason):
                raise UnreadableVideo(source.uri, reason)
            case _Broken(reason):
                raise ServiceUnavailable(f"{_UNUSABLE}: {reason}")
            case found:
                return replace(frames, vectors=found)


def _last_line(error: BaseException) -> str:
    """Return what an error of Ray says in its last line, without colours."""
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


# On workers.


@dataclass(frozen=True, slots=True)
class _Counted:
    """The end of a video, and how many pictures were sent of it."""

    ended: Ended
    pictures: int


class _Embedding:
    """The actor that embeds."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self._embedder: Embedder | None = None

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | _Failed | _Broken:
        """Embed pictures, or say why not."""
        try:
            self._embedder = self._embedder or self._equipment.embedder()
            return steps.embed(self._embedder, pixels)
        except Exception as error:  # noqa: BLE001  one video, one fate
            return _said(error, "a batch of pictures")


_gears: dict[str, Gear] = {}
"""The gear of this worker process, by the name of the equipment that it is of."""


def _gear_of(equipment: Equipment) -> Gear:
    if equipment.name not in _gears:
        _gears.clear()
        _gears[equipment.name] = equipment.gear()
    return _gears[equipment.name]


def _read(equipment: Equipment, source: Source, known: str, options: Options) -> Iterator[Any]:
    """Yield the parts of a pass; pictures come alone, after the rest of their frames."""
    try:
        pictures = 0
        held: list[Frames] = []
        for part in passing(source, known, _gear_of(equipment), options):
            if isinstance(part, Frames):
                held.append(part)
            is_batch = sum(len(each.times) for each in held) >= options.batch_size
            if held and (is_batch or isinstance(part, Ended)):
                frames, held = _joined(held), []
                pictures += len(frames.times)
                yield replace(frames, pixels=frames.pixels[:0])
                if frames.times:
                    yield frames.pixels
            if isinstance(part, Ended):
                yield _Counted(part, pictures)
            elif not isinstance(part, Frames):
                yield part
    except Exception as error:  # noqa: BLE001  one video, one fate
        yield _said(error, source.uri)


def _said(error: Exception, what: str) -> _Failed | _Broken:
    try:
        return _Failed(reason_of(error, what))
    except ClipseekError as broken:
        return _Broken(str(broken))


def _joined(held: Sequence[Frames]) -> Frames:
    """Return consecutive frames of one video as one value."""
    return Frames(
        pixels=np.concatenate([each.pixels for each in held]),
        times=[time for each in held for time in each.times],
        cuts=[cut for each in held for cut in each.cuts],
        jpegs=[jpeg for each in held for jpeg in each.jpegs],
        sampled=sum(each.sampled for each in held),
        reached=held[-1].reached,
    )
