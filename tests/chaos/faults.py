"""What is done to the cluster. Each fault does harm, holds it for a while, and undoes it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.chaos.cluster import REPLICAS, Cluster
from tests.chaos.program import wait_until
from tests.chaos.writer import Writer

NOTICED_S = 3.0
"""Seconds for which a part that is back may still feel what was done: the replicas look for
changes every second, and a connection that was refused is tried again after a while."""
ALL = -1


class Disturbances:
    """When each replica was disturbed, so that its freshness is not measured then. Thread-safe."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, float, float]] = []
        self._lock = threading.Lock()

    @contextmanager
    def of(self, replica: int) -> Iterator[None]:
        """Note that a replica, or ALL, is disturbed inside, and a little longer."""
        begun = time.monotonic()
        with self._lock:
            self._spans.append((replica, begun, float("inf")))
        try:
            yield
        finally:
            with self._lock:
                self._spans.remove((replica, begun, float("inf")))
                self._spans.append((replica, begun, time.monotonic() + NOTICED_S))

    def touch(self, replica: int, start: float, end: float) -> bool:
        """Say whether the replica was disturbed between two times."""
        with self._lock:
            return any(
                who in (replica, ALL) and begun < end and start < ended
                for who, begun, ended in self._spans
            )


class Faults:
    """The faults, each a method that returns how many programs it killed."""

    def __init__(
        self, cluster: Cluster, writer: Writer, disturbances: Disturbances, seed: int
    ) -> None:
        self._cluster, self._writer, self._disturbances = cluster, writer, disturbances
        self._chance = Random(seed)

    def kills(self) -> list[tuple[Callable[[], int], int]]:
        """Return the faults that kill something, with their weights."""
        return [
            (self.kill_indexer, 10),
            (self.kill_replica, 5),
            (self.kill_postgres, 2),
            (self.kill_redis, 2),
            (self.spoil_snapshot, 2),
        ]

    def others(self) -> list[tuple[Callable[[], int], int]]:
        """Return the faults that kill nothing, with their weights."""
        return [
            (self.stop_replica, 2),
            (self.stop_redis, 1),
            (self.stop_postgres, 1),
            (self.slow_postgres, 2),
            (self.slow_redis, 2),
            (self.cut_connections, 2),
            (self.fill_disk, 2),
        ]

    def kill_indexer(self) -> int:
        """Kill the indexer at a random moment of its run."""
        self._hold(0, 1.5)
        wait_until(self._writer.kill, "a run of the indexer", step_s=0.01)
        return 1

    def kill_replica(self) -> int:
        """Kill a replica and start it again."""
        replica = self._chance.randrange(REPLICAS)
        with self._disturbances.of(replica):
            self._cluster.replicas[replica].kill()
            self._hold(0, 1)
            self._cluster.wait_ready(replica)
        return 1

    def kill_postgres(self) -> int:
        """Kill the database server; it recovers from its log."""
        with self._disturbances.of(ALL):
            self._cluster.postgres.kill()
            self._hold(0, 1)
            self._cluster.postgres.start()
        return 1

    def kill_redis(self) -> int:
        """Kill Redis; its entries are gone."""
        self._cluster.redis.kill()
        self._hold(0, 1)
        self._cluster.redis.start()
        return 1

    def spoil_snapshot(self) -> int:
        """Damage snapshots or the pointer, and kill a replica, which finds that as it starts."""
        folder = self._cluster.data_dir / "snapshots" / "default"
        names = ("index.faiss", "segments.npz", "manifest.json")
        for current in sorted(folder.glob("snapshot-*")):
            _replace_damaged(current / self._chance.choice(names), self._chance)
        if self._chance.random() < 0.3:
            _replace(folder / "current", b"snapshot-nowhere\n")
        return self.kill_replica()

    def stop_replica(self) -> int:
        """Stop a replica for longer than a change may take to show, and let it go on."""
        replica = self._chance.randrange(REPLICAS)
        program = self._cluster.replicas[replica]
        with self._disturbances.of(replica):
            program.signal(signal.SIGSTOP)
            self._hold(1, 4)
            program.signal(signal.SIGCONT)
        return 0

    def stop_redis(self) -> int:
        """Stop Redis for a while: it does not answer, and takes connections all the same."""
        self._cluster.redis.signal(signal.SIGSTOP)
        self._hold(0.5, 2)
        self._cluster.redis.signal(signal.SIGCONT)
        return 0

    def stop_postgres(self) -> int:
        """Stop the database server and its processes for a while."""
        with self._disturbances.of(ALL):
            self._cluster.postgres.signal(signal.SIGSTOP)
            self._hold(0.5, 3)
            self._cluster.postgres.signal(signal.SIGCONT)
        return 0

    def slow_postgres(self) -> int:
        """Let each message from and to the database take its time."""
        with self._disturbances.of(ALL):
            self._cluster.to_postgres.delay_s = self._chance.uniform(0.01, 0.1)
            self._hold(1, 3)
            self._cluster.to_postgres.delay_s = 0
        return 0

    def slow_redis(self) -> int:
        """Let each message from and to Redis take longer than a search waits for it."""
        self._cluster.to_redis.delay_s = self._chance.uniform(0.01, 0.3)
        self._hold(1, 3)
        self._cluster.to_redis.delay_s = 0
        return 0

    def cut_connections(self) -> int:
        """Close all connections to the database and to Redis at once, as a network does."""
        with self._disturbances.of(ALL):
            self._cluster.to_postgres.cut()
            self._cluster.to_redis.cut()
        return 0

    def fill_disk(self) -> int:
        """Let an ingest find no room for its snapshot."""
        self._writer.fsize_blocks = self._chance.choice((4, 8, 16))
        self._hold(2, 3)
        self._writer.fsize_blocks = None
        return 0

    def _hold(self, least_s: float, most_s: float) -> None:
        time.sleep(self._chance.uniform(least_s, most_s))


def _replace_damaged(path: Path, chance: Random) -> None:
    """Put a copy in the place of a file that is cut off or has one wrong byte.

    A new file, as after a bad copy or a bad disk: a replica has the old one mapped.
    """
    try:
        content = bytearray(path.read_bytes())
    except OSError:
        return  # the builder has swept it away
    if not content or chance.random() < 0.5:
        del content[len(content) // 2 :]
    else:
        content[chance.randrange(len(content))] ^= 0xFF
    _replace(path, bytes(content))


def _replace(path: Path, content: bytes) -> None:
    try:
        fresh = path.with_name(f"{path.name}.damaged")
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError:
        return  # the same
