"""Languages of texts: the stems of their words, and their function words, as tantivy knows them."""

from functools import lru_cache
from typing import TYPE_CHECKING

from clipseek.texts.words import folded

if TYPE_CHECKING:
    import tantivy

COMMON = "english"
"""The language of a text whose language is not known, in a collection that knows of none."""
# ISO 639-1 and 639-2 codes of the languages that tantivy has stemmers for (Snowball's).
_NAMES = {
    **dict.fromkeys(("ar", "ara"), "arabic"),
    **dict.fromkeys(("da", "dan"), "danish"),
    **dict.fromkeys(("nl", "nld", "dut"), "dutch"),
    **dict.fromkeys(("en", "eng"), "english"),
    **dict.fromkeys(("fi", "fin"), "finnish"),
    **dict.fromkeys(("fr", "fra", "fre"), "french"),
    **dict.fromkeys(("de", "deu", "ger"), "german"),
    **dict.fromkeys(("el", "ell", "gre"), "greek"),
    **dict.fromkeys(("hu", "hun"), "hungarian"),
    **dict.fromkeys(("it", "ita"), "italian"),
    **dict.fromkeys(("no", "nor", "nb", "nob", "nn", "nno"), "norwegian"),
    **dict.fromkeys(("pt", "por"), "portuguese"),
    **dict.fromkeys(("ro", "ron", "rum"), "romanian"),
    **dict.fromkeys(("ru", "rus"), "russian"),
    **dict.fromkeys(("es", "spa"), "spanish"),
    **dict.fromkeys(("sv", "swe"), "swedish"),
    **dict.fromkeys(("ta", "tam"), "tamil"),
    **dict.fromkeys(("tr", "tur"), "turkish"),
}
# The first code of each.
_CODES = {name: code for code, name in reversed(_NAMES.items())}
# Those that tantivy has stop words for (Lucene's for English, Snowball's for the others).
_WITH_FUNCTION_WORDS = frozenset(_NAMES.values()) - {
    "arabic",
    "greek",
    "romanian",
    "tamil",
    "turkish",
}


def code_of(tag: str) -> str:
    """Return the code of the language of a tag, without its region; empty if it is not known.

    It has two letters if the language has one of so many here, so that "eng" and "en-GB" are "en".
    """
    code = tag.lower().partition("-")[0]
    return _CODES.get(_NAMES.get(code, ""), "" if code == "und" else code)


def language_of(tag: str) -> str:
    """Return the name of the language of a tag of BCP 47 or ISO 639; empty if it has no stems."""
    return _NAMES.get(tag.partition("-")[0], "")


@lru_cache(maxsize=65536)
def stemmed(word: str, language: str) -> str:
    """Return the term of a word's stem in a language; no word has its first character."""
    (found,) = _stems(language).analyze(word) or [word]
    return f"~{language}~{folded(found)}"


@lru_cache(maxsize=65536)
def is_function_word(word: str, language: str) -> bool:
    """Whether a word, in small letters, is one like "the", which every text of a language has."""
    return language in _WITH_FUNCTION_WORDS and not _contents(language).analyze(word)


@lru_cache(maxsize=32)
def _stems(language: str) -> "tantivy.TextAnalyzer":
    import tantivy

    raw = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    return raw.filter(tantivy.Filter.stemmer(language)).build()


@lru_cache(maxsize=32)
def _contents(language: str) -> "tantivy.TextAnalyzer":
    import tantivy

    raw = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    return raw.filter(tantivy.Filter.stopword(language)).build()
