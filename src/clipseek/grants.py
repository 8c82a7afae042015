"""Grants: what the members of a group may do, as the operator of a server writes it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from clipseek.config import collection_name
from clipseek.keys import SCOPES, Rate, Scope

FORM = "`GROUP: SCOPES on COLLECTIONS`, such as `editors: search, write on holidays at 20/s`"
LONGEST_GROUP = 256

_RIGHTS = re.compile(r"(?P<scopes>.+?)\s+on\s+(?P<names>.+?)(?:\s+at\s+(?P<rate>\S+))?")
_BETWEEN = re.compile(r"[;\n]")


@dataclass(frozen=True, slots=True)
class Grant:
    """What the members of one group may do.

    collections: The names that they may use, collections or aliases, or None for all.
    rate: How often each of them may ask, or None for no limit.
    """

    group: str
    scopes: frozenset[Scope]
    collections: frozenset[str] | None
    rate: Rate | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `GROUP: SCOPES on COLLECTIONS at RATE`; the rate may be left out.

        The last colon ends the name of the group, so a name may contain colons and spaces.

        Raises:
            ValueError: the text has another form, or one of its parts is wrong.
        """
        group, colon, rights = text.rpartition(":")
        group = group.strip()
        found = _RIGHTS.fullmatch(rights.strip())
        if not colon or not group or found is None:
            raise ValueError(f"a group is written as {FORM}, got {text.strip()!r}")
        if len(group) > LONGEST_GROUP:
            raise ValueError(
                f"the name of a group has at most {LONGEST_GROUP} characters, got {len(group)}"
            )
        rate = None if found["rate"] is None else Rate.of(found["rate"])
        return cls(group, _scopes(found["scopes"]), _collections(found["names"]), rate)

    def __str__(self) -> str:
        scopes = ", ".join(scope for scope in SCOPES if scope in self.scopes)
        names = "*" if self.collections is None else ", ".join(sorted(self.collections))
        at = "" if self.rate is None else f" at {self.rate}"
        return f"{self.group}: {scopes} on {names}{at}"


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do who is in several groups.

    collections: For each scope, the names that it may be used for, or None for all.
    """

    collections: Mapping[Scope, frozenset[str] | None]
    rate: Rate | None


def grants_of(text: str) -> tuple[Grant, ...]:
    """Read several grants, separated by semicolons or on lines of their own.

    Raises:
        ValueError: one of them is wrong, a group is named twice, or there is none.
    """
    grants = tuple(Grant.of(part) for part in _BETWEEN.split(text) if part.strip())
    if not grants:
        raise ValueError(f"there must be at least one group, written as {FORM}, got {text!r}")
    names = [grant.group for grant in grants]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"each group is written once, got {name!r} twice; join its rights")
    return grants


def rights_of(grants: Sequence[Grant], groups: Collection[str]) -> Rights | None:
    """Return what the grants of somebody's groups allow together, or None if no grant is theirs.

    A scope is allowed for the collections of the groups that have this scope, and for no others.
    The highest rate counts; without a limit in one of the groups, there is none.
    """
    theirs = [grant for grant in grants if grant.group in groups]
    if not theirs:
        return None
    return Rights(
        {
            scope: _joined([grant.collections for grant in theirs if scope in grant.scopes])
            for scope in SCOPES
            if any(scope in grant.scopes for grant in theirs)
        },
        _highest([grant.rate for grant in theirs]),
    )


def _joined(several: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for each in several:
        if each is None:
            return None
        names |= each
    return names


def _highest(rates: Sequence[Rate | None]) -> Rate | None:
    limits = [rate for rate in rates if rate is not None]
    if len(limits) < len(rates):
        return None
    return max(limits, key=lambda rate: rate.count / rate.seconds)


def _scopes(text: str) -> frozenset[Scope]:
    words = _listed(text)
    for word in words:
        if word not in SCOPES:
            raise ValueError(f"a scope is one of {', '.join(SCOPES)}, got {word!r}")
    return frozenset(scope for scope in SCOPES if scope in words)


def _collections(text: str) -> frozenset[str] | None:
    words = _listed(text)
    if words == ["*"]:
        return None
    return frozenset(map(collection_name, words))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
