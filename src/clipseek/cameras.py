"""Cameras: named live sources, what may be said of them, and how recorders share them. Pure.

A *recorder* takes cameras under a lease and renews it with each *beat*. If the recorder dies, its
lease expires, and another recorder takes its cameras.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self, get_args
from urllib.parse import SplitResult, urlsplit

from clipseek.errors import RequestError, StateError

CameraStatus = Literal["waiting", "connecting", "live", "stalled", "failed", "paused"]
"""No recorder runs it; it is being connected; it sends; it sends nothing; it failed; it is off."""
STATUSES: tuple[CameraStatus, ...] = get_args(CameraStatus)

SCHEMES: Mapping[str, int] = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""The schemes of cameras with their ports (RFC 7826, 4.2; RFC 9110, 4.2)."""
WEBCAM = "webcam:"
"""The URL and the address of a camera whose pictures a browser sends: see `feeds`."""
MAX_URL_CHARACTERS = 2048
MAX_FPS = 30.0
MIN_RETAIN_S = 60.0
MAX_RETAIN_S = 100 * 365 * 86400.0
UNHELD = "no recorder runs it; start one with `indexer record`"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DEVICE = re.compile(r"/dev/video[0-9]{1,3}")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZE = re.compile(r"([1-9][0-9]{0,14})([KMGT]?)")
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class CameraNotFound(RequestError):
    """There is no camera with this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no camera {name!r}; `indexer cameras list` prints the cameras")

    @property
    def told(self) -> str:
        """The message without the command."""
        return f"no camera {self.name!r}; GET /v1/cameras lists the cameras"


class CameraTaken(StateError):
    """There is a camera with this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"there is a camera {name!r} already; choose another name, or remove that one first"
        )


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera does, as its recorder said last.

    received, decoded, dropped, embedded: Frames since the recorder took it. fps: Frames that come
    in each second. delay_p50_s, delay_p95_s: Seconds from the arrival of a frame to its commit;
    None if nothing was committed lately. last_frame_at: RFC 3339 in UTC, or empty.
    """

    status: CameraStatus = "waiting"
    reason: str = ""
    received: int = 0
    decoded: int = 0
    dropped: int = 0
    embedded: int = 0
    fps: float = 0.0
    delay_p50_s: float | None = None
    delay_p95_s: float | None = None
    reconnects: int = 0
    last_frame_at: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(
                f"the state of a camera is one of {', '.join(STATUSES)}, got {self.status!r}"
            )

    @property
    def told(self) -> str:
        """Why it does not run, without the command."""
        return "no recorder runs it" if self.reason == UNHELD else self.reason

    def seen(self, *, is_held: bool, paused: bool) -> Self:
        """Return the state as people see it: what a recorder said last may be over."""
        if paused:
            return replace(self, status="paused", reason="")
        if not is_held:
            return replace(self, status="waiting", reason=UNHELD)
        return self


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera.

    collection: The name that was asked for, which may be an alias.
    address: What people see of the URL: no user, no password, no query.
    sealed: The whole URL, encrypted (`live.sealing`); empty for a webcam.
    fps: Frames to look at each second, at most; None for the sampling of the settings.
    records: Whether footage is kept, and not only thumbnails and vectors.
    retain_s, retain_bytes: How long, and how much of it; None for ever, and for all.
    epoch: Random, made with the camera: another camera of the same name has another one.
    created_at, state_at: RFC 3339 in UTC; `state_at` is empty before the first beat.
    """

    name: str
    collection: str
    address: str
    sealed: bytes = field(repr=False)
    fps: float | None = None
    records: bool = False
    retain_s: float | None = None
    retain_bytes: int | None = None
    paused: bool = False
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    created_at: str = ""
    state: CameraState = field(default_factory=CameraState)
    state_at: str = ""

    @property
    def is_webcam(self) -> bool:
        """Whether a browser sends its pictures."""
        return self.address == WEBCAM

    def __post_init__(self) -> None:
        camera_name(self.name)
        if self.fps is not None and not 0 < self.fps <= MAX_FPS:
            raise ValueError(f"fps must be > 0 and <= {MAX_FPS:g}, got {self.fps:g}")
        if self.retain_s is not None and not MIN_RETAIN_S <= self.retain_s <= MAX_RETAIN_S:
            raise ValueError(
                f"retain_s must be from {MIN_RETAIN_S:g} to {MAX_RETAIN_S:g} seconds, got "
                f"{self.retain_s:g}; leave it out to keep everything"
            )
        if self.retain_bytes is not None and not 0 < self.retain_bytes < 2**63:
            raise ValueError(
                f"retain_bytes must be from 1 to {2**63 - 1}, got {self.retain_bytes}; leave it "
                "out to keep everything"
            )


@dataclass(frozen=True, slots=True)
class Held:
    """What a recorder holds after a beat.

    cameras: With their settings of now; one that is missing was removed, paused or taken over.
    spare: The names of those that another recorder should have: end their chunks and release them.
    """

    cameras: tuple[Camera, ...] = ()
    spare: frozenset[str] = frozenset()


def camera_name(name: str) -> str:
    """Return the name if it is valid; it is part of uris and a label of metrics, so it is plain.

    Raises:
        ValueError: it has other characters, or more than 64 of them.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "the name of a camera has 1 to 64 of a-z, 0-9, '_' and '-', and starts with a letter "
            f"or digit, got {name!r}"
        )
    return name


def address_of(url: str, *, devices: bool = False) -> str:
    """Return what people may see of the URL of a camera: no user, no password, no query.

    `devices` says whether it may be a device of this machine, such as /dev/video0. A webcam, whose
    pictures a browser sends, has `WEBCAM` as URL and as address.

    Raises:
        ValueError: it is not the URL of a camera. The message does not repeat it.
    """
    if url == WEBCAM or (devices and _DEVICE.fullmatch(url)):
        return url
    parts = split_url(url)
    host, port = parts.hostname or "", parts.port
    shown = f"[{host}]" if ":" in host else host
    at = "" if port in (None, SCHEMES[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown}{at}{parts.path or '/'}"


def split_url(url: str) -> SplitResult:
    """Return the parts of a camera's URL; raise ValueError, which does not repeat it."""
    if not 0 < len(url) <= MAX_URL_CHARACTERS:
        raise ValueError(
            f"the URL of a camera has 1 to {MAX_URL_CHARACTERS} characters, got {len(url)}"
        )
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(
            "the URL of a camera must be ASCII without spaces and backslashes; escape them, as in "
            "%20"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(
            "the URL of the camera cannot be read; check its host and its port, and escape '/', "
            "'@', ':' and '[' in the password, as in %40"
        ) from None
    if parts.scheme not in SCHEMES:
        raise ValueError(
            "the URL of a camera begins with rtsp://, rtsps://, http:// or https://; only the "
            "command of the server's machine may name a device, such as /dev/video0"
        )
    if not host or port == 0 or parts.fragment:
        raise ValueError("the URL of a camera has a host, a port above 0 and no fragment; check it")
    return parts


def duration_s(text: str) -> float:
    """Return the seconds of a time such as `7d`, `12h`, `30m` or `4w`.

    Raises:
        ValueError: the text is not such a time.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(
            "a time is a number of weeks, days, hours, minutes or seconds, such as 4w, 7d, 12h, "
            f"30m or 90s, got {text!r}"
        )
    return float(int(found[1]) * _SECONDS[found[2]])


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as `100G` or `500M`, in powers of 1000.

    Raises:
        ValueError: the text is not such a size.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"a size is a number of bytes, or one with K, M, G or T, such as 100G, got {text!r}"
        )
    return int(found[1]) * _BYTES[found[2]]


def shares(cameras: int, recorders: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Return how many cameras each recorder should hold, as equal as their limits allow.

    Args:
        cameras: How many there are to run.
        recorders: How many each one can run at most, and how many it holds. Those that hold more
            come first where not all can have the same number, so that no camera moves needlessly.
    """
    given = dict.fromkeys(recorders, 0)
    order = sorted(recorders, key=lambda name: (-recorders[name][1], name))
    left = cameras
    while left > 0:
        open_ones = [name for name in order if given[name] < recorders[name][0]]
        if not open_ones:
            break
        each = max(1, left // len(open_ones))
        for name in open_ones:
            more = min(each, recorders[name][0] - given[name], left)
            given[name] += more
            left -= more
    return given
