"""Published indexes: made from the catalog by one builder, opened by everything that searches.

store.py     IndexStore: the protocol of a place that stores them
manifest.py  what an index was made from, and whether that is a collection's past
building.py  making an index, unless the published one is current
folder.py    FolderStore: indexes in a folder
bucket.py    BucketStore: indexes in an object store
files.py     the files of one index
milvus.py    MilvusStore: indexes in Milvus
making.py    making the files, whole or in shards
serving.py   which shards are searched here
hosting.py   what peers ask of them
"""

from clipseek.publishing.bucket import BucketStore
from clipseek.publishing.building import Beside, build, few_beside, none_beside
from clipseek.publishing.folder import FolderStore
from clipseek.publishing.manifest import TAIL, Manifest, has_biases_of, history, mismatch
from clipseek.publishing.milvus import MilvusStore
from clipseek.publishing.serving import Serving, digests
from clipseek.publishing.store import IndexStore, NotReached, Published

__all__ = [
    "TAIL",
    "Beside",
    "BucketStore",
    "FolderStore",
    "IndexStore",
    "Manifest",
    "MilvusStore",
    "NotReached",
    "Published",
    "Serving",
    "build",
    "digests",
    "few_beside",
    "has_biases_of",
    "history",
    "mismatch",
    "none_beside",
]
