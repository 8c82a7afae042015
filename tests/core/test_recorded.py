"""When a video was recorded, as its file says."""

import pytest

from clipseek.recorded import recorded_at


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
