"""What is asked for again is not made again, and only so much is kept."""

import operator

from clipseek.recent import Recent


def test_the_last_few_things_are_kept() -> None:
    """Of three things two are kept: those that were asked for last."""
    recent, made = Recent[str](2), list[str]()

    def ask(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return recent.get(key, make, operator.eq)

    assert [ask(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]
