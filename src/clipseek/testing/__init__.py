"""Fakes that ship with clipseek, under the same contracts as the real parts."""

from clipseek.testing.cache import DictCache
from clipseek.testing.cameras import MemoryCameras
from clipseek.testing.catalog import MemoryCatalog
from clipseek.testing.curating import MemoryCurating
from clipseek.testing.drifts import MemoryDrifts
from clipseek.testing.embedder import TOY_COLOURS, TOY_WORDS, ToyEmbedder
from clipseek.testing.feeds import MemoryFeeds
from clipseek.testing.frames import Colour, SyntheticFrames
from clipseek.testing.indexes import MemoryStore
from clipseek.testing.jobs import MemoryJobs
from clipseek.testing.keys import MemoryKeys
from clipseek.testing.retaining import MemoryRetaining
from clipseek.testing.sentences import TOY_MEANINGS, ToySentences
from clipseek.testing.tower import ToyTower
from clipseek.testing.watches import MemoryWatches
from clipseek.testing.wishes import MemoryWishes

__all__ = [
    "TOY_COLOURS",
    "TOY_MEANINGS",
    "TOY_WORDS",
    "Colour",
    "DictCache",
    "MemoryCameras",
    "MemoryCatalog",
    "MemoryCurating",
    "MemoryDrifts",
    "MemoryFeeds",
    "MemoryJobs",
    "MemoryKeys",
    "MemoryRetaining",
    "MemoryStore",
    "MemoryWatches",
    "MemoryWishes",
    "SyntheticFrames",
    "ToyEmbedder",
    "ToySentences",
    "ToyTower",
]
