"""When a file has stopped changing."""

from indexer.settling import Settling


def test_a_file_is_ready_once_it_has_rested() -> None:
    """And is handed out once."""
    settling = Settling(5.0)
    settling.see({"a": "1"}, 0.0)
    settling.see({"a": "1"}, 4.9)
    assert settling.take_ready(4.9) == []
    settling.see({"a": "1"}, 5.0)
    assert settling.take_ready(5.0) == ["a"]
    assert settling.take_ready(50.0) == []


def test_a_file_that_grows_waits_from_its_last_change() -> None:
    """As a recording does for hours."""
    settling = Settling(5.0)
    for second in range(20):
        settling.see({"a": str(second)}, float(second))
        assert settling.take_ready(float(second)) == []
    assert settling.waiting == ["a"]
    settling.see({"a": "19"}, 24.0)
    assert settling.take_ready(24.0) == ["a"]


def test_a_file_that_is_gone_is_not_waited_for() -> None:
    """It is not ready either; if it comes back, it starts again."""
    settling = Settling(5.0)
    settling.see({"a": "1", "b": "1"}, 0.0)
    settling.see({"b": "1"}, 3.0)
    settling.see({"a": "1", "b": "1"}, 5.0)
    assert settling.take_ready(5.0) == ["b"]
    assert settling.waiting == ["a"]
