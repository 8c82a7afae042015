"""What a language model is told: the answers of the tools of the MCP server."""

from clipseek_client.answers import Answer, Hit


class Step(Answer):
    """One step of a search with `then`: the seconds [start, end) of the video."""

    start: float
    end: float


class Place(Answer):
    """Where an object is in the frame at `time`: fractions of its width and height."""

    time: float
    left: float
    top: float
    right: float
    bottom: float


class Words(Answer):
    """What is said, written or seen in a moment, and that a search found: seconds [start, end).

    field: `subtitle`, `speech`, or `text`, which pictures show. Of `object`, what a detector
    found, `text` is the class and `where` its place in one frame; else that is null.
    """

    field: str
    text: str
    relevance: float
    start: float
    end: float
    where: Place | None = None


class Moment(Answer):
    """A moment that matches: the seconds [start, end) of a video, and the time of its best frame.

    words: What was found in words, the best first; empty if pictures alone match.
    relevance: 0 to 1; null if the search was for what looks alike.
    steps: With `then`, what the moment consists of; empty otherwise.
    more_in_video: With `one_per_video`, how many other moments of the video match.
    """

    video_id: str
    title: str
    start: float
    end: float
    best_time: float
    relevance: float | None
    score: float
    steps: list[Step]
    words: list[Words]
    more_in_video: int | None
    play_url: str


class Found(Answer):
    """The moments of a search, the best one first; `next_cursor` leads to more.

    counts: With `facets`, how many of the `total_videos` videos that match have which value.
    """

    collection: str
    moments: list[Moment]
    total: int
    total_videos: int
    counts: dict[str, dict[str, int]]
    next_cursor: str | None


class ListedVideo(Answer):
    """A video; `duration` is in seconds."""

    id: str
    title: str
    duration: float
    tags: list[str]
    indexed_at: str


class Listed(Answer):
    """Some videos; `next` is what the next call takes as `after`, null at the end."""

    videos: list[ListedVideo]
    next: str | None


class Span(Answer):
    """The seconds [start, end) of a video, and how relevant they are, 0 to 1."""

    start: float
    end: float
    relevance: float


class Line(Answer):
    """How well what is asked fits over a video, in the order of time.

    measure: `relevance`, or `fit` (0 to 1, too) if something that looks alike was asked for.
    best_time: The second of the frame that fits best.
    left_out: How many less relevant spans are not shown.
    """

    video_id: str
    duration: float
    measure: str
    best_time: float
    best_relevance: float
    spans: list[Span]
    left_out: int


def moment_of(hit: Hit) -> Moment:
    """Return what a language model is told of a hit."""
    return Moment(
        video_id=hit.video.id,
        title=hit.video.title,
        start=hit.start,
        end=hit.end,
        best_time=hit.best_time,
        relevance=hit.relevance,
        score=hit.score,
        steps=[Step(start=each.start, end=each.end) for each in hit.steps or ()],
        words=[
            Words.model_validate(each.model_dump(exclude={"highlights"}))
            for each in hit.fields or ()
            if each.text
        ],
        more_in_video=hit.more_in_video,
        play_url=hit.play_url,
    )
