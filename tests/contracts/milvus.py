"""A Milvus Lite as a server of its own, on a free port, started once in a process of tests."""

import atexit
import hashlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.config.index_url import MilvusAddress
from clipseek.errors import ServiceUnavailable
from clipseek.index import Kind, MilvusIndex
from clipseek.milvus import Milvus
from clipseek.nearest import ascending
from clipseek.publishing import MilvusStore

_UP_WITHIN_S = 120.0
LISTS = {"nlist": 128}
"""What an IVF index of Milvus Lite has, whatever it is told."""


def patient(address: MilvusAddress) -> Milvus:
    """Return the Milvus at an address, which may take long because of what runs beside it."""
    return Milvus(address, ask_s=60.0)


class Server:
    """A process of Milvus Lite over a folder; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "milvus_lite", "server"),
                *("--data-dir", str(self.folder), "--port", str(self.port)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _UP_WITHIN_S
        while True:
            try:
                patient(self.address()).collections()
                return
            except ServiceUnavailable:
                assert self._process.poll() is None, "milvus-lite has ended"
                assert time.monotonic() < end, "milvus-lite does not answer"

    def kill(self) -> None:
        """Kill it, without a chance to write anything."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def address(self, database: str = "") -> MilvusAddress:
        """Return where it is, or one of its databases."""
        return MilvusAddress("127.0.0.1", self.port, database=database)

    def store(self, folder: Path) -> MilvusStore:
        """Return a store in a database that belongs to a folder; a new one is empty."""
        return MilvusStore(patient(self.of(folder)), folder / "locks")

    def of(self, folder: Path) -> MilvusAddress:
        """Return the database that belongs to a folder; it is made if it is missing."""
        from pymilvus import MilvusClient

        database = f"of_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        patient(self.address()).collections()
        client = MilvusClient(f"http://127.0.0.1:{self.port}", dedicated=True)
        if database not in client.list_databases():
            client.create_database(database)
        client.close()
        return self.address(database)


def stored(
    ids: NDArray[np.int64],
    vectors: NDArray[np.float32],
    *,
    kind: Kind = "exact",
    nprobe: int = 0,
    milvus: Milvus | None = None,
) -> MilvusIndex:
    """Store videos of three segments each, and return the index that searches them."""
    ids, vectors = ascending(ids, vectors)
    owners = (np.arange(len(ids)) // 3).astype(np.int32)
    name, dim = f"of_{uuid.uuid4().hex}", vectors.shape[1]
    milvus = milvus or patient(server().address())
    milvus.make_vectors(name, dim)
    if len(ids):
        milvus.put_vectors(name, ids, owners, vectors)
    is_exact = kind == "exact"
    milvus.finish_vectors(name, "FLAT" if is_exact else "IVF_FLAT", {} if is_exact else LISTS)
    return MilvusIndex(
        milvus,
        name,
        ids=ids,
        owners=owners,
        dim=dim,
        kind=kind,
        nprobe=nprobe,
        lists=0 if is_exact else LISTS["nlist"],
        recall=0.9,
    )


@cache
def server() -> Server:
    """Return the server of this process, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="clipseek-milvus-", suffix=".db"))
    started = Server(folder)

    def end() -> None:
        started.kill()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return started
