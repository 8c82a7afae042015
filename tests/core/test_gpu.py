"""What indexes on one GPU share. No GPU is needed: a fake of faiss has as many as a test says."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.index import gpu

MOST_SCRATCH_BYTES = 1 << 30


class Resources:
    """Counts how often it is made, and the scratch memory that it is given."""

    made: list["Resources"]

    def __init__(self) -> None:
        self.scratch: int | None = None
        self.made.append(self)

    def setTempMemory(self, count: int) -> None:  # noqa: N802  named as in faiss
        """Bound the scratch memory."""
        self.scratch = count


class Store:
    """An index on the CPU of three vectors."""

    d, ntotal = 2, 3

    def reconstruct_batch(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return vectors."""
        return np.ones((len(rows), 2), np.float32)


class Flat:
    """An index on a GPU, which keeps what it was made with."""

    used: list[object]

    def __init__(self, resources: object, dim: int, config: object) -> None:
        self.used.append(resources)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Take vectors."""


def test_indexes_on_a_gpu_share_bounded_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default faiss takes up to 1.5 GB for each; a replica has one index per collection."""
    monkeypatch.setattr(Resources, "made", [], raising=False)
    monkeypatch.setattr(Flat, "used", [], raising=False)
    fake = SimpleNamespace(
        get_num_gpus=lambda: 2,
        GpuIndexFlatConfig=SimpleNamespace,
        GpuIndexFlatIP=Flat,
        StandardGpuResources=Resources,
    )
    monkeypatch.setattr(gpu, "faiss", fake)
    monkeypatch.setattr(gpu, "_devices", {})
    for device in (0, 0, 1):
        gpu.OnGpu.of(Store(), device)
    assert [Flat.used[0] is used for used in Flat.used] == [True, True, False]
    assert all(0 < (one.scratch or 0) <= MOST_SCRATCH_BYTES for one in Resources.made)
