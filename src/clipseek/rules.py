"""Rules: which sentences and objects give a segment a tag, from where on, and when. Pure."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from clipseek.errors import InvalidQuery, RequestError
from clipseek.parts import is_unicode
from clipseek.relations import Relation
from clipseek.watches import MAX_CAMERAS, Hours

THRESHOLD = 0.5
"""From which relevance on a rule gives its tag unless it says: both sides are equally likely."""
MAX_NAME_CHARACTERS = 100
MAX_PROMPTS = 32
MAX_PROMPT_CHARACTERS = 1000


class RuleNotFound(RequestError):
    """A collection has no rule of this name."""

    def __init__(self, name: str, collection: str) -> None:
        self.name, self.collection = name, collection
        super().__init__(
            f"collection {collection!r} has no rule {name!r}; `indexer tags list` shows its rules, "
            "and `indexer tags apply` adds some"
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What gives a segment a tag.

    name: The tag. prompts: Sentences; the one that fits best counts; none only with a relation.
    exclusions: Sentences that must not fit. threshold: Relevance in (0, 1] from which on a segment
    gets the tag. cameras: Only what these have recorded, or None for all videos. hours: Only what
    was recorded then. is_fitted: Whether the threshold was fitted to decisions instead of given.
    relation: Where an object must be, seen from another one.
    """

    name: str
    prompts: tuple[str, ...]
    exclusions: tuple[str, ...] = ()
    threshold: float = THRESHOLD
    cameras: tuple[str, ...] | None = None
    hours: Hours | None = None
    is_fitted: bool = False
    relation: Relation | None = None

    @property
    def version(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of everything that decides on tags."""
        written = json.dumps(self.content(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def sentences(self) -> dict[str, tuple[str, ...]]:
        """Return the sentences of the rule by what they are for, in the order of files of rules."""
        shows = () if self.relation is None else self.relation.shows
        return {"prompts": self.prompts, "exclusions": self.exclusions, "relation.shows": shows}

    def content(self) -> dict[str, Any]:
        """Return what decides on tags as JSON takes it."""
        values = asdict(self)
        del values["is_fitted"], values["relation"]
        return values if self.relation is None else {**values, "relation": self.relation.content()}

    @classmethod
    def of(cls, content: Mapping[str, Any], *, is_fitted: bool = False) -> "Rule":
        """Return the rule that `content` was written of."""
        hours = content["hours"]
        if hours is not None:
            hours = Hours(**{**hours, "days": tuple(hours["days"])})
        cameras, relation = content["cameras"], content.get("relation")
        return cls(
            name=content["name"],
            prompts=tuple(content["prompts"]),
            exclusions=tuple(content["exclusions"]),
            threshold=content["threshold"],
            cameras=None if cameras is None else tuple(cameras),
            hours=hours,
            is_fitted=is_fitted,
            relation=None if relation is None else Relation.from_content(relation),
        )

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the rule, or None."""
        found = self._problem()
        return None if found is None else InvalidQuery(found)

    def _problem(self) -> str | None:
        if not _is_text(self.name, MAX_NAME_CHARACTERS):
            return (
                f"name of a rule must have 1 to {MAX_NAME_CHARACTERS} characters, got "
                f"{self.name[:MAX_NAME_CHARACTERS]!r}"
            )
        if not self.prompts and (self.relation is None or self.exclusions):
            return f"prompts of rule {self.name!r} must be 1 sentence or more, got none"
        for kind, texts in self.sentences().items():
            if (wrong := _wrong(texts)) is not None:
                return f"{kind} of rule {self.name!r} must be {wrong}"
        if not (math.isfinite(self.threshold) and 0 < self.threshold <= 1):
            return (
                f"threshold of rule {self.name!r} must be more than 0 and at most 1, "
                f"got {self.threshold:g}"
            )
        if self.cameras is not None and not 1 <= len(self.cameras) <= MAX_CAMERAS:
            return (
                f"cameras of rule {self.name!r} must name 1 to {MAX_CAMERAS}, got "
                f"{len(self.cameras)}; leave them out for all videos"
            )
        wrong = None if self.relation is None else self.relation.problem()
        if wrong is None and self.hours is not None:
            wrong = self.hours.problem()
        return None if wrong is None else f"rule {self.name!r}: {wrong}"


def _wrong(texts: Sequence[str]) -> str | None:
    """Return what sentences must be, if some are something else."""
    if len(texts) > MAX_PROMPTS:
        return f"at most {MAX_PROMPTS} sentences, got {len(texts)}"
    for text in texts:
        if not _is_text(text, MAX_PROMPT_CHARACTERS):
            return f"sentences of 1 to {MAX_PROMPT_CHARACTERS} characters, got {text[:80]!r}"
    return None


def _is_text(text: str, most: int) -> bool:
    """Whether a text has some characters, at most so many, that a database can store."""
    return bool(text.strip()) and len(text) <= most and is_unicode(text)
