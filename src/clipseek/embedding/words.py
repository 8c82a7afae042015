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
