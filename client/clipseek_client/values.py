"""What all values of answers are: frozen, and with URLs that can be opened."""

from typing import Annotated
from urllib.parse import urljoin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo


def _absolute(url: str, info: ValidationInfo) -> str:
    """Return a URL of an answer as one that can be opened."""
    address = (info.context or {}).get("address", "")
    return urljoin(f"{address}/", url) if address else url


Url = Annotated[str, AfterValidator(_absolute)]


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ObjectPlace(Answer):
    """Where an object is in the frame at `time` seconds: edges as fractions of its sides.

    is_shown: Whether that frame is the thumbnail of the hit.
    """

    time: float
    left: float
    top: float
    right: float
    bottom: float
    is_shown: bool


class SegmentTag(Answer):
    """A tag on the seconds [start, end) of a video.

    relevance: 0 to 1, by the rule. state: "proposed" by a rule, or "accepted" or "corrected".
    """

    tag: str
    start: float
    end: float
    relevance: float
    state: str
