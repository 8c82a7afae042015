"""What stores the fields of a video beside its pictures: what is said, objects, tags on spans."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from clipseek.marks import Mark
from clipseek.timed import Field, TimedText
from clipseek.tracked import VideoObjects


class FieldReader(Protocol):
    """What is stored of these fields, to read; a part of a `CatalogReader`."""

    def texts(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, TimedText]]:
        """Yield the id of a video and what one of its fields says, of all videos or of some.

        In the order of ids, and then of the names of fields.
        """
        ...

    def text_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, dict[Field, str]]:
        """Return for those of the videos that have texts the stamp of each field, in one query."""
        ...

    def objects(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VideoObjects]]:
        """Yield the id of a video and its objects, of all that were looked at, or of some.

        In the order of ids. Vectors are unit rows.
        """
        ...

    def object_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, str]:
        """Return the stamps of the objects of those videos that were looked at, in one query."""
        ...

    def marks(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Mark]]:
        """Yield the id of a video and a tag on a span of it, of all videos or of some.

        In the order of ids, then of starts. Tags that were rejected are left out. Curation changes
        them; see `curating`.
        """
        ...


class FieldWriter(Protocol):
    """The same, to change; a part of a `CatalogWriter`."""

    def put_text(self, collection: str, video_id: str, text: TimedText) -> int:
        """Store what one field of a video says, instead of what it said; return the new version.

        One change; if it says the same as before there is none, and only the stamp is stored.
        Nothing else of the video changes.

        Raises:
            VideoNotFound: no such video.
            ValueError: a text cannot be stored.
        """
        ...

    def put_objects(self, collection: str, video_id: str, objects: VideoObjects) -> int:
        """Store the objects of a video, instead of those before; return the new version.

        One change; if there are none, and were none, only the stamp is stored. Nothing else of
        the video changes. They are removed with the video, and when it is put again.

        Raises:
            VideoNotFound: no such video.
            ValueError: a name cannot be stored, or a vector has another length, or none.
        """
        ...
