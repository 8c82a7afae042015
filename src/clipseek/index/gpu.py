"""The vectors of an index on one GPU, in float16, searched exactly."""

import threading
from dataclasses import dataclass, field
from typing import Any, Self

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

GPU_LIMIT = 2048  # most neighbours of faiss on a GPU; wiki, "Faiss on the GPU"
_BLOCK_ROWS = 65536  # rows that are copied at a time


_SCRATCH_BYTES = 256 << 20
"""Of one GPU, for all indexes on it; faiss reserves up to 1.5 GB for each object by default."""


@dataclass(frozen=True, slots=True)
class _Device:
    """What all indexes on one GPU share: its scratch memory, and the lock that guards it."""

    resources: Any
    lock: threading.Lock = field(default_factory=threading.Lock)


_devices: dict[int, _Device] = {}
_making = threading.Lock()


def _device(number: int) -> _Device:
    """Return what is shared on a GPU, made at its first use."""
    with _making:
        if number not in _devices:
            resources = faiss.StandardGpuResources()
            resources.setTempMemory(_SCRATCH_BYTES)
            _devices[number] = _Device(resources)
        return _devices[number]


def gpus() -> int:
    """Return how many GPUs faiss can use; 0 in a build without GPU support."""
    count = getattr(faiss, "get_num_gpus", None)
    return 0 if count is None else int(count())


class OnGpu:
    """A FAISS index that knows no filter, as those on a GPU; a lock guards its scratch memory.

    On a GPU every vector is compared: a million of 512 components in float16 are 1 GB, which such
    memory is read in well under a millisecond, and no neighbour is lost.
    """

    def __init__(self, index: Any, lock: threading.Lock) -> None:
        self._index = index
        self._lock = lock

    @classmethod
    def of(cls, store: Any, device: int) -> Self:
        """Copy the vectors that a FAISS index on the CPU gives back to a GPU.

        Raises:
            ConfigError: this build of faiss has no GPU support or sees no such GPU.
        """
        if device >= gpus():
            raise ConfigError(
                f"faiss sees {gpus()} GPUs, but GPU {device} was asked for; "
                "install `clipseek[gpu]` or search on the CPU"
            )
        config = faiss.GpuIndexFlatConfig()
        config.device, config.useFloat16 = device, True
        shared = _device(device)
        with shared.lock:
            index = faiss.GpuIndexFlatIP(shared.resources, store.d, config)
        for start in range(0, store.ntotal, _BLOCK_ROWS):
            rows = min(_BLOCK_ROWS, store.ntotal - start)
            vectors = store.reconstruct_batch(np.arange(start, start + rows))
            with shared.lock:
                index.add(vectors)
        return cls(index, shared.lock)

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and rows (Q, k), best first."""
        with self._lock:
            scores, found = self._index.search(queries, k)
        return scores, found
