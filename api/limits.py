"""The limits of what a request may contain; each refusal is one sentence that names the limit."""

import re
import unicodedata
from base64 import b64decode
from datetime import datetime
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from clipseek.cameras import camera_name
from clipseek.config import collection_name
from clipseek.cursor import CURSOR_CHARACTERS, Cursor
from clipseek.errors import InvalidQuery
from clipseek.filters import LANGUAGE
from clipseek.parts import MAX_QUERY_CHARACTERS
from clipseek.sources.guard import MAX_URL_CHARACTERS

MAX_VIDEO_IDS = 1000
MAX_TAGS = 100
MAX_CAMERAS = 100
MAX_TAG_CHARACTERS = 200
MAX_FOLDER_CHARACTERS = 4096
MAX_NAME_CHARACTERS = 200
MAX_TITLE_CHARACTERS = 1000
MAX_LANGUAGE_CHARACTERS = 35  # RFC 5646, 4.4.1
MAX_VIDEO_ID_CHARACTERS = 128
MAX_PAGE = 1000
MAX_SEGMENT_ID = 2**63 - 1

_CONTROL = {"Cc", "Cs"}
"""Unicode categories that no query or name has: control characters and lone surrogates."""


def expect(words: str) -> WrapValidator:
    """Replace whatever a field's own checks say by one sentence: what it must be, what it got."""

    def check(value: object, inner: ValidatorFunctionWrapHandler) -> object:
        try:
            return inner(value)
        except ValidationError as error:
            if any(found["type"] == "limits" for found in error.errors(include_input=False)):
                raise  # an element has said already what is wrong with it
            message = f"must be {words}, got {_described(value)}"
            raise limits(message) from error

    return WrapValidator(check)


def text(low: int, high: int) -> BeforeValidator:
    """Trim text and require `low` to `high` characters, none of them a control character."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise limits(f"must be text, got {_described(value)}")
        trimmed = value.strip()
        if not low <= len(trimmed) <= high:
            raise limits(f"must have {low} to {high} characters, got {len(trimmed)}")
        if trimmed.isprintable():  # and so has no control characters
            return trimmed
        for position, character in enumerate(trimmed):
            if unicodedata.category(character) in _CONTROL:
                code = f"U+{ord(character):04X}"
                raise limits(f"must have no control characters, got {code} at position {position}")
        return trimmed

    return BeforeValidator(check)


def _collection(value: object) -> str:
    if not isinstance(value, str):
        raise limits(f"must be text, got {_described(value)}")
    try:
        return collection_name(value)
    except ValueError as error:
        raise limits(
            "must have 1 to 64 of a-z, 0-9, '_' and '-', and start with a letter or digit, "
            f"got {_described(value)}"
        ) from error


def _camera(value: object) -> str:
    try:
        return camera_name(value if isinstance(value, str) else "")
    except ValueError as error:
        raise limits(
            "must have 1 to 64 of a-z, 0-9, '_' and '-', and start with a letter or digit"
        ) from error


def moment_of(value: str) -> datetime:
    """Read a time of RFC 3339; raise ValueError."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _moment(value: object) -> str:
    if not isinstance(value, str):
        raise limits(f"must be text, got {_described(value)}")
    try:
        moment_of(value)
    except ValueError as error:
        raise limits(
            "must be a date and time with a time zone, such as 2026-11-28T09:30:00Z, got "
            f"{_described(value)}"
        ) from error
    return value


def _language(value: object) -> str:
    is_short = isinstance(value, str) and len(value) <= MAX_LANGUAGE_CHARACTERS
    if not is_short or not re.fullmatch(LANGUAGE, str(value)):
        raise limits(
            f"must be a tag of BCP 47 of at most {MAX_LANGUAGE_CHARACTERS} characters, such as en "
            f"or de-AT, got {_described(value)}"
        )
    return str(value)


def _cursor(value: object) -> str:
    if not isinstance(value, str):
        raise limits(f"must be text, got {_described(value)}")
    try:
        Cursor.of(value)
    except InvalidQuery as error:
        raise limits(str(error).removeprefix("cursor ")) from error
    return value


def limits(message: str) -> PydanticCustomError:
    """Return the error that says what a field must be."""
    # Braces would be read as places to fill in.
    return PydanticCustomError("limits", "{message}", {"message": message})


def _described(value: object) -> str:
    """Name a value in few characters, in the words of JSON."""
    names = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return names[value]
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"{len(value)} characters"
    if isinstance(value, (list, dict)):
        return f"{len(value)} items" if isinstance(value, list) else "an object"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else "a huge number"
    return f"{value:.6g}" if isinstance(value, float) else "something else"


# Constraints are before the validators, which run first, so that the OpenAPI document has them.
Sentence = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_QUERY_CHARACTERS,
        description=f"A sentence that describes a moment: 1 to {MAX_QUERY_CHARACTERS} characters "
        "after trimming, without control characters.",
    ),
    text(1, MAX_QUERY_CHARACTERS),
]
VideoId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_VIDEO_ID_CHARACTERS,
        description="A video's id: the hash of its content.",
    ),
    text(1, MAX_VIDEO_ID_CHARACTERS),
]
Tag = Annotated[
    str, Field(min_length=1, max_length=MAX_TAG_CHARACTERS), text(1, MAX_TAG_CHARACTERS)
]
CollectionName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="The library to look in."),
    BeforeValidator(_collection),
]
CameraName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="A camera's name."),
    BeforeValidator(_camera),
]
DefaultCollection = Annotated[
    CollectionName | None,
    Field(description="The library to look in; without it, the server's `CLIPSEEK_COLLECTION`."),
]
Folder = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_FOLDER_CHARACTERS,
        description="Only videos in this folder or below it: what their `uri` begins with, up to a "
        "`/`, such as `/videos/holiday`. It is compared as text.",
    ),
    text(1, MAX_FOLDER_CHARACTERS),
]
Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TITLE_CHARACTERS,
        description="Only videos whose title begins with this, in upper or lower case.",
    ),
    text(1, MAX_TITLE_CHARACTERS),
]
Language = Annotated[
    str,
    Field(
        pattern=LANGUAGE,
        max_length=MAX_LANGUAGE_CHARACTERS,
        description="Only videos in which something is said or written in this language, by the "
        "languages of their subtitles, speech and texts in pictures: a tag of BCP 47 such as `en`. "
        "Its region is not compared.",
    ),
    BeforeValidator(_language),
]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}), BeforeValidator(_moment)]


def _of_base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise limits(f"must be a picture in base64, got {_described(value)}")
    try:
        return b64decode(value, validate=True)
    except ValueError as error:
        raise limits(
            f"must be a picture in base64 (RFC 4648, section 4), got {_described(value)}"
        ) from error


PictureFile = Annotated[
    bytes,
    BeforeValidator(_of_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
    Field(
        description="A JPEG, PNG or WebP in base64, in place of `query`: what looks like it is "
        "found. The body has at most 1 MiB, so a file has at most some 780 kB; 512 pixels are "
        "enough. It is not stored. Not in a batch.",
    ),
]
PictureUrl = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        description="Where a JPEG, PNG or WebP of at most 8 MiB is fetched from, in place of "
        "`image`, of a host in `CLIPSEEK_FETCH_HOSTS`. Not in a batch.",
    ),
    text(1, MAX_URL_CHARACTERS),
]
NextCursor = Annotated[
    str,
    Field(
        min_length=CURSOR_CHARACTERS,
        max_length=CURSOR_CHARACTERS,
        description="The `next_cursor` of the page before, to get the next one. Send it with the "
        "same `query`, `then`, `fields`, `filter`, `min_relevance`, `sort`, `group_by` and "
        "`collection`; `limit` may differ.",
    ),
    BeforeValidator(_cursor),
]
SegmentId = Annotated[
    int,
    Field(ge=1, le=MAX_SEGMENT_ID, description="A segment's id, from a hit or a video's segments."),
    expect(f"a whole number from 1 to {MAX_SEGMENT_ID}"),
]
ProblemName = Annotated[
    str,
    Field(min_length=1, max_length=64, description="The last part of a problem's `type`."),
    text(1, 64),
]
