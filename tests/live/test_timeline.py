"""The judge of the chaos sees what is lost, and what is there twice."""

from tests.live.timeline import Spell, gaps, overlaps, unexplained


def test_a_gap_is_what_no_chunk_covers() -> None:
    """Also before the first one and after the last one."""
    covered = [Spell(20, 30), Spell(5, 15), Spell(12, 14)]
    assert gaps(covered, 0, 40) == [Spell(0, 5), Spell(15, 20), Spell(30, 40)]


def test_nothing_is_missing_where_chunks_meet() -> None:
    """A chunk that begins where the one before ends leaves no gap."""
    assert gaps([Spell(0, 10), Spell(10, 20)], 0, 20) == []


def test_two_chunks_of_one_time_are_twice() -> None:
    """Unless they overlap by no more than clocks differ."""
    covered = [Spell(0, 10), Spell(9.9, 20), Spell(15, 25)]
    assert overlaps(covered, 0.5) == [Spell(15, 20)]


def test_a_gap_of_an_outage_is_explained() -> None:
    """With the seconds before it that a crash may lose, and no more."""
    outages = [Spell(100, 115)]
    assert unexplained([Spell(96, 114)], outages, 5) == []
    assert unexplained([Spell(88, 114)], outages, 5) == [Spell(88, 114)]
    assert unexplained([Spell(96, 125)], outages, 5) == [Spell(96, 125)]
    assert unexplained([Spell(50, 56)], outages, 5) == [Spell(50, 56)]
