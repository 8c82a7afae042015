"""What searches consist of: the request models."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_wrap_validator_function

from api.filter_schemas import Filter, StrictModel
from api.limits import (
    DefaultCollection,
    NextCursor,
    PictureFile,
    PictureUrl,
    Sentence,
    VideoId,
    expect,
    limits,
)
from clipseek.arranging import GROUPS, SORTS, Group, Sort
from clipseek.composition import CANDIDATES
from clipseek.explaining import MOST
from clipseek.filters import NO_FILTERS
from clipseek.parts import MAX_PARTS, MAX_WEIGHT, MIN_WEIGHT, Like, Part, Picture, Text
from clipseek.query import (
    MAX_BATCH,
    MAX_LIMIT,
    MAX_THEN,
    MAX_WITHIN_S,
    WITHIN_S,
    Query,
    Step,
)
from clipseek.timed import FIELDS
from clipseek.timed import Field as FieldName
from clipseek.types import FACETS, FacetKind


class LikeMoment(StrictModel):
    """A moment of the same collection, named by what stays when a video is indexed again."""

    video_id: VideoId
    time: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="Seconds from the start of the video."),
        expect("a number of seconds >= 0"),
    ]


_WEIGHTS = f"{MIN_WEIGHT:g} to {MAX_WEIGHT:g}, or {-MAX_WEIGHT:g} to {-MIN_WEIGHT:g}"
_ASKED = ("text", "like", "image", "image_url")


class SearchPart(StrictModel):
    """One part of a search: a sentence, a moment or a picture, exactly one of them."""

    weight: Annotated[
        float,
        Field(
            ge=-MAX_WEIGHT,
            le=MAX_WEIGHT,
            allow_inf_nan=False,
            description="How much the part counts against the others. Below zero, what it "
            f"describes is not wanted. {_WEIGHTS}.",
        ),
        expect(f"a number, {_WEIGHTS} for what is not wanted"),
    ] = 1.0
    like: LikeMoment | None = None
    image: PictureFile | None = None
    image_url: PictureUrl | None = None
    text: Annotated[Sentence | None, Field(validate_default=True)] = None

    @field_validator("weight")
    @classmethod
    def _not_zero(cls, weight: float) -> float:
        if abs(weight) < MIN_WEIGHT:
            raise limits(f"must be a number, {_WEIGHTS} for what is not wanted, got {weight:g}")
        return weight

    @field_validator("text")
    @classmethod
    def _one_of(cls, text: str | None, given: ValidationInfo) -> str | None:
        """Require one thing to ask with, unless one of these is wrong already."""
        if any(name not in given.data for name in _ASKED[1:]):
            return text
        asked = {**given.data, "text": text}
        count = sum(asked[name] is not None for name in _ASKED)
        if count != 1:
            others = "`like`, `image` or `image_url`"
            raise limits(f"or {others} is required, exactly one of them, got {count}")
        return text

    def of(self, pictures: Iterator[Picture]) -> Part:
        """Return the part in the words of the core, with the next picture if it is one."""
        found = _part(self.text, self.like, pictures, is_picture=picture_of(self) is not None)
        return replace(found, weight=self.weight)


def _part(
    text: str | None, like: LikeMoment | None, pictures: Iterator[Picture], *, is_picture: bool
) -> Part:
    if is_picture:
        return next(pictures)
    return Text(text or "") if like is None else Like(like.video_id, like.time)


class AskedWith(StrictModel):
    """What is asked with: a sentence, a moment, a picture or parts, exactly one of them."""

    like: LikeMoment | None = Field(
        default=None,
        description="A moment, such as a hit's `video.id` and `best_time`, in place of `query`: "
        "what looks like it is found. That moment itself is left out.",
    )
    image: PictureFile | None = None
    image_url: PictureUrl | None = None
    parts: Annotated[
        list[SearchPart] | None,
        Field(
            min_length=1,
            max_length=MAX_PARTS,
            description=f"1 to {MAX_PARTS} parts, in place of `query`: moments are found that fit "
            "all of those with a weight above zero, and none of the others.",
        ),
        expect(f"a list of 1 to {MAX_PARTS} parts"),
    ] = None
    query: Annotated[Sentence | None, Field(validate_default=True)] = None

    @field_validator("query")
    @classmethod
    def _one_of(cls, query: str | None, given: ValidationInfo) -> str | None:
        """Require a sentence or something in its place, unless one of these is wrong already."""
        instead = ("like", "image", "image_url", "parts")
        if any(name not in given.data for name in instead):
            return query
        others = [name for name in instead if given.data[name] is not None]
        if query is None and not others:
            raise limits("is required, or `like`, `image`, `image_url` or `parts`")
        if len(others) > 1:
            named = " and ".join(f"`{name}`" for name in others)
            raise limits(f"is not all: {named} are given; use `parts` for all of them")
        if query is not None and others:
            raise limits(f"must be left out if `{others[0]}` is given; use `parts` for both")
        return query

    def asked_parts(self, pictures: Iterator[Picture]) -> tuple[Part, ...]:
        """Return the parts in the words of the core, with the next pictures for those of them."""
        if self.parts is None:
            is_picture = picture_of(self) is not None
            return (_part(self.query, self.like, pictures, is_picture=is_picture),)
        return tuple(part.of(pictures) for part in self.parts)


class Then(AskedWith):
    """What must follow in the same video, and what must follow that."""

    within: Annotated[
        float,
        Field(
            gt=0,
            le=MAX_WITHIN_S,
            allow_inf_nan=False,
            description="Seconds after the end of the moment before, in which it must start.",
        ),
        expect(f"a number of seconds, more than 0 and at most {MAX_WITHIN_S:g}"),
    ] = WITHIN_S
    then: "Then | None" = None


class Search(AskedWith):
    """One search: of what a sentence describes, of what looks like a moment or a picture, or both.

    `parts` compose several of them, wanted and unwanted ones; `then` asks for what must follow.
    """

    then: Then | None = Field(
        default=None,
        description="What must follow in the same video, nested at most "
        f"{MAX_THEN} times. A hit is then the span of all, with its `steps`.",
    )
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT, description=f"Maximum number of hits, 1 to {MAX_LIMIT}."),
        expect(f"a whole number from 1 to {MAX_LIMIT}"),
    ] = 10
    collection: DefaultCollection = None
    filter: Filter | None = None
    min_relevance: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Leave out hits with less relevance, 0 to 1.",
        ),
        expect("a number from 0 to 1"),
    ] = 0.0
    fields: Annotated[
        list[FieldName] | None,
        Field(
            min_length=1,
            max_length=len(FIELDS),
            description="Where a sentence is searched: in pictures, subtitles, speech, the text "
            "that pictures show, or the objects that a detector found. In all by default.",
        ),
        expect(f"a list of some of {', '.join(FIELDS)}"),
    ] = None
    sort: Annotated[
        Sort,
        Field(
            description="The best hits first; by `time`, which means by the titles of videos and "
            "by time in each; or those of the videos first that were indexed last (`newest`). "
            f"Unless by relevance, the {CANDIDATES} nearest segments are sorted: those moments "
            "that match come before the others."
        ),
        expect(f"one of {', '.join(SORTS)}"),
    ] = "relevance"
    group_by: Annotated[
        Group | None,
        Field(
            description="`video`: one hit of each video, the best one that matches, which says how "
            f"many others match (`more_in_video`), among the {CANDIDATES} nearest segments."
        ),
        expect(f"{GROUPS[0]} or null"),
    ] = None
    facets: Annotated[
        list[Annotated[FacetKind, expect(f"one of {', '.join(FACETS)}")]] | None,
        Field(
            min_length=1,
            max_length=len(FACETS),
            description="What the videos that match are counted by: see `facets` of the answer.",
        ),
        expect(f"a list of some of {', '.join(FACETS)}"),
    ] = None
    mark_similar: Annotated[
        bool,
        Field(description="Let each hit say to which better hit it is near-identical."),
        expect("true or false"),
    ] = False
    sharpen: Annotated[
        bool,
        Field(
            description="Cut each moment of a sentence to the frames that show it: it begins and "
            "ends with one that has half of the relevance of the best frame in it. The database "
            "is read for that."
        ),
        expect("true or false"),
    ] = False

    @property
    def following(self) -> list[Then]:
        """The steps after the first, in order."""
        steps, step = [], self.then
        while step is not None:
            steps.append(step)
            step = step.then
        return steps

    @property
    def pictured(self) -> str:
        """The field that has a picture in it, or nothing."""
        for name in ("image", "image_url"):
            if getattr(self, name) is not None:
                return name
        if images_of(self):
            return "parts"
        return "then" if any(map(images_of, self.following)) else ""

    @property
    def images(self) -> list[bytes | str]:
        """The files or URLs of all pictures, in the order in which `asked` takes the pictures."""
        return [image for each in (self, *self.following) for image in images_of(each)]

    def asked(
        self, default: str, cursor: str | None = None, pictures: Sequence[Picture] = ()
    ) -> Query:
        """Return the search in the words of the core, of collection `default` if it names none.

        `pictures` are what `images` were decoded to.
        """
        shown = iter(pictures)
        parts = self.asked_parts(shown)
        return Query.of(
            parts,
            self.limit,
            collection=self.collection or default,
            filters=NO_FILTERS if self.filter is None else self.filter.passing(),
            min_relevance=self.min_relevance,
            cursor=cursor,
            mark_similar=self.mark_similar,
            fields=FIELDS if self.fields is None else tuple(dict.fromkeys(self.fields)),
            sort=self.sort,
            group_by=self.group_by,
            facets=tuple(dict.fromkeys(self.facets or ())),
            sharpen=self.sharpen,
            then=[Step(step.asked_parts(shown), step.within) for step in self.following],
        )


def images_of(asking: AskedWith) -> list[bytes | str]:
    """Return the files or URLs of the pictures of one step, in their order."""
    given = [picture_of(each) for each in (asking, *(asking.parts or ()))]
    return [image for image in given if image is not None]


def picture_of(given: AskedWith | SearchPart) -> bytes | str | None:
    """Return the file of a picture, or its URL."""
    return given.image if given.image is not None else given.image_url


class PagedSearch(Search):
    """One search, or a later page of its answer."""

    cursor: NextCursor | None = None
    explain: Annotated[
        bool,
        Field(
            description="Let each hit say why it matched and where in its picture: see "
            f"`explanation`. `limit` may be {MOST} at most then, for all steps of `then` together."
        ),
        expect("true or false"),
    ] = False

    def page(self, default: str, pictures: Sequence[Picture] = ()) -> Query:
        """Return the search as `asked` does, from the cursor on if there is one."""
        return self.asked(default, self.cursor, pictures)


class _DocumentedAsSearch:
    """Documents a value as a `Search` without validating it: each item is validated by itself."""

    def __get_pydantic_core_schema__(
        self, _source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_wrap_validator_function(_as_it_is, handler.generate_schema(Search))


def _as_it_is(value: object, _validate: ValidatorFunctionWrapHandler) -> object:
    return value


class Batch(StrictModel):
    """Several searches at once: they share one pass of the model and of the index."""

    searches: Annotated[
        list[Annotated[object, _DocumentedAsSearch()]],
        Field(
            min_length=1,
            max_length=MAX_BATCH,
            description=f"1 to {MAX_BATCH} searches. A wrong one gets a problem in its place.",
        ),
        expect(f"a list of 1 to {MAX_BATCH} searches"),
    ]
