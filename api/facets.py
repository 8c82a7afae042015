"""The endpoint of facets: the folders and the tags that searches of a collection can filter by."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from api import openapi_examples, problem_kinds
from api.asked import readable
from api.dependencies import Opened
from api.limits import MAX_FOLDER_CHARACTERS, MAX_PAGE, expect, text
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from clipseek.errors import CollectionNotFound, InvalidQuery, NothingIndexed
from clipseek.library.facets import Facets, facets

router = ReadingRouter(route_class=PatientRoute)


class FacetsAsked(InCollection):
    """Which facets."""

    folder: Annotated[
        str,
        Field(
            max_length=MAX_FOLDER_CHARACTERS,
            description="What the folders must begin with; all folders without it.",
        ),
        text(0, MAX_FOLDER_CHARACTERS),
    ] = ""
    limit: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_PAGE,
            description=f"Most folders, and most tags of either kind, 1 to {MAX_PAGE}.",
        ),
        expect(f"a whole number from 1 to {MAX_PAGE}"),
    ] = 100


class TagCount(BaseModel):
    """A tag and how many videos have it."""

    tag: str
    videos: int


class SegmentTagCount(BaseModel):
    """A tag on spans, how many videos have such spans, and how many these are."""

    tag: str
    videos: int
    spans: int


class FacetsAnswer(BaseModel):
    """What searches of a collection can filter by."""

    folders: list[str] = Field(
        description="Folders that contain videos, and those that these are in, ascending; those "
        "with few parts if there are too many."
    )
    more_folders: bool = Field(description="Whether there are more: ask with a longer `folder`.")
    tags: list[TagCount] = Field(description="The most used tags first.")
    more_tags: bool = Field(description="Whether there are more.")
    segment_tags: list[SegmentTagCount] = Field(
        description="Tags on spans that were not rejected, those of the most videos first."
    )
    more_segment_tags: bool = Field(description="Whether there are more.")


FACETS_ANSWER: dict[str, Any] = {
    "folders": ["/videos", "/videos/2024", "/videos/2025"],
    "more_folders": False,
    "tags": [{"tag": "city", "videos": 2}, {"tag": "night", "videos": 1}],
    "more_tags": False,
    "segment_tags": [{"tag": "red car", "videos": 2, "spans": 5}],
    "more_segment_tags": False,
}


@router.get(
    "/v1/facets",
    tags=["search"],
    summary="List what a collection can be filtered by",
    responses=openapi_examples.responses(
        "/v1/facets",
        InvalidQuery,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=FACETS_ANSWER,
    ),
)
def listed(asking: Asking, service: Opened, asked: Annotated[FacetsAsked, Query()]) -> FacetsAnswer:
    """Return folders that begin with a text and the most used tags, of all videos.

    They are those of the version that searches are answered from; none if there is no default
    collection yet.
    """
    name = readable(asking, service, asked)
    try:
        view = service.collections.latest(name).view
    except NothingIndexed:
        found, spans = Facets((), more_folders=False, tags=(), more_tags=False), []
    else:
        found, spans = facets(view.parts, asked.folder, asked.limit), view.fields.marks.counts()
    return FacetsAnswer(
        folders=list(found.folders),
        more_folders=found.more_folders,
        tags=[TagCount(tag=tag, videos=count) for tag, count in found.tags],
        more_tags=found.more_tags,
        segment_tags=[
            SegmentTagCount(tag=tag, videos=videos, spans=count)
            for tag, videos, count in spans[: asked.limit]
        ],
        more_segment_tags=len(spans) > asked.limit,
    )
