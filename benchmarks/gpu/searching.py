"""Queries a second over many vectors, by FAISS on the device, and its recall.

The vectors are made on the device, block by block: those of 400 frames in a row share a theme, and
all share a cone, as in `benchmarks.frames`. They are float16 numbers, as FAISS keeps them on a GPU.
The true neighbours are found by torch in float32 while the vectors are made.
"""

import threading
import time
from functools import partial
from typing import Any

import faiss as _faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.gpu.work import Work
from clipseek.index import FaissIndex, OnGpu

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

K, TOGETHER = 10, 400
_THEME, _OWN, _NOISE = 0.6, 0.8, 1.0
_BATCHES = (1, 64, 1024)
_ROOM = 1.2  # bytes of GPU memory that are wanted for each byte of the vectors


class Frames:
    """Vectors that are made when they are asked for, as a FAISS index gives those that it stores.

    `d`, `ntotal`: their length and number. `truth`: the K nearest rows of each query among those
    that were given so far.
    """

    def __init__(self, count: int, dim: int, queries: int, device: str) -> None:
        """Draw the queries: frames of the first block, with noise."""
        self.ntotal, self.d, self._device = count, dim, device
        self._cone = _unit(self._drawn(-1, (1, dim)))
        first = self._block(0, min(count, 8 * TOGETHER))
        some = torch.arange(queries, device=device) * 7 % len(first)
        noise = _unit(self._drawn(-2, (queries, dim)))
        self._asked = _unit(first[some] + _NOISE * noise)
        self._scores = torch.full((queries, K), -torch.inf, device=device)
        self._rows = torch.full((queries, K), -1, dtype=torch.int64, device=device)

    @property
    def queries(self) -> NDArray[np.float32]:
        """Unit rows float32 (Q, dim)."""
        rows: NDArray[np.float32] = self._asked.cpu().numpy()
        return rows

    @property
    def truth(self) -> NDArray[np.int64]:
        """The nearest rows int64 (Q, K) so far."""
        rows: NDArray[np.int64] = self._rows.cpu().numpy()
        return rows

    def reconstruct_batch(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of rows that follow each other, float32 (N, dim)."""
        start, count = int(rows[0]), len(rows)
        block = self._block(start, count)
        scores = torch.cat([self._scores, self._asked @ block.T], dim=1)
        numbers = torch.arange(start, start + count, device=self._device)
        known = torch.cat([self._rows, numbers.expand(len(self._rows), -1)], dim=1)
        self._scores, best = scores.topk(K, dim=1)
        self._rows = known.gather(1, best)
        made: NDArray[np.float32] = block.cpu().numpy()
        return made

    def _block(self, start: int, count: int) -> Tensor:
        own = _unit(self._drawn(start, (count, self.d)))
        themes = _unit(self._drawn(start + 1, (count // TOGETHER + 1, self.d)))
        shared = themes.repeat_interleave(TOGETHER, dim=0)[:count]
        return _unit(self._cone + _THEME * shared + _OWN * own).half().float()

    def _drawn(self, seed: int, shape: tuple[int, ...]) -> Tensor:
        chance = torch.Generator(self._device).manual_seed(seed + 10)
        return torch.randn(shape, generator=chance, device=self._device)


def measure(work: Work) -> None:
    """Search ever more vectors, while there are seconds and memory."""
    took, before = 0.0, 0
    for rows in work.size.rows:
        what = _counted(rows)
        needs = took * rows / before if before else 0
        if not (work.has(needs, what) and _fits(work, rows, what)):
            continue
        start = time.monotonic()
        _searched(work, rows, what)
        took, before = time.monotonic() - start, rows
    if before and work.has(took, "searches as a replica makes them"):
        _as_a_replica(work, work.size.rows[0])


def _fits(work: Work, rows: int, what: str) -> bool:
    """Say whether the memory of the device has room, or note that it has not."""
    if not work.on_gpu:
        return True
    free, needed = torch.cuda.mem_get_info(work.device)[0], _ROOM * 2 * rows * work.size.dim
    if free >= needed:
        return True
    work.left_out.append(f"{what}: {needed / 1e9:.0f} GB are needed, {free / 1e9:.0f} GB are free")
    return False


def _searched(work: Work, rows: int, what: str) -> None:
    """Measure what `clipseek.index` has on a GPU; on the CPU, the same of FAISS for CPUs."""
    frames = Frames(rows, work.size.dim, work.size.queries, work.device)
    if work.on_gpu:
        index = OnGpu.of(frames, torch.device(work.device).index or 0)
    else:
        flat = faiss.IndexFlatIP(frames.d)
        flat.add(frames.reconstruct_batch(np.arange(rows)))
        index = OnGpu(flat, threading.Lock())
    queries = frames.queries
    work.found(f"{what}, recall@{K}", recall(index.search(queries, K)[1], frames.truth), 4)
    for batch in (b for b in _BATCHES if b <= len(queries)):
        taken = work.seconds(partial(index.search, queries[:batch], K))
        work.found(f"{what}, queries/s, {batch} at a time", batch / taken)


def _as_a_replica(work: Work, rows: int) -> None:
    """Measure the index that a replica searches: it scores the best again, and gives ids."""
    frames = Frames(rows, work.size.dim, work.size.queries, work.device)
    vectors = frames.reconstruct_batch(np.arange(rows))
    index = FaissIndex.build(vectors, np.arange(rows), kind="exact")
    if work.on_gpu:
        index = index.to_gpu(torch.device(work.device).index or 0)
    queries = frames.queries
    what = f"{_counted(rows)}, as a replica"
    work.found(f"{what}, recall@{K}", recall(index.search(queries, K).ids, frames.truth), 4)
    taken = work.seconds(lambda: index.search(queries, K))
    work.found(f"{what}, queries/s, {len(queries)} at a time", len(queries) / taken)


def recall(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the share of the true neighbours that are found."""
    return float((found[:, :, None] == truth[:, None, :]).any(axis=1).mean())


def _counted(rows: int) -> str:
    return f"{rows:,} vectors".replace(",", " ")


def _unit(rows: Tensor) -> Tensor:
    unit: Tensor = rows / torch.linalg.norm(rows, dim=1, keepdim=True)
    return unit
