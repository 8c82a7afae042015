"""People: who somebody is and which groups they are in, by the claims of a token."""

import hashlib
from collections.abc import Mapping
from typing import Any

PREFIX = "oidc:"
"""What the name of a person begins with. The name of a key has no colon, so none can be taken for
that of a person, nor the other way round.
"""

_READABLE = ("preferred_username", "email", "name")
_LONGEST = 64
_DIGEST = 12


def person(claims: Mapping[str, Any]) -> str:
    """Return a name that can be read, such as `oidc:ann@example.org.5a0d3f1c29be`.

    Its end is computed from the issuer and the subject, which alone are unique and never given to
    somebody else: people may choose their other names. So two people never have the same name.
    """
    subject = f"{claims['iss']}\n{claims['sub']}"
    digest = hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    given = (claims.get(name) for name in (*_READABLE, "sub"))
    readable = next(each for each in given if isinstance(each, str) and each.strip())
    plain = "".join(c if c.isalnum() or c in "_.@+-" else "_" for c in readable[:_LONGEST])
    return f"{PREFIX}{plain}.{digest}"


def groups_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Return the groups in a claim; none if there is no such claim, or it has no text.

    The path is the name of a claim, which may contain dots, or the names of claims within claims,
    such as `realm_access.roles`.
    """
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    if not isinstance(found, list):
        return frozenset()
    return frozenset(each for each in found if isinstance(each, str))
