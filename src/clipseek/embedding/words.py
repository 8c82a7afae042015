"""How a sentence is cleaned before its tokenizer sees it: the steps that tokenizer.json lacks.

The modes are open_clip's (open_clip 3.3, tokenizer.py, `get_clean_fn`). open_clip repairs text
with ftfy first; of that, what a typed query needs is done here with the standard library: HTML
entities, curly quotes, Latin ligatures, full-width forms, control characters, NFC. Mojibake (text
decoded with the wrong code page) is not repaired.
"""

import html
import re
import string
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from typing import Literal, get_args

Clean = Literal["none", "whitespace", "lower", "canonicalize"]
CLEANS: tuple[Clean, ...] = get_args(Clean)

_SINGLE_QUOTES = "\u02bc\u2018\u2019\u201a\u201b"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f"
# Latin ligatures and digraphs that ftfy's fix_latin_ligatures takes apart.
_LIGATURES = "ĲĳŉǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬅﬆ"
# Full-width and half-width forms (Unicode block U+FF01..U+FFEF) and the ideographic space.
_WIDTHS = [*range(0xFF01, 0xFFF0), 0x3000]
_REPAIR = {
    **{ord(quote): "'" for quote in _SINGLE_QUOTES},
    **{ord(quote): '"' for quote in _DOUBLE_QUOTES},
    **{ord(letter): unicodedata.normalize("NFKC", letter) for letter in _LIGATURES},
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in _WIDTHS},
}
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udfff]"
)
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


# Letters and symbols that show nothing (Hangul fillers, blank Braille), and those that stand for
# something else that is not there (object and character replacement).
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc\ufffd")


def says_something(text: str) -> bool:
    """Whether a sentence has a letter, a digit or a pictograph that can be seen.

    Tokenizers of bytes have tokens for anything, also for "???" and for invisible characters.
    """
    return any(
        (character.isalnum() or unicodedata.category(character) == "So") and character not in _BLANK
        for character in text
    )


def longest_read(text: str, fits: Callable[[str], bool]) -> int:
    """Return how many characters of a sentence fit, up to the end of a word.

    The end is inside a word only if the first word itself does not fit. `fits` says whether the
    beginning of a sentence fits; if a longer one fits, a shorter one does too.
    """
    if fits(text):
        return len(text)
    end = bisect_left(range(len(text)), True, key=lambda end: not fits(text[: end + 1]))
    if text[end].isspace() or text[end - 1 : end].isspace():
        return len(text[:end].rstrip())
    before, *word = text[:end].rsplit(maxsplit=1)
    return len(before) if word else end


def clean(text: str, mode: Clean) -> str:
    """Return the text as the model's tokenizer expects it."""
    if mode == "none":
        return text
    text = _repaired(text)
    if mode == "canonicalize":
        text = text.replace("_", " ").translate(_NO_PUNCTUATION)
    if mode in ("lower", "canonicalize"):
        text = text.lower()
    return " ".join(text.split())


def _repaired(text: str) -> str:
    text = html.unescape(html.unescape(text)).translate(_REPAIR)
    return _CONTROL.sub("", unicodedata.normalize("NFC", text))
