"""WordIndex: what the videos of a collection say, and which passages of it fit some words.

It is derived from the catalog and stored nowhere. Words are found and ordered by tantivy (BM25,
Robertson and Zaragoza 2009); which of the query's words a passage has is what its relevance says.
Passages that a sentence model has read are found by what they mean, too (`meanings`).
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Self

from clipseek.layers import Layers
from clipseek.texts.languages import COMMON, code_of, is_function_word, language_of, stemmed
from clipseek.texts.meanings import Meanings, Meant, Sense
from clipseek.texts.passages import passages
from clipseek.texts.spoken_in import SpokenIn
from clipseek.texts.words import Word, folded, is_near, merged, weight, words
from clipseek.timed import FIELDS, Field, FieldHit, Span, TimedText

if TYPE_CHECKING:
    import tantivy

AT_MOST = 256
"""Passages that a query compares, those with the best BM25."""
LEAST = 0.1
"""Relevance of a passage that is found: it has about a third of what the query says."""
_POWER = 2.0
"""Relevance is this power of the share of the query that a passage has; see `relevance`."""
_ALMOST = 0.8
"""How much a word counts that begins with what was asked, or differs from it by a typing error."""
_RARE = 0.1
"""Words whose weight is this share of the greatest one or less are not looked for alone."""
_TYPED, _LONG = 4, 8
"""Letters of words in which one, and two typing errors are looked for."""
_PREFIX, _SPELLINGS = 3, 32
_PLACES = 20  # bits: more than all fields of a video have together
_HEAP_BYTES = 15_000_000
"""The least that a writer of tantivy takes."""


class Said(NamedTuple):
    """A passage that fits a query, and how well."""

    video_id: str
    hit: FieldHit


class _Passage(NamedTuple):
    field: Field
    span: Span
    text: str
    stemmer: str


class _Asked(NamedTuple):
    """A word of a query: the terms that stand for it, how well, and how much it says.

    languages: Those of the collection in which it is a function word.
    """

    terms: Mapping[str, float]
    weight: float
    languages: AbstractSet[str]


class _Shared:
    """The index of tantivy that the states of one collection share, and its only writer."""

    def __init__(self) -> None:
        import tantivy

        made = tantivy.SchemaBuilder()
        made.add_unsigned_field("place", stored=False, indexed=False, fast=True)
        made.add_unsigned_field("video", stored=False, indexed=True, fast=False)
        made.add_unsigned_field("field", stored=False, indexed=True, fast=False)
        made.add_text_field("words", stored=False, tokenizer_name="spaces", index_option="freq")
        self.schema = made.build()
        self.index = tantivy.Index(self.schema)
        spaces = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self.index.register_tokenizer("spaces", spaces)
        self.writer = self.index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self.numbers = count(1)
        self.lock = threading.Lock()

    def remove(self, number: int) -> None:
        """Remove the passages of one video; states that are there already still find them."""
        import tantivy

        # By a query, because a term of an int would be one with a sign, which this field has not.
        mine = tantivy.Query.term_query(self.schema, "video", number)
        self.writer.delete_documents_by_query(mine)

    def add(self, number: int, said: Iterable[_Passage]) -> None:
        """Add the passages of one video."""
        import tantivy

        for at, passage in enumerate(said):
            document = tantivy.Document()
            document.add_unsigned("place", number << _PLACES | at)
            document.add_unsigned("video", number)
            document.add_unsigned("field", FIELDS.index(passage.field))
            terms = (term for _, terms in _terms(passage.text, passage.stemmer) for term in terms)
            document.add_text("words", " ".join(terms))
            self.writer.add_document(document)


@dataclass(frozen=True, slots=True, eq=False)
class WordIndex:
    """What all videos of a collection say, at one version. Immutable; `changed` returns the next.

    Numbers of videos are given once, so that passages which another state has added are not found.
    """

    _videos: Layers[str, int] = field(default_factory=Layers, repr=False)
    _passages: Layers[int, tuple[str, tuple[_Passage, ...]]] = field(
        default_factory=Layers, repr=False
    )
    spoken_in: SpokenIn = field(default_factory=SpokenIn, repr=False)
    _meanings: Meanings = field(default_factory=lambda: Meanings({}), repr=False)
    _stemmers: AbstractSet[str] = frozenset()
    _count: int = 0
    _shared: _Shared | None = field(default=None, repr=False)
    _searcher: "tantivy.Searcher | None" = field(default=None, repr=False)

    def changed(self, videos: AbstractSet[str], texts: Iterable[tuple[str, TimedText]]) -> Self:
        """Return the state in which some videos say what is given, and nothing else."""
        said: dict[str, list[_Passage]] = {}
        languages: dict[str, set[str]] = {}
        meant: dict[str, list[Meant]] = {}
        for video_id, text in texts:
            before = said.setdefault(video_id, [])
            first = len(before)
            before.extend(_passages_of(text))
            if text.meaning is not None:
                count = len(before) - first
                meant.setdefault(video_id, []).append(Meant(text.field, first, count, text.meaning))
            languages.setdefault(video_id, set()).update(code_of(cue.language) for cue in text.cues)
        said = {video_id: found for video_id, found in said.items() if found}
        gone = [video_id for video_id in videos if video_id in self._videos]
        if not said and not gone:
            return self
        shared = self._shared or _Shared()
        replaced = [self._videos[video_id] for video_id in gone]
        fewer = sum(len(self._passages[number][1]) for number in replaced)
        numbers, known = dict[str, int](), dict[int, tuple[str, tuple[_Passage, ...]]]()
        spoken_in = self.spoken_in.changed(videos, {each: languages[each] - {""} for each in said})
        with shared.lock:
            for number in replaced:
                shared.remove(number)
            for video_id, found in said.items():
                number = numbers[video_id] = next(shared.numbers)
                known[number] = video_id, tuple(found)
                shared.add(number, found)
            shared.writer.commit()
            shared.index.reload()
            searcher = shared.index.searcher()
        spoken = {each.stemmer for found in said.values() for each in found if each.stemmer}
        return replace(
            self,
            _videos=self._videos.changed(gone, numbers),
            _passages=self._passages.changed(replaced, known),
            spoken_in=spoken_in,
            _stemmers=self._stemmers | spoken,
            _meanings=self._meanings.changed(
                set(replaced),
                {numbers[video_id]: meant[video_id] for video_id in said if video_id in meant},
            ),
            _shared=shared,
            _searcher=searcher,
            _count=self._count - fewer + sum(map(len, said.values())),
        )

    def __len__(self) -> int:
        return self._count

    def search(
        self,
        query: str,
        *,
        fields: Iterable[Field] = FIELDS,
        only: AbstractSet[str] | None = None,
        sense: Sense | None = None,
    ) -> tuple[list[Said], bool]:
        """Return the passages that fit a query, best first, and whether there may be more.

        Those of some fields, and with `only` those of some videos. With what the query means, also
        those that say it in other words; the relevance of a passage is the greater one.
        """
        if self._searcher is None or self._shared is None:
            return [], False
        chosen = set(fields)
        found, more = self._having(query, chosen, only)
        if sense is not None:
            near = self._meanings.near(
                sense,
                fields=chosen,
                only=None if only is None else {self._videos.get(each, -1) for each in only},
                least=LEAST,
                most=AT_MOST,
            )
            more = more or len(near) == AT_MOST
            for video, at, relevance in near:
                known = found.get((video, at)) or _plain(self._passages[video][1][at])
                best = max(known.relevance, relevance)
                found[video, at] = known._replace(relevance=best)
        said = [Said(self._passages[video][0], hit) for (video, _), hit in found.items()]
        said.sort(key=lambda each: -each.hit.relevance)  # it is stable: equal ones stay by BM25
        return said, more

    def _having(
        self, query: str, fields: AbstractSet[Field], only: AbstractSet[str] | None
    ) -> tuple[dict[tuple[int, int], FieldHit], bool]:
        """Return the passages that have words of a query, by BM25, and whether there may be more.

        Each by the number of its video and its own.
        """
        assert self._searcher is not None
        asked = self._asked(query)
        counted = {each: _counted(asked, {each}) for each in self._stemmers}
        counted[""] = _counted(asked, self._spoken)
        known = [one for one in asked if one.terms and any(one in c for c in counted.values())]
        greatest = max((one.weight for one in known), default=0.0)
        wanted = [one for one in known if one.weight > _RARE * greatest]
        if not wanted:
            return {}, False
        found = self._searcher.search(self._query(wanted, fields, only), limit=AT_MOST)
        said = {}
        for place in self._places(found):
            number, at = place >> _PLACES, place & (1 << _PLACES) - 1
            if number in self._passages:
                passage = self._passages[number][1][at]
                hit = _hit(passage, counted[passage.stemmer])
                if hit.relevance >= LEAST:
                    said[number, at] = hit
        return said, len(found.hits) == AT_MOST

    @property
    def _spoken(self) -> AbstractSet[str]:
        """The languages that a text may be in whose language is not known."""
        return self._stemmers or {COMMON}

    def _places(self, found: "tantivy.SearchResult") -> list[int]:
        """Return what says which passages were found: video and number."""
        assert self._searcher is not None
        values = self._searcher.fast_field_values("place", [at for _, at in found.hits])
        return [int(value) for value in values if value is not None]

    def _query(
        self, wanted: Iterable[_Asked], fields: AbstractSet[Field], only: AbstractSet[str] | None
    ) -> "tantivy.Query":
        import tantivy

        made = tantivy.Query
        assert self._shared is not None
        schema = self._shared.schema
        either = [
            made.disjunction_max_query(
                [
                    made.boost_query(made.term_query(schema, "words", term, "freq"), quality)
                    for term, quality in one.terms.items()
                ]
            )
            for one in wanted
        ]
        must = [made.boolean_query([(tantivy.Occur.Should, each) for each in either])]
        if fields != set(FIELDS):
            chosen = [FIELDS.index(each) for each in fields]
            must.append(made.const_score_query(made.term_set_query(schema, "field", chosen), 0))
        if only is not None:
            numbers = [self._videos[each] for each in only if each in self._videos]
            must.append(made.const_score_query(made.term_set_query(schema, "video", numbers), 0))
        return made.boolean_query([(tantivy.Occur.Must, each) for each in must])

    def _asked(self, query: str) -> list[_Asked]:
        """Return the words of a query, each once, with what stands for them here."""
        distinct = {folded(each.word): each for each in words(query)}
        last = next(reversed(distinct), "")
        return [self._word(each, plain, is_last=plain == last) for plain, each in distinct.items()]

    def _word(self, word: Word, plain: str, *, is_last: bool) -> _Asked:
        assert self._searcher is not None
        forms = {plain: 1.0}
        if not word.is_joined:
            forms |= {stemmed(word.word, stemmer): 1.0 for stemmer in self._stemmers}
        frequencies = {term: self._searcher.doc_freq("words", term) for term in forms}
        terms = {term: quality for term, quality in forms.items() if frequencies[term]}
        if not terms and not word.is_joined:
            terms = dict.fromkeys(self._spellings(plain, is_last=is_last), _ALMOST)
            frequencies = {term: self._searcher.doc_freq("words", term) for term in terms}
        often = max((frequencies[term] for term in terms), default=0)
        languages = {each for each in self._spoken if is_function_word(word.word, each)}
        # A word that no passage has is not rarer than one that a single passage has.
        return _Asked(terms, weight(len(self), max(1, often)), languages)

    def _spellings(self, plain: str, *, is_last: bool) -> set[str]:
        """Return words that begin with a word, if it is the last one, or else are almost it."""
        import tantivy

        assert self._searcher is not None
        assert self._shared is not None
        if is_last and len(plain) >= _PREFIX:
            longer = self._searcher.terms_with_prefix("words", plain, limit=_SPELLINGS)
            if longer:
                return {term for term, _ in longer}
        if len(plain) < _TYPED:
            return set()
        errors = 1 if len(plain) < _LONG else 2
        query = tantivy.Query.fuzzy_term_query(
            self._shared.schema,
            "words",
            plain,
            distance=errors,
            transposition_cost_one=True,
            prefix=is_last,
        )
        found = self._searcher.search(query, limit=AT_MOST)
        near: set[str] = set()
        for place in self._places(found):
            passages = self._passages.get(place >> _PLACES, ("", ()))[1]
            for passage in passages[place & (1 << _PLACES) - 1 :][:1]:
                near |= {folded(word.word) for word in words(passage.text)}
        return {term for term in sorted(near) if is_near(plain, term, errors, is_prefix=is_last)}


def relevance(share: float) -> float:
    """Return the relevance in [0, 1] of a passage that has a share of what a query says.

    The share is that of the weights of the words, which are those of BM25 (`words.weight`).
    """
    return math.pow(share, _POWER)


def _counted(asked: Sequence[_Asked], languages: AbstractSet[str]) -> Sequence[_Asked]:
    """Return the words that count: without function words, unless the query has no others."""
    return [one for one in asked if not one.languages & languages] or asked


def _hit(passage: _Passage, asked: Iterable[_Asked]) -> FieldHit:
    """Judge a passage by the words that it has, and say where they are."""
    here = _terms(passage.text, passage.stemmer)
    has = {term for _, terms in here for term in terms}
    total = shared = 0.0
    matching: set[str] = set()
    for one in asked:
        total += one.weight
        mine = one.terms.keys() & has
        if mine:
            shared += one.weight * max(one.terms[term] for term in mine)
            matching |= mine
    ranges = ((word.start, word.end) for word, terms in here if matching & set(terms))
    share = shared / total if total else 0.0
    return FieldHit(passage.field, relevance(share), passage.span, passage.text, merged(ranges))


def _plain(passage: _Passage) -> FieldHit:
    """Return a passage that has none of the words."""
    return FieldHit(passage.field, 0.0, passage.span, passage.text)


def _passages_of(text: TimedText) -> Iterable[_Passage]:
    for cue in passages(text.cues):
        stemmer = language_of(cue.language)
        yield _Passage(text.field, Span(cue.start, cue.end), cue.text, stemmer)


@lru_cache(maxsize=16384)
def _terms(text: str, stemmer: str) -> tuple[tuple[Word, tuple[str, ...]], ...]:
    """Return the words of a passage with the terms that each is found by."""
    return tuple(
        (
            word,
            (folded(word.word), stemmed(word.word, stemmer))
            if stemmer and not word.is_joined
            else (folded(word.word),),
        )
        for word in words(text)
    )
