"""Search among some rows: the lists that have some of them, the nearest first.

A filter that passes videos which look alike leaves most lists without any row that is allowed, and
nobody looks through those.
"""

from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.index.layout import Layout, marked, selected

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss


def search(
    layout: Layout,
    held: NDArray[np.int32],
    queries: NDArray[np.float32],
    k: int,
    *,
    rows: NDArray[np.int64],
    probes: int,
    depth: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return scores and rows (Q, k), best first; what is not found is row -1.

    Args:
        layout: An index with lists.
        held: int32 (R,), the list of each run, or of each row where there are no runs.
        queries: float32 (Q, dim).
        k: How many.
        rows: int64 (M,), the only rows allowed, at least one.
        probes: How many lists are looked through, of those that have allowed rows.
        depth: Runs whose vectors are scored, where codes choose them.
    """
    allowed, has = np.zeros(len(held), np.bool_), np.zeros(layout.nlist, np.bool_)
    allowed[rows if layout.runs is None else layout.runs[rows]] = True
    has[held[allowed]] = True
    probes, depth = min(probes, int(has.sum())), min(depth, len(held))
    near_lists = faiss.SearchParameters(sel=marked(has))
    within, own = marked(allowed), selected(rows, int(layout.whole.ntotal))
    scores = np.empty((len(queries), k), np.float32)
    found = np.empty((len(queries), k), np.int64)
    for number in range(len(queries)):
        query = queries[number : number + 1]
        turned = layout.turned(query)
        near, lists = layout.lists.quantizer.search(turned, probes, params=near_lists)
        with layout.threads(1, probes, depth):
            if layout.runs is not None:
                near, lists = _assigned(layout.lists, turned, depth, lists, near, within)
            scores[number], found[number] = _assigned(layout.whole, query, k, lists, near, own)
    return scores, found


def _assigned(
    index: Any,
    query: NDArray[np.float32],
    k: int,
    lists: NDArray[np.int64],
    near: NDArray[np.float32],
    selector: Any,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Search some lists (1, P) of an index, whose centres have these scores (1, P)."""
    scores, found = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
    query, near = np.ascontiguousarray(query, np.float32), np.ascontiguousarray(near, np.float32)
    lists = np.ascontiguousarray(lists, np.int64)
    params = faiss.SearchParametersIVF(sel=selector, nprobe=lists.shape[1])
    given = map(faiss.swig_ptr, (lists, near, scores, found))
    # What the Python layer offers of this takes no selector.
    index.search_preassigned_c(1, faiss.swig_ptr(query), k, *given, False, params)
    return scores, found
