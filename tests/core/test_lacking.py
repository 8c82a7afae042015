"""A test that cannot run is skipped on a laptop, and fails where everything must be tested."""

import pytest

from tests.lacking import lacking


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("true", pytest.fail.Exception), ("", pytest.skip.Exception)],
    ids=["CI", "laptop"],
)
def test_what_is_lacking_fails_under_ci(
    value: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason."""
    monkeypatch.setenv("CI", value)
    with pytest.raises(outcome, match="no jq"):
        lacking("no jq")
