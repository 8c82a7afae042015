"""What finds objects in videos."""

from pydantic import BaseModel, Field

from clipseek.config.values import AtHome


class ObjectSettings(BaseModel):
    """What finds objects in videos."""

    detector: str | None = Field(
        default=None,
        min_length=1,
        description="what finds objects in videos: an ONNX file with its classes beside it, or "
        "demo; default: nothing",
    )
    object_rules: AtHome | None = Field(
        default=None,
        description="JSON file: which objects are kept, by class and by camera",
    )
