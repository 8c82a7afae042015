"""Nearest vectors by cosine: exact in NumPy, and FAISS if a library is too large for that.

exact.py   ExactIndex: every vector, in NumPy
faiss.py   FaissIndex: FAISS, of the kind that was chosen at build
layout.py  the kinds: how a FAISS index stores vectors and how it is searched
runs.py    consecutive rows that are near-duplicates and share a code
tuning.py  held-out queries, their true neighbours, and the cheapest search that finds them
gpu.py     the vectors on a GPU
milvus.py  MilvusIndex: a collection of Milvus
sharded.py ShardedIndex: the shards of a divided index, merged
peers.py   PeerIndex: a shard that another replica searches
wire.py    how it is asked

Ties go to the lower id in all of them, and the scores that are returned are products with the
stored vectors, summed in float64 (see `nearest`); codes only choose what is scored.
"""

from clipseek.index.among import Reach
from clipseek.index.exact import ExactIndex
from clipseek.index.faiss import EXACT_UP_TO, TARGET_RECALL, FaissIndex
from clipseek.index.gpu import OnGpu, gpus
from clipseek.index.layout import KINDS, Kind
from clipseek.index.milvus import MilvusIndex
from clipseek.index.sharded import ShardedIndex, ShardsMissing

__all__ = [
    "EXACT_UP_TO",
    "KINDS",
    "TARGET_RECALL",
    "ExactIndex",
    "FaissIndex",
    "Kind",
    "MilvusIndex",
    "OnGpu",
    "Reach",
    "ShardedIndex",
    "ShardsMissing",
    "gpus",
]
