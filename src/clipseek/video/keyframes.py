"""Of a video that is fetched while it is read, no more than its keyframes."""

from itertools import pairwise

from clipseek.video.container import Opened


def leave_out_others(opened: Opened) -> None:
    """Let the packets of keyframes be fetched, and others be zeros of the same times and sizes.

    Only the index of an MP4 says beforehand where each packet is. What it does not list, and any
    other container, is fetched as it is read.
    """
    if opened.ranged is None or not opened.container.format.name.startswith("mov"):
        return
    keys: list[tuple[int, int, bool]] = []
    others: list[tuple[int, int, bool]] = []
    for stream in opened.container.streams:
        for entry in getattr(stream, "index_entries", ()):
            is_key = stream.index == opened.stream.index and entry.is_keyframe
            (keys if is_key else others).append((entry.pos, entry.pos + entry.size, is_key))
    spans = sorted({*keys, *others})
    if all(one[1] <= other[0] for one, other in pairwise(spans)):
        opened.ranged.leave_out((start, end) for start, end, is_key in spans if not is_key)
