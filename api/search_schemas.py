"""What searches consist of: the request models."""

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_wrap_validator_function

from api.limits import (
    MAX_TAGS,
    MAX_VIDEO_IDS,
    DefaultCollection,
    NextCursor,
    Sentence,
    Tag,
    VideoId,
    expect,
)
from clipseek.query import MAX_BATCH, MAX_LIMIT, Query


class _Request(BaseModel):
    """Requests are read strictly: no unknown field, no text that stands for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Filter(_Request):
    """Which videos to search in; a video must pass both."""

    video_ids: Annotated[
        list[VideoId] | None,
        Field(max_length=MAX_VIDEO_IDS, description=f"Only these videos, at most {MAX_VIDEO_IDS}."),
        expect(f"a list of at most {MAX_VIDEO_IDS} video ids"),
    ] = None
    tags: Annotated[
        list[Tag] | None,
        Field(
            max_length=MAX_TAGS,
            description=f"Only videos that have all these tags, at most {MAX_TAGS}.",
        ),
        expect(f"a list of at most {MAX_TAGS} tags"),
    ] = None


class Search(_Request):
    """One search."""

    query: Sentence
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

    def asked(self, default: str, cursor: str | None = None) -> Query:
        """Return the search in the words of the core, of collection `default` if it names none."""
        chosen = self.filter
        return Query.of(
            self.query,
            self.limit,
            collection=self.collection or default,
            video_ids=None if chosen is None else chosen.video_ids,
            tags=None if chosen is None else chosen.tags,
            min_relevance=self.min_relevance,
            cursor=cursor,
        )


class PagedSearch(Search):
    """One search, or a later page of its answer."""

    cursor: NextCursor | None = None

    def page(self, default: str) -> Query:
        """Return the search as `asked` does, from the cursor on if there is one."""
        return self.asked(default, self.cursor)


class _DocumentedAsSearch:
    """Documents a value as a `Search` without validating it: each item is validated by itself."""

    def __get_pydantic_core_schema__(
        self, _source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_wrap_validator_function(_as_it_is, handler.generate_schema(Search))


def _as_it_is(value: object, _validate: ValidatorFunctionWrapHandler) -> object:
    return value


class Batch(_Request):
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
