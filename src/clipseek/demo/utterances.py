"""Decides which demo videos have subtitles, speech or signs, what these say, and when.

Each kind is in one of four videos, and every fourth video has no words. The decision rests on the
seed and the number of a video alone, so the pictures of the other videos do not depend on it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, get_args

from clipseek.demo.sentences import (
    LANGUAGE,
    Said,
    absent_sentence,
    absent_sign,
    answers,
    sentence,
    sign,
)
from clipseek.demo.shots import Plan

WordKind = Literal["subtitle", "speech", "sign"]
WORD_KINDS: tuple[WordKind, ...] = get_args(WordKind)

CUE_S = (1.8, 2.8)
"""How long a subtitle is shown: two lines can be read in that time."""
SPOKEN_S = 4.5
"""Room for one spoken sentence: the longest takes 3.1 s at the speed of `voice`."""
SHORTEST_SIGN_S = 1.5
_SIGNS = 2  # shots with a sign, at most
_HIGH, _LOW = (0.02, 0.17), (0.83, 0.98)  # above and below the centres of all things
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of one video with a query that they answer; times in seconds, half-open.

    `box` (left, top, right, bottom; fractions of width and height) is where a sign is.
    """

    kind: WordKind
    start: float
    end: float
    said: Said
    box: Box | None = None

    @property
    def text(self) -> str:
        """What is said or written."""
        return self.said.text


def plan_words(
    plan: Plan, number: int, *, seed: int, kinds: Collection[WordKind]
) -> tuple[Passage, ...]:
    """Return the passages of the video with this number, in the order of time."""
    kind = _kind(number, seed)
    if kind is None or kind not in kinds:
        return ()
    rng = Random(f"words of video {number}, seed {seed}")
    if kind == "sign":
        return tuple(_signs(plan, rng))
    length = plan.seconds(plan.frames)
    return tuple(_cues(length, rng) if kind == "subtitle" else _spoken(length, rng))


def _kind(number: int, seed: int) -> WordKind | None:
    """Return the kind of words of a video: three of four in a row have one each."""
    place = (number + seed) % (len(WORD_KINDS) + 1)
    return WORD_KINDS[place] if place < len(WORD_KINDS) else None


def _cues(length: float, rng: Random) -> Iterator[Passage]:
    """Yield up to three subtitles, with a pause after each."""
    start = rng.uniform(0.2, 0.8)
    for _ in range(3):
        end = start + rng.uniform(*CUE_S)
        if end > length:
            return
        yield Passage("subtitle", round(start, 3), round(end, 3), sentence(rng))
        start = end + rng.uniform(0.5, 3.0)


def _spoken(length: float, rng: Random) -> Iterator[Passage]:
    """Yield up to two spoken sentences; each has SPOKEN_S until its real end is known."""
    start = rng.uniform(0.4, 1.0)
    for _ in range(2):
        if start + SPOKEN_S > length:
            return
        yield Passage("speech", round(start, 3), round(start + SPOKEN_S, 3), sentence(rng))
        start += SPOKEN_S + rng.uniform(0.5, 3.0)


def _signs(plan: Plan, rng: Random) -> Iterator[Passage]:
    """Yield signs that are shown to the end of a shot: from its first picture or a later one."""
    chosen = sorted(rng.sample(range(len(plan.shots)), _SIGNS))
    for shot in (plan.shots[number] for number in chosen):
        later = rng.random() < 0.5 and plan.seconds(shot.frames) > 2 * SHORTEST_SIGN_S
        # A picture is held for two frames, so an even number is the first frame of one.
        first = shot.first + (shot.frames // 4 * 2 if later else 0)
        said = sign(rng)
        left = rng.uniform(0.05, 0.2)
        top, bottom = rng.choice((_HIGH, _LOW))
        box = (round(left, 3), top, round(left + 0.75, 3), bottom)
        end = plan.seconds(shot.first + shot.frames)
        yield Passage("sign", plan.seconds(first), end, said, box)


def queries(
    words: Mapping[str, Sequence[Passage]], kinds: Iterable[WordKind], *, seed: int
) -> Iterator[dict[str, object]]:
    """Yield a line of captions.jsonl for each passage, and an absent one for every three.

    Args:
        words: The passages of each file.
        kinds: The kinds in the order of the lines.
        seed: Chooses the absent queries.
    """
    rng = Random(f"absent words, seed {seed}")
    for kind in kinds:
        asked = [(file, each) for file, said in words.items() for each in said if each.kind == kind]
        for file, passage in asked:
            yield _line(file, passage, words)
        for _ in range(round(len(asked) / 3)):
            query = absent_sign(rng) if kind == "sign" else absent_sentence(rng)
            yield {"query": query, "absent": True, "kind": kind}


def _line(file: str, passage: Passage, words: Mapping[str, Sequence[Passage]]) -> dict[str, object]:
    """Return what is known of a passage: the query, the right spans, and what is said."""
    query = passage.said.query
    right = {
        name: [each for each in said if answers(each.text, query)] for name, said in words.items()
    }
    line: dict[str, object] = {
        "file": file,
        "query": query,
        "start": round(passage.start, 3),
        "end": round(passage.end, 3),
        "kind": passage.kind,
        "text": passage.text,
        "language": LANGUAGE,
    }
    if passage.box:
        line["box"] = list(passage.box)
    others = [each for each in right[file] if each is not passage]
    if others:
        line["alt_spans"] = [[round(each.start, 3), round(each.end, 3)] for each in others]
    also = [name for name, found in right.items() if found and name != file]
    if also:
        line["also"] = also
    return line


def spoken_until(passage: Passage, seconds: float) -> Passage:
    """Return the passage with the end that its sound has, `seconds` after its start."""
    return replace(passage, end=round(passage.start + seconds, 3))
