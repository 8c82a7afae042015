"""The endpoint that exports chosen moments as an edit list for film editors."""

from fractions import Fraction
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import openapi_examples, problem_kinds
from api.asked import readable
from api.dependencies import Opened
from api.limits import DefaultCollection, VideoId, expect, text
from api.patient_route import PatientRoute
from api.playable import has_sound
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from clipseek.editlist import Cut, formats
from clipseek.errors import CollectionNotFound, InvalidQuery, VideoNotFound
from clipseek.types import Video

MAX_MOMENTS = 999
"""CMX 3600 numbers its events with three digits."""
MAX_NAME = 200

Seconds = Annotated[
    float, Field(ge=0, le=359_999, allow_inf_nan=False), expect("a number from 0 to 359999")
]
Name = Annotated[str, Field(max_length=MAX_NAME), text(0, MAX_NAME)]


class ChosenMoment(BaseModel):
    """One moment of an edit list."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    video: VideoId
    start: Seconds = Field(description="Seconds from the start of the video.")
    end: Seconds = Field(description="Seconds; the moment is [start, end).")
    name: Name = Field(default="", description="A comment, such as the query that found it.")


class EditList(BaseModel):
    """The moments of an edit list, in their order."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "format": "edl",
                    "title": "red cars",
                    "moments": [
                        {
                            "video": "3b1f0a52c7d94e6886a1f2d03c5be917",
                            "start": 42.0,
                            "end": 47.5,
                            "name": "a red car turning at night",
                        }
                    ],
                }
            ]
        },
    )

    format: Literal["edl", "fcpxml", "otio"] = Field(
        default="edl",
        description="`edl`: CMX 3600; all videos must have one frame rate. `fcpxml`: FCPXML 1.10. "
        "`otio`: OpenTimelineIO, if the server has the library.",
    )
    collection: DefaultCollection = None
    title: Name = "clipseek"
    moments: Annotated[
        list[ChosenMoment],
        Field(min_length=1, max_length=MAX_MOMENTS, description=f"1 to {MAX_MOMENTS} moments."),
    ]


class EditListFormats(BaseModel):
    """The formats that edit lists can have."""

    formats: list[str] = Field(description="Each is a `format`, and the ending of its file.")


router: APIRouter = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/edit-lists",
    tags=["library"],
    summary="List the formats for film editors",
    responses=openapi_examples.responses(
        "/v1/edit-lists",
        problem_kinds.FORBIDDEN,
        *STORE,
        success={"formats": ["edl", "fcpxml", "otio"]},
    ),
)
def edit_list_formats(asking: Asking) -> EditListFormats:
    """Return the formats that this server writes."""
    permit(asking, "search")
    return EditListFormats(formats=list(formats()))


_CONTENT: dict[str, dict[str, object]] = {
    "text/plain": {},
    "application/xml": {},
    "application/vnd.pixar.opentimelineio+json": {},
}


@router.post(
    "/v1/edit-lists",
    tags=["library"],
    summary="Export moments for film editors",
    response_class=Response,
    responses={
        200: {"description": "The list, as a file.", "content": _CONTENT},
        **openapi_examples.responses(
            "/v1/edit-lists",
            InvalidQuery,
            VideoNotFound,
            CollectionNotFound,
            problem_kinds.FORBIDDEN,
            problem_kinds.MALFORMED_JSON,
            problem_kinds.BODY_TOO_LARGE,
            *STORE,
        ),
    },
)
def edit_list(asking: Asking, service: Opened, asked: EditList) -> Response:
    """Return the moments one after the other, counted in frames of their videos.

    29.97 and 59.94 frames per second have drop-frame timecode.
    """
    offered = formats()
    if asked.format not in offered:
        raise InvalidQuery(
            f"format must be one of {', '.join(offered)}, got {asked.format!r}; the operator of "
            f"the server can install `clipseek[{asked.format}]`"
        )
    collection = readable(asking, service, InCollection(collection=asked.collection))
    ids = sorted({moment.video for moment in asked.moments})
    found = service.catalog.videos_by_id(collection, ids)
    if missing := [each for each in ids if each not in found]:
        raise VideoNotFound(missing[0], collection)
    cuts = [_cut(found[moment.video], moment) for moment in asked.moments]
    written = offered[asked.format]
    return Response(
        written.write(asked.title, cuts),
        media_type=written.media_type,
        headers={"Content-Disposition": f'attachment; filename="moments.{asked.format}"'},
    )


def _cut(video: Video, moment: ChosenMoment) -> Cut:
    if not moment.start < moment.end:
        raise InvalidQuery(f"end must be greater than start ({moment.start:g}), got {moment.end:g}")
    if moment.start >= video.duration:
        raise InvalidQuery(
            f"start must be less than the duration of video {video.id} ({video.duration:g}), got "
            f"{moment.start:g}"
        )
    if not video.frame_rate:
        raise InvalidQuery(
            f"the frame rate of video {video.id} is not known; index it again with "
            "`indexer ingest --force`, or leave its moments out"
        )
    return Cut(
        title=video.title,
        uri=video.uri,
        rate=Fraction(video.frame_rate),
        start=moment.start,
        end=min(moment.end, video.duration),
        name=moment.name,
        starts=video.timecode,
        duration=video.duration,
        width=video.width,
        height=video.height,
        has_sound=has_sound(video.coding),
    )
