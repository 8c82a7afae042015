"""Subtitles, speech and signs of the demo videos, and the captions that say where they are."""

from itertools import pairwise
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest

from clipseek.demo import sentences
from clipseek.demo.sentences import Said, answers
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.signs import paint
from clipseek.demo.utterances import WORD_KINDS, Passage, plan_words, queries
from clipseek.demo.videos import HEIGHT, WIDTH, spoken, write_video
from clipseek.demo.voice import RATE, Voice
from clipseek.demo.words import vocabulary
from tests.demo_words import still_plan, voice

CUES = (
    Passage("subtitle", 0.5, 2.25, Said("Anna sold two pianos, on Monday", "anna")),
    Passage("subtitle", 3.0, 5.125, Said("Boris found ten mirrors", "boris")),
)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    """Return the plans of twenty videos."""
    rng = Random(3)
    return [plan_video(rng) for _ in range(20)]


def _words(plans: list[Plan]) -> dict[str, tuple[Passage, ...]]:
    return {
        str(number): plan_words(plan, number, seed=8, kinds=WORD_KINDS)
        for number, plan in enumerate(plans, 1)
    }


def test_each_kind_is_in_a_quarter_of_the_videos(plans: list[Plan]) -> None:
    """Five of twenty videos have it, whatever the seed, and five have no words."""
    for seed in (0, 1, 7):
        kinds = [
            {each.kind for each in plan_words(plan, number, seed=seed, kinds=WORD_KINDS)}
            for number, plan in enumerate(plans, 1)
        ]
        assert all(kinds.count({kind}) == 5 for kind in WORD_KINDS)
        assert kinds.count(set()) == 5


def test_a_kind_that_is_left_out_changes_no_other(plans: list[Plan]) -> None:
    """The videos with signs have the same signs, and the others have nothing."""
    for number, plan in enumerate(plans, 1):
        all_kinds = plan_words(plan, number, seed=8, kinds=WORD_KINDS)
        signs = plan_words(plan, number, seed=8, kinds=["sign"])
        assert signs == tuple(each for each in all_kinds if each.kind == "sign")


def test_words_are_inside_their_video_one_after_the_other(plans: list[Plan]) -> None:
    """No passage begins before the one before it ends, and none lasts longer than the video."""
    for plan, passages in zip(plans, _words(plans).values(), strict=True):
        assert all(one.end <= other.start for one, other in pairwise(passages))
        assert all(0 <= each.start < each.end for each in passages)
        assert all(each.end <= plan.seconds(plan.frames) for each in passages)


def test_signs_are_long_enough_to_be_sampled(plans: list[Plan]) -> None:
    """A sign is shown for 1.5 s or more, from the first frame of a picture on, inside a shot."""
    signs = [
        (plan, each)
        for plan, passages in zip(plans, _words(plans).values(), strict=True)
        for each in passages
        if each.kind == "sign"
    ]
    assert len(signs) == 10
    for plan, each in signs:
        assert each.end - each.start >= 1.5
        assert each.start in [plan.seconds(first) for first, _ in plan.drawn()]
        ends = [plan.seconds(shot.first + shot.frames) for shot in plan.shots]
        starts = [plan.seconds(shot.first) for shot in plan.shots]
        shot = ends.index(each.end)
        assert starts[shot] <= each.start


def test_a_query_names_every_passage_that_has_its_words(plans: list[Plan]) -> None:
    """The right answers of each line are all passages with all words of the query."""
    words = _words(plans)
    for line in queries(words, WORD_KINDS, seed=8):
        query = str(line["query"])
        having = {file for file, said in words.items() if any(answers(s.text, query) for s in said)}
        also = line.get("also", [])
        assert isinstance(also, list)
        assert having == (set() if line.get("absent") else {line["file"], *also})


def test_a_query_that_two_passages_answer_has_both() -> None:
    """In the same video as another span, in another video as another file."""
    said = Said("Coffee Museum", "coffee museum")
    first, second = Passage("sign", 0, 2, said), Passage("sign", 5.5, 7, said)
    line = next(queries({"a": (first, second), "b": (first,)}, ["sign"], seed=1))
    assert (line["start"], line["end"], line["alt_spans"]) == (0, 2, [[5.5, 7]])
    assert line["also"] == ["b"]


def test_there_is_an_absent_query_for_three_others(plans: list[Plan]) -> None:
    """Of each kind, and no passage has one of its words."""
    words = _words(plans)
    lines = list(queries(words, WORD_KINDS, seed=8))
    spoken = {word for said in words.values() for s in said for word in s.text.lower().split()}
    for kind in WORD_KINDS:
        own = [line for line in lines if line["kind"] == kind]
        absent = [str(line["query"]) for line in own if line.get("absent")]
        assert len(absent) == round((len(own) - len(absent)) / 3) > 0
        assert not spoken & {word for query in absent for word in query.split()}


def test_pictures_do_not_answer_words() -> None:
    """The sentences and signs have no word of the cartoon world but those of everyday grammar."""
    lists = (
        sentences.NAMES,
        sentences.VERBS,
        sentences.NUMBERS[1:],  # "two" is said of pictures: two red cars
        sentences.GOODS,
        sentences.DAYS,
        sentences.SIGN_GOODS,
        sentences.SIGN_PLACES,
    )
    assert not {word.lower() for words in lists for word in words} & set(vocabulary())


def test_subtitles_are_a_stream_of_the_file(tmp_path: Path) -> None:
    """Their text, times and language are read back from the file to the millisecond."""
    write_video(still_plan(), tmp_path / "a.mp4", CUES)
    with av.open(str(tmp_path / "a.mp4")) as container:
        (stream,) = container.streams.subtitles
        assert (stream.codec_context.name, stream.language) == ("mov_text", "eng")
        read = [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base), text)
            for packet in container.demux(stream)
            if (text := bytes(packet)[2:].decode()) and packet.pts is not None and packet.duration
        ]
    assert read == [(cue.start, cue.end - cue.start, cue.text) for cue in CUES]


def test_speech_is_a_sound_track_of_the_file(tmp_path: Path) -> None:
    """It is AAC as long as the video, loud between the times of the truth, and silent elsewhere."""
    planned = (Passage("speech", 1.0, 5.5, Said("Laura sold six guitars on Friday", "laura")),)
    plan = still_plan()
    heard, sound = spoken(plan, planned, voice())
    assert sound is not None
    assert 2 < heard[0].end - heard[0].start < 3.5
    write_video(plan, tmp_path / "a.mp4", heard, sound)
    with av.open(str(tmp_path / "a.mp4")) as container:
        (stream,) = container.streams.audio
        assert (stream.codec_context.name, stream.rate, stream.language) == ("aac", RATE, "eng")
        frames = [frame.to_ndarray()[0] for frame in container.decode(stream)]
    samples = np.abs(np.concatenate(frames))
    assert len(samples) / RATE == pytest.approx(6, abs=0.1)
    inside = slice(round(heard[0].start * RATE), round(heard[0].end * RATE))
    assert samples[inside].mean() > 0.02
    samples[slice(inside.start - RATE // 10, inside.stop + RATE // 10)] = 0
    assert samples.max() < 0.01


def test_a_voice_that_fails_is_named() -> None:
    """The error says which program could not speak, and what."""
    with pytest.raises(OSError, match="false cannot speak 'hello'"):
        Voice("false").speak("hello")
    with pytest.raises(OSError, match="no-such-program"):
        Voice("no-such-program").speak("hello")


def test_speech_that_does_not_fit_is_refused() -> None:
    """A sentence is never cut, because the truth would be wrong then."""

    class Slow(Voice):
        def speak(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
            return np.ones(5 * RATE, dtype=np.int16)

    planned = (Passage("speech", 1.5, 6, Said("Anna", "anna")),)
    with pytest.raises(ValueError, match=r"takes 5.0 s: it does not fit"):
        spoken(still_plan(), planned, Slow("slow"))


@pytest.mark.parametrize("text", ["Tea club", "CHEESE WORKSHOP"], ids=["short", "longest"])
def test_a_sign_is_inside_its_box_and_large(text: str) -> None:
    """Nothing outside changes, and at 320 x 180 pixels capitals have 12 rows."""
    grey = np.full((180, 320, 3), 128, dtype=np.uint8)
    picture = paint(grey, text, (0.1, 0.83, 0.85, 0.98))
    rows, columns = np.nonzero((picture != 128).any(axis=2))
    assert (rows.min(), rows.max()) == (149, 175)
    assert (columns.min(), columns.max()) == (32, 271)
    letters: np.ndarray[tuple[int, int], np.dtype[np.uint8]] = picture[151:174, 34:270].max(axis=2)
    dark = np.flatnonzero((letters < 100).any(axis=1))
    assert dark[-1] - dark[0] >= 12
    assert (grey == 128).all()


def test_a_sign_is_shown_in_its_span_alone(tmp_path: Path) -> None:
    """The frame before the first is not changed, and the first shows the board."""
    box = (0.1, 0.02, 0.85, 0.17)
    shown = Passage("sign", 0.8, 3.0, Said("Tea club", "tea club"), box)
    write_video(still_plan(), tmp_path / "a.mp4", (shown,))
    top = np.s_[6:34, 45:320]
    with av.open(str(tmp_path / "a.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24")[top] for frame in container.decode(video=0)]
    light = [(picture > 225).all(axis=2).mean() > 0.4 for picture in pictures]
    assert [number for number, value in enumerate(light) if value] == list(range(20, 75))
    assert (HEIGHT, WIDTH) == (216, 384)
