"""People: names that can be read and belong to one person, and groups in claims of any shape."""

from typing import Any

import pytest

from clipseek.keys import key_name
from clipseek.people import groups_in, person

ANN: dict[str, Any] = {"iss": "https://a.example", "sub": "1", "preferred_username": "ann"}


def test_a_name_can_be_read() -> None:
    """It begins with what the issuer calls the person."""
    assert person(ANN).startswith("oidc:ann.")
    assert person({**ANN, "preferred_username": None, "email": "ann@a.example"}).startswith(
        "oidc:ann@a.example."
    )
    assert person({"iss": "https://a.example", "sub": "x y"}).startswith("oidc:x_y.")


@pytest.mark.parametrize("changed", [{"sub": "2"}, {"iss": "https://b.example"}])
def test_two_people_never_have_the_same_name(changed: dict[str, str]) -> None:
    """Although both chose it."""
    assert person(ANN) != person({**ANN, **changed})
    assert person(ANN) == person({**ANN, "groups": ["a"]})


def test_no_key_has_the_name_of_a_person() -> None:
    """A key cannot be made under it."""
    with pytest.raises(ValueError, match="the name of a key"):
        key_name(person(ANN))


def test_a_name_has_no_characters_that_logs_would_misread() -> None:
    """Nor more than can be read."""
    name = person({**ANN, "preferred_username": "a\nb\x1b[0m" + 100 * "x"})
    assert name.isprintable()
    assert " " not in name
    assert len(name) < 90


@pytest.mark.parametrize(
    ("claims", "path", "groups"),
    [
        pytest.param({"groups": ["a", "b"]}, "groups", {"a", "b"}, id="list"),
        pytest.param({"groups": "a b"}, "groups", {"a b"}, id="text"),
        pytest.param({"groups": ["a", 1, None]}, "groups", {"a"}, id="mixed"),
        pytest.param({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}, id="nested"),
        pytest.param({"https://x.y/g": ["a"]}, "https://x.y/g", {"a"}, id="dots in the name"),
        pytest.param({"realm_access": ["a"]}, "realm_access.roles", set(), id="another shape"),
        pytest.param({"groups": {"a": 1}}, "groups", set(), id="object"),
        pytest.param({}, "groups", set(), id="missing"),
    ],
)
def test_groups_are_found(claims: dict[str, Any], path: str, groups: set[str]) -> None:
    """Whatever an issuer makes of them; what is not text is not a group."""
    assert groups_in(claims, path) == groups
