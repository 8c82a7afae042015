"""What is wrong with the fields of a request, in one sentence for each."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from api.schemas import FieldError

MAX_ERRORS = 5
MAX_DETAIL = 1000
MAX_FIELD = 80

_UNWANTED = "what must not be seen is one of `parts`, with a negative weight"
_THEN = "what must follow is `then`, an object with a `query` or what else a search has"
MEANT = MappingProxyType(
    dict.fromkeys(("not", "without", "exclude", "negative"), _UNWANTED)
    | dict.fromkeys(("then_query", "followed_by", "next"), _THEN)
)
"""What a field of a search that does not exist is probably meant to be."""


def field_errors(raw: Sequence[Any]) -> list[FieldError]:
    """Say in one sentence per field what pydantic found; at most `MAX_ERRORS` of them."""
    return [
        FieldError(field=_field(error["loc"]), detail=_sentence(error))
        for error in raw[:MAX_ERRORS]
    ]


def validation_detail(fields: Sequence[FieldError], total: int) -> str:
    """Join the sentences of the fields into one."""
    more = f"; and {total - len(fields)} more" if total > len(fields) else ""
    return "; ".join(field.detail for field in fields) + more


def _field(location: Sequence[int | str]) -> str:
    """Name a field as a path, without the part of the request that it is in."""
    names = [str(part) for part in location[1:]] or [str(part) for part in location]
    return clean(".".join(names), MAX_FIELD)


def _sentence(error: Mapping[str, Any]) -> str:
    """Say what a field must be; `schemas.expect` has said it already for most."""
    field = _field(error["loc"])
    reasons = {
        "limits": error["msg"],
        "missing": "is required",
        "extra_forbidden": "is not a known field" + _hint(error["loc"]),
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
        "dict_type": "must be an object",
        "too_short": "must have {min_length} or more entries, got {actual_length}",
        "too_long": "must have {max_length} entries or fewer, got {actual_length}",
    }
    said = reasons.get(error["type"], _lower(error["msg"]))
    if error["type"] in ("too_short", "too_long"):
        said = said.format_map(error["ctx"])
    return clean(f"{field} {said}", MAX_DETAIL)


def _hint(location: Sequence[int | str]) -> str:
    """Say what an unknown field of a body is probably meant to be, if that is known."""
    meant = MEANT.get(str(location[-1])) if location[0] == "body" else None
    return f"; {meant}" if meant else ""


def _lower(message: str) -> str:
    return "is wrong: " + message[:1].lower() + message[1:]


def clean(text: str, length: int) -> str:
    """Cut text and replace what UTF-8 cannot write, such as lone surrogates."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    return cut.encode("utf-8", "replace").decode()
