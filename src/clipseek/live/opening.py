"""Opens the stream of a camera: RTSP, MJPEG, HLS or progressive over HTTP, or a local device."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import av
from av.container import InputContainer

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_PROBE_S = 2.0
"""How much of a stream is looked at to find out what it is, if it does not say."""
# What a stream may lead to: a playlist of a hostile camera must not read files of this machine.
_FOLLOWED: Mapping[str, str] = {
    "rtsp": "rtsp,rtp,srtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,srtp,udp,tcp,tls",
    "http": "http,https,tcp,tls,crypto,hls,httpproxy",
    "https": "http,https,tcp,tls,crypto,hls,httpproxy",
}
UNTIMED = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe"})
"""Formats whose timestamps are made up by the demuxer: their frames are timed by their arrival."""


def opened(url: str, *, open_s: float, read_s: float) -> InputContainer:
    """Open a stream.

    RTSP is read over TCP, or over UDP with `?transport=udp`, which is not sent to the camera.

    Raises:
        Any error of libav, whose message may hold the URL: see `faults.reason_of`.
    """
    if url.startswith("/dev/video"):
        return av.open(url, format="v4l2", timeout=(open_s, read_s))
    url, transport = split_transport(url)
    scheme = urlsplit(url).scheme
    options = {
        "protocol_whitelist": _FOLLOWED[scheme],
        "analyzeduration": str(int(_PROBE_S * 1e6)),
        # Opening does not wait for twenty frames to measure their rate.
        "fpsprobesize": "0",
    }
    if scheme.startswith("rtsp"):
        options |= {
            "rtsp_transport": transport,
            "allowed_media_types": "video",
            "timeout": str(int(max(open_s, read_s) * 1e6)),
        }
    else:
        # The newest part of a playlist: what is older is not live.
        options |= {"rw_timeout": str(int(read_s * 1e6)), "live_start_index": "-1"}
    return av.open(url, options=options, timeout=(open_s, read_s))


def split_transport(url: str) -> tuple[str, str]:
    """Return a URL without `transport`, and how RTSP is read: "tcp" or "udp"."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("rtsp") or "transport=" not in parts.query:
        return url, "tcp"
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "transport"]
    transport = dict(asked).get("transport", "tcp")
    query = urlencode(kept)
    return urlunsplit(parts._replace(query=query)), "udp" if transport == "udp" else "tcp"


def is_paced_by_us(url: str, format_name: str) -> bool:
    """Say whether a stream comes as fast as it is read, so that its frames must be waited for."""
    return url.startswith("http") and format_name not in UNTIMED


def stamp_first(packets: "Sequence[Packet[VideoStream]]") -> None:
    """Give the first packet its time by those of the next two: in RTSP, it has none."""
    stamps = [packet.dts for packet in packets]
    if len(stamps) == 3 and packets[0].pts is None and None not in stamps[1:]:
        second, third = cast("list[int]", stamps[1:])
        if third > second:
            packets[0].dts = packets[0].pts = 2 * second - third
