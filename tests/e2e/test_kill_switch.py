"""A short form of `python -m tests.e2e.kill_switch`."""

import pytest

from tests.e2e.kill_switch import run

pytest.importorskip("onnx", reason="making an int8 model needs the extra `models`")


def test_kills_of_a_switch_lose_and_mix_nothing() -> None:
    """One kill at a random moment; the same command completes the switch."""
    counts = run(kills=1, videos=3, seed=3)
    assert counts["switched"] > 0
    assert {name: counts[name] for name in ("kills", "lost", "mixed", "unclean")} == {
        "kills": 1,
        "lost": 0,
        "mixed": 0,
        "unclean": 0,
    }
