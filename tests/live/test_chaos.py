"""The chaos of cameras in a short form: a few kills, and nothing is lost or there twice."""

import pytest

from tests.live.chaos import experimented


@pytest.mark.long
def test_a_few_kills_lose_nothing() -> None:
    """Recorders, the API and PostgreSQL are killed; `python -m tests.live.chaos` does it often."""
    outcome = experimented(kills=5, cameras=2, seed=3)
    assert sum(outcome.kills.values()) == 5
    assert outcome.sound, outcome
    assert outcome.covered_s > 0
