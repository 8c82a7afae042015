"""A small library to ask: three videos of known colours in memory, their files on disk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clipseek.cache import NoCache
from clipseek.config import Settings
from clipseek.keys import Key, Rate, Scope, digest_of, new_secret
from clipseek.model import Model
from clipseek.protocols import Cache
from clipseek.publishing import FolderStore
from clipseek.service import Service
from clipseek.sources import LocalDisk
from clipseek.testing import MemoryCatalog, MemoryKeys, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import PICTURE, Collection, FieldSegments, FrameVectors, Put, Relevance, Video
from tests.searching import searcher_over

JPEG = b"\xff\xd8\xff\xe0a small picture\xff\xd9"
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 8


def toy_model(_collection: Collection) -> Model:
    """Make a model in which a colour that is there has relevance ~1, and one that is not ~0."""
    return Model(
        name="toy",
        embedder=ToyEmbedder(),
        logit_scale=20.0,
        coherence=0.5,
        relevance=Relevance(scale=1.0, offset=-10.0, fitted=True),
        bank=np.eye(ToyEmbedder.dim, dtype=np.float32),
    )


@dataclass(frozen=True, slots=True)
class Library:
    """A folder and the catalog over it."""

    folder: Path
    catalog: MemoryCatalog
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    media: Path | None = None
    """Where the files of the videos are; in the folder if it is None."""

    def add(
        self,
        name: str,
        colours: Sequence[str],
        *,
        collection: str = "default",
        tags: tuple[str, ...] = (),
        content: bytes = MP4,
        frames: bool = False,
        frame_rate: str = "",
        coding: str = "",
        recorded_at: str = "",
        stream: str = "",
    ) -> Video:
        """Index a video that shows each colour for two seconds; its id is its name's stem.

        With `frames`, the vectors of a frame of each second are kept.
        """
        self.catalog.ensure_collection(collection, "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
        path = (self.media or self.folder) / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
        count = len(colours)
        edges = np.arange(0, 2 * count + 1, 2, dtype=np.float64)
        vectors = ToyEmbedder().embed_texts(colours)
        pictures = Thumbnails(self.folder / "thumbnails")
        video = Video(
            id=path.stem,
            uri=str(path),
            title=path.stem,
            duration=2.0 * count,
            width=64,
            height=48,
            size_bytes=len(content),
            stamp=LocalDisk().look(str(path)).stamp,
            tags=tags,
            frame_rate=frame_rate,
            coding=coding,
            recorded_at=recorded_at,
            stream=stream,
        )
        picture = FieldSegments(
            spans=np.stack([edges[:-1], edges[1:]], axis=1),
            vectors=vectors,
            best_times=edges[:-1] + np.float64(0.5),
            biases=np.zeros(count, np.float32),
            thumbnails=[pictures.write(collection, path.stem, t, JPEG) for t in edges[:-1]],
            shots=np.ones(count, np.bool_),
        )
        kept = (
            FrameVectors(np.arange(2.0 * count), np.repeat(vectors, 2, axis=0)) if frames else None
        )
        self.catalog.put(collection, Put(video, {PICTURE: picture}, frames=kept))
        return video

    def key(
        self,
        name: str,
        *scopes: Scope,
        collections: Iterable[str] | None = None,
        expires_at: str | None = None,
        rate: str | None = None,
    ) -> dict[str, str]:
        """Make a key; return the header of the requests that it sends."""
        secret = new_secret()
        allowed = None if collections is None else frozenset(collections)
        digest, made = digest_of(secret.encode()), "2026-11-28T10:00:00Z"
        limit = None if rate is None else Rate.of(rate)
        key = Key(name, digest, frozenset(scopes), allowed, made, expires_at, limit)
        assert self.keys.add(key)
        return {"Authorization": f"Bearer {secret}"}

    def service(
        self, catalog: MemoryCatalog | None = None, *, cache: Cache | None = None, **settings: Any
    ) -> Service:
        """Open a service over the folder and the catalog, or another one in its place."""
        chosen = catalog or self.catalog
        return Service(
            settings=Settings.load(
                data_dir=self.folder, **{"allowed_hosts": "testserver", **settings}
            ),
            catalog=chosen,
            searcher=searcher_over(chosen, self.folder / "snapshots", toy_model),
            thumbnails=Thumbnails(self.folder / "thumbnails"),
            indexes=FolderStore(self.folder / "snapshots"),
            cache=NoCache() if cache is None else cache,
            keys=self.keys,
        )
