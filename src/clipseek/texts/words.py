"""Words of a text: where they are, and in which forms they are looked for. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Scripts that are written without spaces: Han, Kana, Thai, Lao, Burmese, Khmer. Pairs of their
# letters are looked for, as the CJK analysers of search engines do.
_JOINED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# Marks that follow a letter and are part of its word, although Python calls them no letters.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963"
_TOKEN = re.compile(
    rf"(?P<joined>[{_JOINED}]+)|[^\W_{_JOINED}](?:[^\W_{_JOINED}]|[{_MARKS}]|['’](?=[^\W_]))*"
)
# Accents, and the points of Arabic and Hebrew, which most people leave out when they write.
_ACCENT = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670'’]")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})


class Word(NamedTuple):
    """A word of a text, which is `text[start:end]` there, in small letters.

    `is_joined` says that it is a pair of letters of a script without spaces.
    """

    start: int
    end: int
    word: str
    is_joined: bool = False


def words(text: str) -> Iterator[Word]:
    """Yield the words of a text in their order; pairs of letters overlap."""
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        if found["joined"] is None:
            yield Word(start, end, unicodedata.normalize("NFKC", found[0]).casefold())
            continue
        for at in range(start, max(start + 1, end - 1)):
            yield Word(at, min(at + 2, end), text[at : at + 2], is_joined=True)


def folded(word: str) -> str:
    """Return a word without its accents, the same for all its spellings that people mix."""
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", word))
    return unicodedata.normalize("NFC", plain).casefold().translate(_LETTERS)


def is_near(one: str, other: str, distance: int, *, is_prefix: bool = False) -> bool:
    """Whether a word becomes another one by so many typing errors at most.

    An error is a letter that is left out, added or replaced, or two that are exchanged: the optimal
    string alignment distance. With `is_prefix`, the other one may go on.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, there in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return (min(row) if is_prefix else row[-1]) <= distance


def merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join ranges that overlap, as pairs of letters do."""
    found: list[tuple[int, int]] = []
    for start, end in ranges:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return tuple(found)


def weight(passages: int, often: int) -> float:
    """Return how much a word says that so many of the passages have: the idf of BM25."""
    often = min(often, passages)
    return math.log1p((passages - often + 0.5) / (often + 0.5))
