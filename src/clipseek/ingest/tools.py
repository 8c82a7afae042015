"""What one run works with, and what was asked of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from clipseek.model import Model
from clipseek.protocols import CatalogWriter, FrameSourceOpener
from clipseek.sources import Places
from clipseek.texts.producer import Producer
from clipseek.thumbnails import Thumbnails
from clipseek.types import Put


def _as_it_is(put: Put) -> Put:
    return put


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with: composed by the command from `clipseek.assembly`.

    `amend` is given each video before it is stored, and returns what is stored, or raises
    UnreadableVideo. `texts` produce the fields that are made of text. What has a stamp of another
    collection, `known_in`, has the content that is stored there.
    """

    collection: str
    catalog: CatalogWriter
    thumbnails: Thumbnails
    model: Model
    open_video: FrameSourceOpener
    places: Places
    key: str = ""
    amend: Callable[[Put], Put] = _as_it_is
    texts: tuple[Producer, ...] = ()
    known_in: str = ""

    @property
    def folder(self) -> str:
        """The folder of the thumbnails: the key of the collection, which is its name if not set."""
        return self.key or self.collection


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of one run.

    A video of more than `longest_s` seconds is refused. Without a title, it is called as its file.
    Other runs take a video over if this one gives no sign of life for `lease_s` seconds. With
    `by_parts`, not all of a video is read, so one that is known is not fetched as a whole.
    """

    fps: float = 1.0
    force: bool = False
    workers: int = 2
    batch_size: int = 64
    tags: tuple[str, ...] = ()
    title: str = ""
    keep_frame_vectors: bool = True
    longest_s: float = math.inf
    lease_s: float = 30.0
    by_parts: bool = False
