"""Shards: which part of a divided index each video is in."""

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def shard_of(video_id: str, shards: int) -> int:
    """Return the shard of a video, 1 to `shards`: all of its segments are in it."""
    return 1 + zlib.crc32(video_id.encode()) % shards


def shards_of(videos: Iterable[str], shards: int) -> NDArray[np.int16]:
    """Return the shard of each video, int16 (V,)."""
    return np.fromiter((shard_of(video_id, shards) for video_id in videos), np.int16)
