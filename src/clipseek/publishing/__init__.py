"""Published indexes: made from the catalog by one builder, opened by all that search.

store.py     IndexStore: where they are kept, and what that promises
manifest.py  what one was made from, and whether that is a collection's past
building.py  making one, unless the published one is current
folder.py    FolderStore: in a folder
files.py     the files of one
"""

from clipseek.publishing.building import build
from clipseek.publishing.folder import FolderStore
from clipseek.publishing.manifest import TAIL, Manifest, has_biases_of, history, mismatch
from clipseek.publishing.store import IndexStore, Published

__all__ = [
    "TAIL",
    "FolderStore",
    "IndexStore",
    "Manifest",
    "Published",
    "build",
    "has_biases_of",
    "history",
    "mismatch",
]
