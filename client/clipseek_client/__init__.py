"""Asks a clipseek server for moments in videos."""

from clipseek_client.aio import AsyncClient
from clipseek_client.answers import (
    Collection,
    Hit,
    HitVideo,
    Index,
    Job,
    JobProgress,
    Liked,
    Problem,
    SearchAnswer,
    Segment,
    Timeline,
    TimelineSegment,
    Video,
)
from clipseek_client.asked import ChosenMoment, Filter, LikeMoment, Search, SearchOptions
from clipseek_client.client import Client
from clipseek_client.errors import (
    ClientError,
    ConnectionFailed,
    InvalidValue,
    JobFailed,
    JobLate,
    NothingFound,
    ProblemError,
    UnexpectedAnswer,
    UploadInterrupted,
)

__all__ = [
    "AsyncClient",
    "ChosenMoment",
    "Client",
    "ClientError",
    "Collection",
    "ConnectionFailed",
    "Filter",
    "Hit",
    "HitVideo",
    "Index",
    "InvalidValue",
    "Job",
    "JobFailed",
    "JobLate",
    "JobProgress",
    "LikeMoment",
    "Liked",
    "NothingFound",
    "Problem",
    "ProblemError",
    "Search",
    "SearchAnswer",
    "SearchOptions",
    "Segment",
    "Timeline",
    "TimelineSegment",
    "UnexpectedAnswer",
    "UploadInterrupted",
    "Video",
]
