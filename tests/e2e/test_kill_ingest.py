"""A short form of `make chaos-ingest`."""

from tests.e2e.kill_ingest import run


def test_kills_lose_double_and_change_nothing() -> None:
    """Two kills at random moments; the next run completes the same catalog each time."""
    assert run(kills=2, videos=4, seed=3) == {
        "kills": 2,
        "lost": 0,
        "duplicates": 0,
        "different": 0,
        "unclean": 0,
    }
