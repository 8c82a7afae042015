"""A short form of `make chaos-ingest`."""

from tests.e2e.kill_ingest import run


def test_kills_lose_double_and_change_nothing() -> None:
    """Two kills of one library at random moments; the next run completes the same catalog."""
    assert run(kills=2, videos=3, seed=24) == {
        "kills": 2,
        "lost": 0,
        "duplicates": 0,
        "different": 0,
        "unclean": 0,
    }
