"""What finds what is blurred beside faces."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from clipseek.config.values import AtHome, names


class RedactionSettings(BaseModel):
    """What finds what is blurred beside faces."""

    redact_detector: AtHome | None = Field(
        default=None,
        description="what finds what is blurred beside faces in redacted collections: an ONNX file "
        "with its classes beside it",
    )
    redact_classes: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(names)] = Field(
        default=None,
        description="which classes of that detector are blurred; without it, all",
    )
