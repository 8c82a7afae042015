"""When a video was recorded, as its file says."""

import pytest

from clipseek.recorded import known, moment_at, recorded_at, seconds_of


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param([{}], "", id="nothing"),
        pytest.param(
            [{"creation_time": "2024-05-01T12:00:00.250000Z"}], "2024-05-01T12:00:00Z", id="libav"
        ),
        pytest.param(
            [
                {
                    "creation_time": "2024-06-02T08:00:00Z",
                    "com.apple.quicktime.creationdate": "2024-05-01T14:00:00+0200",
                }
            ],
            "2024-05-01T12:00:00Z",
            id="a phone, which stays when a copy is made",
        ),
        pytest.param([{"creation_time": "2024-05-01 12:00:00"}], "2024-05-01T12:00:00Z", id="UTC"),
        pytest.param([{}, {"CREATION_TIME": "2024-05-01"}], "2024-05-01T00:00:00Z", id="a stream"),
        pytest.param(
            [{"creation_time": "2024-05-01T12:00:00Z"}, {"creation_time": "2025-01-01T00:00:00Z"}],
            "2024-05-01T12:00:00Z",
            id="the file before its streams",
        ),
        pytest.param(
            [{"com.apple.quicktime.creationdate": "?", "creation_time": "2024-05-01T12:00:00Z"}],
            "2024-05-01T12:00:00Z",
            id="the next one",
        ),
        pytest.param([{"creation_time": "1904-01-01T00:00:00Z"}], "", id="QuickTime's zero"),
        pytest.param([{"creation_time": "1970-01-01T00:00:00Z"}], "", id="the zero of Unix"),
        pytest.param([{"creation_time": "1970-01-02T00:00:00Z"}], "1970-01-02T00:00:00Z", id="set"),
        pytest.param([{"creation_time": "0001-01-01T00:00:00+14:00"}], "", id="no year in UTC"),
        pytest.param([{"creation_time": "last summer"}], "", id="words"),
        pytest.param([{"date": "1999"}], "", id="when it was published"),
    ],
)
def test_a_file_says_when_it_was_recorded(tags: list[dict[str, str]], expected: str) -> None:
    """In UTC, to the second; what cannot be a time of recording is not taken."""
    assert recorded_at(tags) == expected


@pytest.mark.parametrize(
    ("text", "later"),
    [
        pytest.param("", 0.0, id="nothing"),
        pytest.param("2026-13-45T99:99:99Z", 0.0, id="no such month"),
        pytest.param("2026-02-30T00:00:00Z", 0.0, id="no such day"),
        pytest.param("2026-11-28T12:00:00", 0.0, id="no time zone"),
        pytest.param("last summer", 0.0, id="words"),
        pytest.param("9999-12-31T23:59:59Z", 60.0, id="past the last year"),
        pytest.param("2026-11-28T12:00:00Z", 1e12, id="a span past the last year"),
    ],
)
def test_a_time_that_there_is_not_is_unknown(text: str, later: float) -> None:
    """No answer fails because of one that was stored."""
    assert known(text, later) == moment_at(text, later) == ""
    if not later:
        assert seconds_of(text) is None


def test_a_time_that_there_is_stays() -> None:
    """As it was written; a moment of it is in UTC."""
    assert known("2026-11-28T12:00:00+01:00", 60.0) == "2026-11-28T12:00:00+01:00"
    assert moment_at("2026-11-28T12:00:00+01:00", 1.5) == "2026-11-28T11:00:01.500Z"
    assert seconds_of("1970-01-01T00:00:01.500Z") == 1.5
