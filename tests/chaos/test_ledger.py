"""What the checker expects of an answer, by the changes that were begun and acknowledged."""

import pytest

from tests.chaos.ledger import Expected, Kind, Ledger

BOUND_S = 2.0


@pytest.mark.parametrize(
    ("changes", "sent", "received", "expected"),
    [
        pytest.param([], 5, 6, "absent", id="never put"),
        pytest.param([("put", 1, 2)], 5, 6, "present", id="put"),
        pytest.param([("put", 1, 2)], 4, 6, "present", id="put as long ago as the bound"),
        pytest.param([("put", 1, 2)], 3.9, 6, "either", id="put just now"),
        pytest.param([("put", 1, None)], 50, 60, "either", id="put without acknowledgement"),
        pytest.param([("put", 7, 8)], 5, 6, "absent", id="put after the answer"),
        pytest.param([("put", 5.5, 5.6)], 5, 6, "either", id="put during the answer"),
        pytest.param([("put", 1, 2), ("remove", 3, 4)], 7, 8, "absent", id="removed"),
        pytest.param([("put", 1, 2), ("remove", 5, 6)], 7, 8, "either", id="removed just now"),
        pytest.param([("put", 1, 2), ("remove", 5, None)], 90, 91, "either", id="half removed"),
        pytest.param([("put", 1, 2), ("put", 5, 6)], 7, 8, "present", id="put again just now"),
        pytest.param([("put", 1, 2), ("remove", 3, 4), ("put", 4, 5)], 5.5, 6, "either", id="back"),
        pytest.param([("put", 1, None), ("put", 4, 5)], 5.5, 6, "either", id="put at last"),
    ],
)
def test_what_is_expected(
    changes: list[tuple[Kind, float, float | None]],
    sent: float,
    received: float,
    expected: Expected,
) -> None:
    """A change counts from the bound after it was acknowledged; until then both are right."""
    ledger = Ledger()
    for kind, begun, acked in changes:
        ledger.begin("video", kind, begun).acked = acked
    assert ledger.expected("video", sent, received, BOUND_S) == expected
