"""The manifest of an archive: which collection it is of, and what its parts must be."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipseek import files
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.types import Collection, Relevance, Scoring

MANIFEST, UNFINISHED = "manifest.json", "unfinished.json"
CURATION = "curation.json"
MAX_CURATION_BYTES = 2**28
MAX_MANIFEST_BYTES = 64 * 2**20
MAX_PART_BYTES = 2**31
MAX_DIM = 2**16

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class DamagedPart(ConfigError):
    """A file is not the part that it is said to be. problem: Why, without the name of the file."""

    def __init__(self, path: Path, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{path} is damaged: {problem}; copy or export the folder again")


class Checked(BaseModel):
    """A value that is read from a file that anybody may have written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, str_max_length=65536
    )


class Curve(Checked):
    """The constants of relevance, as `types.Relevance`."""

    scale: float
    offset: float
    fitted: bool

    @classmethod
    def of(cls, relevance: Relevance) -> Self:
        """Return what is written of the constants."""
        return cls(
            scale=float(relevance.scale),
            offset=float(relevance.offset),
            fitted=bool(relevance.fitted),
        )

    @property
    def value(self) -> Relevance:
        """The constants."""
        return Relevance(self.scale, self.offset, self.fitted)


class Judging(Checked):
    """What biases were computed with, as `types.Scoring`."""

    bank: str
    logit_scale: float
    relevance: Curve
    logit_bias: float | None
    formula: Count

    @classmethod
    def of(cls, scoring: Scoring) -> Self:
        """Return what is written of a scoring."""
        return cls(
            bank=scoring.bank,
            logit_scale=float(scoring.logit_scale),
            relevance=Curve.of(scoring.relevance),
            logit_bias=None if scoring.logit_bias is None else float(scoring.logit_bias),
            formula=scoring.formula,
        )

    @property
    def value(self) -> Scoring:
        """The scoring."""
        return Scoring(
            self.bank, self.logit_scale, self.relevance.value, self.logit_bias, self.formula
        )


class Origin(Checked):
    """What the vectors of a collection were made with; those of another one do not fit to them."""

    model: str
    dim: Annotated[int, Field(gt=0, le=MAX_DIM)]
    fingerprint: str
    scoring: Judging | None

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """Return that of a collection."""
        return cls(
            model=collection.model,
            dim=collection.dim,
            fingerprint=collection.fingerprint,
            scoring=None if collection.scoring is None else Judging.of(collection.scoring),
        )

    def unlike(self, collection: Collection) -> str:
        """Say how a collection differs, so that these vectors do not fit, or nothing."""
        if self.fingerprint != collection.fingerprint or self.dim != collection.dim:
            return (
                f"its vectors are of {self.model} ({self.fingerprint[:12]}), and those of "
                f"collection {collection.name!r} of {collection.model} "
                f"({collection.fingerprint[:12]})"
            )
        if self.scoring is not None and self.scoring.value != collection.scoring:
            return (
                "its relevance is computed by another bank of sentences than that of collection "
                f"{collection.name!r}"
            )
        return ""


class Part(Checked):
    """One part: a file beside the manifest. last: The id of its last video."""

    name: Annotated[str, Field(pattern=r"^part-[0-9]{5,9}\.zip$")]
    bytes: Annotated[int, Field(gt=0, le=MAX_PART_BYTES)]
    sha256: Sha256
    videos: Annotated[int, Field(gt=0, lt=2**31)]
    segments: Count
    missing: Count
    last: str


class File(Checked):
    """Another file beside the manifest."""

    bytes: Annotated[int, Field(gt=0, le=MAX_CURATION_BYTES)]
    sha256: Sha256


class Manifest(Checked):
    """The collection of an archive at one version, and its parts in the order of their videos.

    redact: What is blurred in its pictures. curation: What people have said of it, or None.
    `unfinished.json` has the same form, and the parts that are complete so far.
    """

    format: Literal[1] = 1
    collection: str
    epoch: str
    version: Count
    model: str
    dim: Annotated[int, Field(gt=0, le=MAX_DIM)]
    fingerprint: str
    scoring: Judging | None
    relevance: Curve | None
    parts: tuple[Part, ...] = ()
    redact: tuple[Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")], ...] = ()
    curation: File | None = None

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """Return the manifest of a collection without parts."""
        return cls(
            collection=collection.name,
            epoch=collection.epoch,
            version=collection.version,
            model=collection.model,
            dim=collection.dim,
            fingerprint=collection.fingerprint,
            scoring=None if collection.scoring is None else Judging.of(collection.scoring),
            relevance=None if collection.relevance is None else Curve.of(collection.relevance),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest.

        Raises:
            FileNotFoundError: there is none.
            ConfigError: it is damaged, or no file that `indexer export` has written.
        """
        with open_regular(path, follow_links=False) as file:
            if os.fstat(file.fileno()).st_size > MAX_MANIFEST_BYTES:
                raise ConfigError(
                    f"{path} is larger than {MAX_MANIFEST_BYTES} bytes, so it is not a manifest"
                )
            text = file.read()
        try:
            found = cls.model_validate_json(text, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ConfigError(
                f"{path} is damaged: {where}: {first['msg']}; export the collection again"
            ) from error
        if [part.name for part in found.parts] != [_name(i) for i in range(len(found.parts))]:
            raise ConfigError(f"{path} is damaged: its parts are not numbered from 0 on")
        return found

    def continues(self, begun: Self) -> bool:
        """Whether its parts are of what has begun: the same collection and version."""
        later = {name: getattr(begun, name) for name in ("parts", "redact", "curation")}
        return self.model_copy(update=later) == begun

    @property
    def next_name(self) -> str:
        """The name of the next part."""
        return _name(len(self.parts))

    @property
    def videos(self) -> int:
        """How many videos its parts have."""
        return sum(part.videos for part in self.parts)

    @property
    def segments(self) -> int:
        """How many segments its parts have."""
        return sum(part.segments for part in self.parts)

    @property
    def missing(self) -> int:
        """How many pictures could not be read when it was written."""
        return sum(part.missing for part in self.parts)

    def write(self, folder: Path, name: str) -> None:
        """Write it to a folder and to the disk; readers see the whole of it or the one before."""
        text = self._text(indent=1) + "\n"
        files.replace(folder / name, text.encode())

    @property
    def sha256(self) -> str:
        """SHA-256 of its content."""
        return hashlib.sha256(self._text().encode()).hexdigest()

    def _text(self, indent: int | None = None) -> str:
        # What a collection does not have is left out, so that older programs can read the rest.
        without = {name for name in ("redact", "curation") if not getattr(self, name)}
        return self.model_dump_json(indent=indent, exclude=without)


def _name(number: int) -> str:
    return f"part-{number:05d}.zip"
