"""Excerpt: writes a span of a video as an MP4 of its own; it runs in a child process.

Packets are copied if players of browsers can read their codecs and a keyframe is near the start of
the span. Otherwise the span is decoded and encoded.
"""

import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer

from clipseek.errors import UnreadableVideo
from clipseek.redaction.chosen import Chosen
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.opening import open_redactor
from clipseek.video.child import status_bytes
from clipseek.video.container import open_video
from clipseek.video.encoding import Picture, Sound
from clipseek.video.ending import end_with_parent
from clipseek.video.redacting import Redacting
from clipseek.video.spans import Order, Source

EARLY_S = 0.5
"""A copy begins at a keyframe, which may be so many seconds before the span."""
SIDE, GROWING_SIDE = 960, 640
"""Pixels of the longer side of what faces are looked for in. What is played while it is written has
fewer, because it has to be written as fast as it is played."""
# Demuxers of transport and program streams may land after the time that they seek to.
_BEFORE_S = 2


def main() -> None:
    """Write what the arguments say: the order, the descriptor of the video, and the target."""
    order = Order(**json.loads(sys.argv[-3]))
    end_with_parent()
    _confine(order)
    try:
        write(order, int(sys.argv[-2]), sys.argv[-1])
    except UnreadableVideo as error:
        _fail(error.reason)
    except RedactionUnavailable as error:
        _fail(str(error))
    except MemoryError:
        _fail("it needs more memory than CLIPSEEK_MAX_DECODE_BYTES allows")
    except (av.error.FFmpegError, ValueError) as error:
        _fail(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001  the parent alone can say what happened here
        _fail(f"unexpected {traceback.format_exc()}")


def _fail(reason: str) -> None:
    sys.stdout.write(reason)
    sys.stdout.flush()
    raise SystemExit(1)


def _confine(order: Order) -> None:
    """Leave the processor to others, and bound the memory (on Linux alone)."""
    os.nice(10)
    if sys.platform == "linux":
        limit = status_bytes("VmData") + order.memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def write(order: Order, descriptor: int, target: str) -> None:
    """Write the span.

    Raises:
        UnreadableVideo: it cannot be opened, or shows nothing in the span.
        FFmpegError: it cannot be decoded or written.
    """
    opened = open_video(order.name, threads=2, descriptor=descriptor, max_pixels=order.frame_pixels)
    sound = opened.container.streams.best("audio")
    source = Source(opened, sound if isinstance(sound, AudioStream) else None)
    flags = "frag_keyframe+empty_moov+default_base_moof" if order.growing else "faststart"
    with (
        opened.container,
        av.open(
            target,
            "w",
            format="mp4",
            options={"movflags": flags, "flush_packets": "1" if order.growing else "0"},
        ) as output,
    ):
        if order.copy and not order.redact and source.is_readable_by_browsers:
            first = source.keyframe(order.start)
            is_near = first is not None and order.start - first <= EARLY_S
            if first is not None and is_near and source.is_upright(first):
                _copy(source, output, first, order.end)
                return
        _encode(source, output, order)


def _copy(source: Source, output: OutputContainer, first: float, end: float) -> None:
    """Copy the packets from the keyframe at `first` to the end of the span."""
    targets = {each.index: output.add_stream_from_template(each) for each in source.streams}
    shifts = {
        each.index: round((first + source.start) / float(each.time_base or 1))
        for each in source.streams
    }
    open_streams = set(targets)
    begun = False
    for packet in source.packets(first):
        index, at = packet.stream.index, source.time(packet)
        if at is None or packet.dts is None or index not in open_streams:
            continue
        decoded_at = float(packet.dts * packet.time_base) - source.start
        if decoded_at >= end:
            open_streams.discard(index)
            if not open_streams:
                break
            continue
        if at < first - 1e-3 or at >= end:
            continue
        begun = begun or index == source.video.index
        packet.pts -= shifts[index]
        packet.dts -= shifts[index]
        packet.stream = targets[index]
        output.mux(packet)
    if not begun:
        raise UnreadableVideo(str(source.opened.path), "it shows nothing in this span")


def _encode(source: Source, output: OutputContainer, order: Order) -> None:
    """Decode the span and encode it with H.264 and AAC."""
    picture = Picture(source, output, order, _redacting(order))
    sound = None if source.sound is None else Sound(source, output, order)
    waiting: list[Any] = []  # sound, until the picture has a size: then the file can begin
    for is_video, frame in decoded(source, order.start):
        if is_video:
            picture.add(frame)
        else:
            waiting.append(frame)
        if sound is not None and picture.is_begun:
            for heard in waiting:
                sound.add(heard)
            waiting.clear()
        if picture.is_done and (sound is None or sound.is_done or picture.is_late):
            break
    picture.end()
    if sound is not None:
        sound.end()


def _redacting(order: Order) -> Redacting | None:
    """Return what blurs the frames; its model is loaded now."""
    if not order.redact:
        return None
    side = GROWING_SIDE if order.growing else SIDE
    chosen = Chosen.sent(order.chosen)
    return Redacting(open_redactor(order.redact, chosen=chosen, side=side, threads=2))


def decoded(source: Source, start: float) -> Iterator[tuple[bool, Any]]:
    """Yield frames from before a time on, and whether each one is of the picture.

    Of the frames before it, those that no other frame builds on are not decoded.
    """
    context = source.video.codec_context
    for packet in source.packets(start - _BEFORE_S):
        is_video = packet.stream is source.video
        if is_video:
            context.skip_frame = "NONREF" if source.is_before(packet, start) else "DEFAULT"
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # damage of one packet, as players go on after it
        for frame in frames:
            yield is_video, frame
    for frame in context.decode(None):
        frame.time_base = source.opened.time_base
        yield True, frame
