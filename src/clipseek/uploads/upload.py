"""One upload, and how much is taken of all."""

from collections.abc import Mapping
from dataclasses import dataclass

LEAST_BYTES = 16 << 20
"""An upload counts as at least so many bytes of a quota, which limits how many there are."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as it is now.

    metadata: What the client said of the file, such as its name; only text.
    offset: Number of bytes that are stored.
    expires: Seconds since 1970; an upload that no job uses is deleted then.
    job: The id of the job that ingests it, or empty.
    """

    id: str
    owner: str
    collection: str
    length: int
    metadata: Mapping[str, str]
    offset: int = 0
    expires: float = 0.0
    job: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are stored."""
        return self.offset == self.length

    @property
    def counted_bytes(self) -> int:
        """What it takes of a quota: all of its bytes, stored or not."""
        return max(self.length, LEAST_BYTES)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is taken.

    file_bytes: The largest upload.
    all_bytes, owner_bytes: What the uploads that are not indexed yet may have together, of
        everybody and of one principal.
    reserve_bytes: What stays free on the disk.
    life_s: Seconds after the last byte until an upload that no job uses is deleted.
    """

    file_bytes: int
    all_bytes: int
    owner_bytes: int
    reserve_bytes: int
    life_s: float = 86400.0
