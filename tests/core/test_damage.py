"""What is reported of a video that ends before its container claims."""

from fractions import Fraction

import pytest

from clipseek.video.damage import Damage


@pytest.mark.parametrize(
    ("claimed", "reached", "is_short"),
    [
        pytest.param(10, 9.2, False, id="less than a second"),
        pytest.param(10, 8.8, True, id="more than a second and a twentieth"),
        pytest.param(100, 96, False, id="seconds, but less than a twentieth"),
        pytest.param(100, 93, True, id="seconds, and more than a twentieth"),
        pytest.param(100, 104, False, id="longer"),
    ],
)
def test_a_video_is_cut_off_where_more_is_missing_than_containers_round(
    claimed: float, reached: float, is_short: bool
) -> None:
    """Both by seconds and by share, because sound often runs a little longer than the picture."""
    said = Damage().describe(claimed=Fraction(claimed), reached=Fraction(reached))
    expected = f"claims {claimed:.1f} s, decoded up to {reached:.1f} s" if is_short else ""
    assert said == expected
