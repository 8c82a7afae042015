"""What the API takes and gives about cameras."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from api.limits import CameraName, DefaultCollection, Moment, expect, text
from clipseek.cameras import (
    MAX_FPS,
    MAX_RETAIN_S,
    MAX_URL_CHARACTERS,
    MIN_RETAIN_S,
    Camera,
    CameraStatus,
)
from clipseek.holds import MAX_REASON_CHARACTERS, Hold

MAX_RETAIN_BYTES = 2**63 - 1


CameraUrl = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        description="An `rtsp`, `rtsps`, `http` or `https` URL, with user and password if the "
        "camera needs them, of a host in `CLIPSEEK_CAMERA_HOSTS`. It is stored encrypted, and no "
        "answer has it. Or `webcam:` for a camera whose pictures a browser sends.",
        json_schema_extra={"writeOnly": True},
    ),
    text(1, MAX_URL_CHARACTERS),
]
Fps = Annotated[
    float,
    Field(
        gt=0,
        le=MAX_FPS,
        description="Frames to look at each second, at most; null for the server's sampling.",
    ),
    expect(f"a number > 0 and <= {MAX_FPS:g}"),
]
RetainS = Annotated[
    float,
    Field(
        ge=MIN_RETAIN_S,
        le=MAX_RETAIN_S,
        description="Seconds that what it has recorded is kept; null for ever.",
    ),
    expect(f"a number of seconds from {MIN_RETAIN_S:g} to {MAX_RETAIN_S:g}"),
]
RetainBytes = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_RETAIN_BYTES,
        description="Bytes of its footage that are kept, the newest; null for all.",
    ),
    expect(f"a whole number from 1 to {MAX_RETAIN_BYTES}"),
]
Records = Annotated[
    bool, Field(description="Whether footage is kept, and not only pictures and vectors.")
]
Paused = Annotated[bool, Field(description="Whether it is off until it is resumed.")]


class NewCamera(BaseModel):
    """A camera to add."""

    model_config = ConfigDict(extra="forbid")

    name: CameraName
    url: CameraUrl
    collection: DefaultCollection = None
    fps: Fps | None = None
    records: Records = False
    retain_s: RetainS | None = None
    retain_bytes: RetainBytes | None = None
    paused: Paused = False


class CameraEdit(BaseModel):
    """What to change of a camera; what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: CameraUrl | None = None
    fps: Fps | None = None
    records: Records | None = None
    retain_s: RetainS | None = None
    retain_bytes: RetainBytes | None = None
    paused: Paused | None = None

    def changes(self) -> dict[str, object]:
        """Return the settings to change. Null lifts a limit, and names nothing of the others."""
        named = self.model_dump(exclude_unset=True, exclude={"url"})
        lifted = ("fps", "retain_s", "retain_bytes")
        return {key: value for key, value in named.items() if value is not None or key in lifted}


class CameraAnswer(BaseModel):
    """One camera and how it does, as its recorder said last."""

    name: str
    collection: str
    address: str | None = Field(
        description="Scheme, host, port and path of its URL; null unless the key has the scope "
        "`admin`."
    )
    webcam: bool = Field(description="Whether a browser sends its pictures.")
    fps: float | None = Field(
        description="Frames that are looked at each second, at most; null for the server's "
        "sampling."
    )
    records: Records
    retain_s: float | None = Field(description="Seconds that recordings are kept; null for ever.")
    retain_bytes: int | None = Field(description="Bytes of footage that are kept; null for all.")
    paused: Paused
    created_at: str = Field(description="RFC 3339 in UTC.")
    state: CameraStatus = Field(
        description="`waiting` if no recorder runs it, `connecting`, `live`, `stalled` if it sends "
        "nothing, `failed` if it is tried again later, or `paused`."
    )
    reason: str = Field(description="Why it is not `live`; empty otherwise.")
    fps_in: float = Field(description="Frames that come in each second.")
    received: int = Field(description="Frames that came in since the recorder took it.")
    decoded: int = Field(description="Frames that were decoded.")
    dropped: int = Field(description="Frames that a newer one has replaced.")
    embedded: int = Field(description="Frames that have a vector.")
    delay_p50_s: float | None = Field(
        description="Median of the seconds from the arrival of a frame until it can be searched; "
        "null if nothing was stored lately."
    )
    delay_p95_s: float | None = Field(description="The 95th percentile of the same.")
    reconnects: int = Field(description="How often it was connected again.")
    last_frame_at: str | None = Field(description="When its last frame came, in UTC.")
    state_at: str | None = Field(description="When its recorder said this, in UTC.")

    @classmethod
    def of(cls, camera: Camera, *, is_admin: bool) -> Self:
        """Describe a camera."""
        state = camera.state
        return cls(
            name=camera.name,
            collection=camera.collection,
            address=camera.address if is_admin else None,
            webcam=camera.is_webcam,
            fps=camera.fps,
            records=camera.records,
            retain_s=camera.retain_s,
            retain_bytes=camera.retain_bytes,
            paused=camera.paused,
            created_at=camera.created_at,
            state=state.status,
            reason=state.told,
            fps_in=state.fps,
            received=state.received,
            decoded=state.decoded,
            dropped=state.dropped,
            embedded=state.embedded,
            delay_p50_s=state.delay_p50_s,
            delay_p95_s=state.delay_p95_s,
            reconnects=state.reconnects,
            last_frame_at=state.last_frame_at or None,
            state_at=camera.state_at or None,
        )


class CamerasAnswer(BaseModel):
    """Cameras, by name."""

    cameras: list[CameraAnswer]


class NewHold(BaseModel):
    """A span to keep."""

    model_config = ConfigDict(extra="forbid")

    camera: CameraName
    start_at: Moment
    end_at: Moment
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_REASON_CHARACTERS,
            description="Why, such as the number of a case.",
        ),
        text(1, MAX_REASON_CHARACTERS),
    ]


class HoldAnswer(BaseModel):
    """A span of what a camera has recorded, which is kept until the hold is removed."""

    id: str
    camera: str
    start_at: str = Field(description="RFC 3339 in UTC.")
    end_at: str = Field(description="RFC 3339 in UTC.")
    reason: str
    by: str = Field(description="Who asked for it.")
    created_at: str = Field(description="RFC 3339 in UTC.")

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """Describe a hold."""
        return cls(
            id=hold.id,
            camera=hold.camera,
            start_at=hold.start_at,
            end_at=hold.end_at,
            reason=hold.reason,
            by=hold.by,
            created_at=hold.created_at,
        )


class HoldsAnswer(BaseModel):
    """Holds, the oldest first."""

    holds: list[HoldAnswer]
