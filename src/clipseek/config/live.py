"""How cameras are read and recorded."""

from pydantic import BaseModel, Field


class LiveSettings(BaseModel):
    """How cameras are read and recorded."""

    live_commit_s: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="seconds between two commits of what cameras show: what is new is searchable "
        "so much later",
    )
    live_chunk_s: float = Field(
        default=300.0,
        ge=10,
        le=3600,
        description="seconds of a chunk, which is one video and one file of a recording",
    )
    live_still_s: float = Field(
        default=10.0, gt=0, le=3600, description="pause between two frames of a scene that is still"
    )
    live_silent_s: float = Field(
        default=10.0,
        ge=1,
        le=300,
        description="seconds that a camera may send nothing before it is connected again",
    )
    camera_bytes: int = Field(
        default=2**28, ge=2**26, description="memory that decoding one camera may take"
    )
    recording_reserve_bytes: int = Field(
        default=2**30,
        ge=0,
        description="space that recordings leave free on their disk",
    )
    live_build_s: float = Field(
        default=3600.0,
        ge=0,
        description="seconds between two snapshots that recorders build of the collections of "
        "their cameras; 0: none",
    )
