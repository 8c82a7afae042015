"""Keys: their secrets, their names and their ends."""

from datetime import UTC, datetime

import pytest

from clipseek.keys import PREFIX, Key, digest_of, end_of, key_name, new_secret, timestamp

NOW = datetime(2026, 11, 28, 10, 0, 0, tzinfo=UTC)


def test_secrets_differ_and_are_long() -> None:
    """256 random bits are 43 characters of base64."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) >= len(PREFIX) + 43 and secret.startswith(PREFIX) for secret in secrets)


def test_a_digest_is_sha256() -> None:
    """The known answer of FIPS 180-2, appendix B.1."""
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of(b"abc") == known


@pytest.mark.parametrize(
    ("lifetime", "end"),
    [
        ("90d", "2027-02-26T10:00:00Z"),
        ("12h", "2026-11-28T22:00:00Z"),
        ("30m", "2026-11-28T10:30:00Z"),
    ],
)
def test_a_lifetime_has_an_end(lifetime: str, end: str) -> None:
    """In days, hours or minutes."""
    assert timestamp(end_of(lifetime, NOW)) == end


@pytest.mark.parametrize("lifetime", ["", "90", "0d", "-1d", "3y", "1.5h", "90d ", "999999999d"])
def test_another_lifetime_is_refused(lifetime: str) -> None:
    """The sentence repeats it and gives examples."""
    with pytest.raises(ValueError, match="such as 90d, 12h or 30m, got"):
        end_of(lifetime, NOW)


def test_a_lifetime_past_all_years_is_refused() -> None:
    """The last year that Python knows is 9999."""
    with pytest.raises(ValueError, match="past the year 9999"):
        end_of("999999d", datetime(9000, 1, 1, tzinfo=UTC))
    assert timestamp(end_of("999999d", NOW)).startswith("4764")


@pytest.mark.parametrize("name", ["ann", "Ann.B_2@example-1", "a" * 64])
def test_a_name_is_plain(name: str) -> None:
    """It is shown in logs and lists."""
    assert key_name(name) == name


@pytest.mark.parametrize("name", ["", "-ann", "ann b", "ann\n", "ä", "a" * 65, "../ann"])
def test_another_name_is_refused(name: str) -> None:
    """The sentence says what a name has."""
    with pytest.raises(ValueError, match="the name of a key has 1 to 64 of letters"):
        key_name(name)


def test_a_key_without_an_end_does_not_expire() -> None:
    """And one with an end has it in seconds since 1970."""
    key = Key("ann", "", frozenset(), None, timestamp(NOW))
    assert key.ends == float("inf")
    ending = Key("ann", "", frozenset(), None, timestamp(NOW), timestamp(NOW))
    assert ending.ends == NOW.timestamp()
