"""The seams of clipseek: what each replaceable part promises. One contract test runs over each."""

from clipseek.protocols.cache import Cache, CacheFailure, CacheStats
from clipseek.protocols.cameras import CameraReader, CameraStore
from clipseek.protocols.catalog import BiasOf, CatalogReader, CatalogWriter, ClaimLost
from clipseek.protocols.frames import CutDetector, FrameSource, FrameSourceOpener
from clipseek.protocols.indexes import VectorIndex
from clipseek.protocols.models import (
    Embedder,
    Intake,
    PatchTower,
    SentenceEmbedder,
    TextEmbedder,
    Tower,
)

__all__ = [
    "BiasOf",
    "Cache",
    "CacheFailure",
    "CacheStats",
    "CameraReader",
    "CameraStore",
    "CatalogReader",
    "CatalogWriter",
    "ClaimLost",
    "CutDetector",
    "Embedder",
    "FrameSource",
    "FrameSourceOpener",
    "Intake",
    "PatchTower",
    "SentenceEmbedder",
    "TextEmbedder",
    "Tower",
    "VectorIndex",
]
