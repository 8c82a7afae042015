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
from api.principal import Asking
from api.problem_kinds import STORE
from api.schemas import InCollection
from clipseek import editlist
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

    format: Literal["edl"] = Field(default="edl", description="`edl`: CMX 3600.")
    collection: DefaultCollection = None
    title: Name = "clipseek"
    moments: Annotated[
        list[ChosenMoment],
        Field(min_length=1, max_length=MAX_MOMENTS, description=f"1 to {MAX_MOMENTS} moments."),
    ]


router = APIRouter(route_class=PatientRoute)


@router.post(
    "/v1/edit-lists",
    tags=["library"],
    summary="Export moments for film editors",
    response_class=Response,
    responses={
        200: {"description": "The list, as a file.", "content": {"text/plain": {}}},
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
    """Return the moments one after the other, with timecodes at the frame rate of their videos.

    All videos must have one frame rate. 29.97 and 59.94 frames per second have drop-frame timecode.
    """
    collection = readable(asking, service, InCollection(collection=asked.collection))
    ids = sorted({moment.video for moment in asked.moments})
    found = service.catalog.videos_by_id(collection, ids)
    if missing := [each for each in ids if each not in found]:
        raise VideoNotFound(missing[0], collection)
    cuts = [_cut(found[moment.video], moment) for moment in asked.moments]
    return Response(
        editlist.edl(asked.title, cuts),
        media_type="text/plain",
        headers={"Content-Disposition": 'attachment; filename="moments.edl"'},
    )


def _cut(video: Video, moment: ChosenMoment) -> editlist.Cut:
    if not moment.start < moment.end:
        raise InvalidQuery(f"end must be greater than start ({moment.start:g}), got {moment.end:g}")
    if not video.frame_rate:
        raise InvalidQuery(
            f"the frame rate of video {video.id} is not known; index it again with "
            "`indexer ingest --force`, or leave its moments out"
        )
    rate = Fraction(video.frame_rate)
    return editlist.Cut(video.title, video.uri, rate, moment.start, moment.end, moment.name)
