"""What the API takes and gives when a camera is tested."""

from base64 import b64encode
from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from api.camera_schemas import CameraUrl
from clipseek.live.looking import Looked


class CameraTest(BaseModel):
    """A camera to test before it is added."""

    model_config = ConfigDict(extra="forbid")

    url: CameraUrl


class CameraTestAnswer(BaseModel):
    """What a camera sends."""

    works: bool = Field(description="Whether a frame of it was decoded.")
    reason: str = Field(description="Why not; empty if it works.")
    coding: str = Field(
        description="Container, codec, pixels and sound of the stream; empty if it was not opened."
    )
    rate: float = Field(description="Frames in a second; 0 if the stream does not say.")
    width: int = Field(description="Pixels; 0 if there was no picture.")
    height: int = Field(description="Pixels; 0 if there was no picture.")
    picture: str | None = Field(
        description="The first frame: a JPEG in base64; null if there was no picture."
    )

    @classmethod
    def of(cls, found: Looked) -> Self:
        """Describe what a camera sends."""
        picture = b64encode(found.picture).decode() or None
        return cls(**asdict(found) | {"picture": picture})
