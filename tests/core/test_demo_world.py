"""The cartoon world: its pictures, its sentences, and the truth of the labels of its videos."""

import json
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipseek.demo.captions import caption, full_caption, near_miss, partial_caption, phrase
from clipseek.demo.drawing import draw
from clipseek.demo.labels import label
from clipseek.demo.otherworld import FOR_FITTING, FOR_TRAINING, HELD_OUT, estrange
from clipseek.demo.shots import OUTSIDE, Plan, plan_video
from clipseek.demo.truth import truth
from clipseek.demo.utterances import WORD_KINDS
from clipseek.demo.videos import CAPTIONS, HEIGHT, WIDTH, Video, make_videos
from clipseek.demo.words import CONTEXT_LENGTH, UNKNOWN, make_tokenizer
from clipseek.demo.world import (
    KINDS,
    MOST_THINGS,
    OPPOSITE,
    PLACES,
    RELATIONS,
    WEATHERS,
    Description,
    Item,
    Relation,
    Scene,
    Thing,
    holds,
    related,
    sample_scene,
)

RED_CAR = Thing("car", "red", 0.2, 0.7)
BLUE_BALL = Thing("ball", "blue", 0.8, 0.7)
GREEN_BIRD = Thing("bird", "green", 0.5, 0.25)
NIGHT_ROAD = Scene("road", "night", (RED_CAR, BLUE_BALL))

seeds = st.integers(0, 2**32)


# Truth ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        pytest.param(Description(), True, id="nothing-claimed"),
        pytest.param(Description((Item("car", "red"),)), True, id="thing"),
        pytest.param(Description((Item("car", "blue"),)), False, id="another-things-colour"),
        pytest.param(Description((Item(None, "blue"),)), True, id="colour-only"),
        pytest.param(Description((Item("ball"), Item("ball"))), False, id="two-of-one"),
        pytest.param(Description(place="road", weather="night"), True, id="surroundings"),
        pytest.param(Description((Item("car"),), place="city"), False, id="elsewhere"),
        pytest.param(Description((Item("car"),), weather="day"), False, id="another-time"),
        pytest.param(
            Description((Item("car"), Item("ball")), "left of"), True, id="relation-that-is"
        ),
        pytest.param(
            Description((Item("ball"), Item("car")), "left of"), False, id="relation-turned-round"
        ),
        pytest.param(
            Description((Item("car"), Item("ball")), "above"), False, id="relation-that-is-not"
        ),
    ],
)
def test_holds(description: Description, expected: bool) -> None:
    """A description is true of a scene that has what it claims, and of no other."""
    assert holds(description, NIGHT_ROAD) is expected


def test_what_is_out_of_sight_is_not_there() -> None:
    """A thing whose centre is outside the picture is not spoken of."""
    gone = Scene("road", "night", (Thing("car", "red", -0.05, 0.7),))
    assert not holds(Description((Item("car"),)), gone)


def test_a_relation_needs_two_items() -> None:
    """A relation of a single item is refused."""
    with pytest.raises(ValueError, match="needs two items"):
        Description((Item("car"),), "above")


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_and_its_opposite(relation: Relation) -> None:
    """What stands in a relation one way stands in the opposite one the other way."""
    for first, second in ((RED_CAR, BLUE_BALL), (GREEN_BIRD, RED_CAR), (RED_CAR, RED_CAR)):
        opposite = related(second, OPPOSITE[relation], first)
        assert related(first, relation, second) == opposite


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_truth_agrees_with_holds(seed: int) -> None:
    """The array form of the truth is that of one pair at a time."""
    rng = Random(seed)
    scenes = [sample_scene(rng) for _ in range(12)]
    descriptions = [caption(rng.choice(scenes), rng).description for _ in range(12)]
    expected = [[holds(each, scene) for scene in scenes] for each in descriptions]
    np.testing.assert_array_equal(truth(descriptions, scenes), expected)


def test_truth_refuses_what_it_cannot_compare() -> None:
    """More items than a scene has things are an error, not silently cut."""
    with pytest.raises(ValueError, match=f"at most {MOST_THINGS}"):
        truth([Description((Item(),) * (MOST_THINGS + 1))], [NIGHT_ROAD])


# Sentences --------------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_a_caption_holds_for_its_scene(seed: int) -> None:
    """Full and partial captions are true of the scene that they were made from."""
    rng = Random(seed)
    scene = sample_scene(rng)
    for made in (full_caption(scene, rng), partial_caption(scene, rng)):
        assert holds(made.description, scene), made.text


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_a_near_miss_does_not_hold(seed: int) -> None:
    """A near miss is false of the scene that it was made from."""
    rng = Random(seed)
    scene = sample_scene(rng)
    missed = near_miss(full_caption(scene, rng).description, scene, rng)
    assert missed is not None
    assert not holds(missed.description, scene)


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_a_sentence_says_what_it_claims(seed: int) -> None:
    """Every kind and colour of the description is in the sentence, with the right article."""
    rng = Random(seed)
    made = caption(sample_scene(rng), rng)
    for item in made.description.items:
        assert item.kind is None or item.kind in made.text
        assert item.colour is None or item.colour in made.text
    assert " a orange" not in f" {made.text}"
    assert " a umbrella" not in f" {made.text}"


def test_two_of_a_kind_are_counted() -> None:
    """Two equal things are "two", and fish keep their plural."""
    pair = Description((Item("fish", "pink"), Item("fish", "pink")))
    assert phrase(pair, Random(0)).startswith(("two pink fish", "a ", "there is", "we see"))
    assert "two pink fish" in {phrase(pair, Random(seed)) for seed in range(9)}


def test_sentences_of_another_world_are_kept_apart() -> None:
    """What is trained on, fitted on and held out never meet."""
    lists = (FOR_TRAINING, FOR_FITTING, HELD_OUT)
    assert len(set().union(*lists)) == sum(len(each) for each in lists)
    assert len(FOR_TRAINING) >= 60
    assert len(HELD_OUT) >= 60


def test_sentences_of_another_world_have_unknown_words() -> None:
    """Each of them has a word that the tokenizer does not know."""
    tokenizer = make_tokenizer()
    for sentence in (*FOR_TRAINING, *FOR_FITTING, *HELD_OUT):
        assert UNKNOWN in tokenizer.encode(sentence).tokens, sentence


def test_estranging_replaces_one_noun() -> None:
    """One of the given nouns becomes a word that no one has heard."""
    strange = estrange("a red car on the road", frozenset({"car"}), Random(0))
    assert strange is not None
    assert strange.split()[2].startswith("zz")
    assert estrange("at night", frozenset({"car"}), Random(0)) is None


def test_the_tokenizer_knows_every_caption() -> None:
    """No caption has an unknown word or is cut; case and punctuation make no difference."""
    tokenizer, rng = make_tokenizer(), Random(0)
    for _ in range(500):
        encoding = tokenizer.encode(caption(sample_scene(rng), rng).text)
        assert UNKNOWN not in encoding.tokens
        assert len(encoding.ids) == CONTEXT_LENGTH
        assert max(encoding.ids) == tokenizer.get_vocab_size() - 1  # the end token
    assert tokenizer.encode("A RED car!").ids == tokenizer.encode("a red car").ids


# Pictures ---------------------------------------------------------------------------------------


def test_drawing_is_deterministic() -> None:
    """The same scene gives the same picture."""
    scene = sample_scene(Random(1))
    np.testing.assert_array_equal(draw(scene, 96, 96), draw(scene, 96, 96))


@pytest.mark.parametrize("oversampling", [1, 2], ids=["plain", "soft"])
def test_a_picture_has_the_size_asked_for(oversampling: int) -> None:
    """Pictures are uint8 (height, width, 3), however finely they are drawn."""
    picture = draw(NIGHT_ROAD, 160, 90, oversampling=oversampling)
    assert picture.shape == (90, 160, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_its_colour(kind: str) -> None:
    """Things of two colours differ where the thing is, and nowhere else."""
    red, blue = (
        draw(Scene("meadow", "day", (Thing(kind, colour, 0.5, 0.5),)), 160, 90)  # type: ignore[arg-type]
        for colour in ("red", "blue")
    )
    rows, columns = np.nonzero((red != blue).any(axis=2))
    assert len(rows) > 60
    assert (abs(rows - 45) <= 20).all()
    assert (abs(columns - 80) <= 20).all()


def test_places_and_weathers_look_different() -> None:
    """No two of the backgrounds are alike: mean difference in levels of 255."""
    pictures = [
        draw(Scene(place, weather, ()), 64, 36).astype(float)
        for place in PLACES
        for weather in WEATHERS
    ]
    least = min(
        np.abs(one - other).mean()
        for index, one in enumerate(pictures)
        for other in pictures[:index]
    )
    assert least > 2


def test_rain_falls() -> None:
    """The clock moves the rain, and leaves a dry scene as it is."""

    def at(weather: str, clock: float) -> bytes:
        return draw(Scene("road", weather, (), 1, clock), 64, 36).tobytes()  # type: ignore[arg-type]

    assert at("rain", 0.0) != at("rain", 0.2)
    assert at("day", 0.0) == at("day", 0.2)


# Videos ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    """Return the plans of fifteen videos."""
    rng = Random(11)
    return {f"{number}.mp4": plan_video(rng) for number in range(15)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Video]]:
    """Return a folder of two videos, and their records."""
    folder = tmp_path_factory.mktemp("videos")
    return folder, make_videos(2, 5, folder)


def _scenes(plan: Plan) -> list[tuple[float, Scene]]:
    return [(plan.seconds(frame), scene) for frame, scene in plan.drawn()]


def test_plans_hold_to_their_limits(plans: dict[str, Plan]) -> None:
    """Videos have three to eight shots of two to eight seconds, and cut to another place."""
    for plan in plans.values():
        assert 3 <= len(plan.shots) <= 8
        for shot in plan.shots:
            assert 1.95 <= float(shot.frames / plan.frame_rate) <= 8.05
        places = [shot.place for shot in plan.shots]
        assert all(one != other for one, other in pairwise(places))


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_any_seed_plans_a_video(seed: int) -> None:
    """Whatever crosses the stage, there is a cast of one to three for every shot."""
    plan = plan_video(Random(seed))
    assert all(1 <= len(shot.actors) <= MOST_THINGS for shot in plan.shots)


def test_things_enter_leave_and_cross(plans: dict[str, Plan]) -> None:
    """Over fifteen videos, things come, go, pass through and stay."""
    ways = {
        (actor.keys[0][1] in OUTSIDE, actor.keys[-1][1] in OUTSIDE)
        for plan in plans.values()
        for shot in plan.shots
        for actor in shot.actors
    }
    assert ways == {(True, False), (False, True), (True, True), (False, False)}


def test_things_do_not_hide_each_other(plans: dict[str, Plan]) -> None:
    """No two things of a scene cover each other's centre."""
    for plan in plans.values():
        for _, scene in _scenes(plan):
            for index, one in enumerate(scene.things):
                for other in scene.things[:index]:
                    assert max(abs(one.x - other.x) * 16 / 9, abs(one.y - other.y)) > 0.25


def test_labels_are_true(plans: dict[str, Plan]) -> None:
    """A query's spans are inside its video, apart from each other, and of at least a second."""
    labelled = label(plans, Random(3))
    for each in labelled:
        if each.file is None or each.span is None:
            continue
        plan = plans[each.file]
        assert each.span.length >= 1
        spans = sorted((each.span, *each.others))
        assert all(one.end < other.start for one, other in pairwise(spans))
        assert spans[-1].end <= plan.seconds(plan.frames)
        assert each.file not in each.also


def test_labels_agree_with_holds(plans: dict[str, Plan]) -> None:
    """A query holds throughout its spans, nowhere else in its video, and in `also` videos only."""
    for each in label(plans, Random(4))[:10]:
        if each.claim is None or each.span is None:
            continue
        for file, plan in plans.items():
            held = {time for time, scene in _scenes(plan) if holds(each.claim, scene)}
            assert bool(held) == (file in (each.file, *each.also)), each.query
            if file == each.file:
                spans = (each.span, *each.others)
                times = [time for time, _ in _scenes(plan)]
                assert held == {t for t in times if any(s.start <= t < s.end for s in spans)}


def test_absent_queries_are_a_quarter(plans: dict[str, Plan]) -> None:
    """There is one absent query for three others, half of them of another world."""
    labelled = label(plans, Random(3))
    absent = [each.query for each in labelled if each.file is None]
    assert len(absent) == round((len(labelled) - len(absent)) / 3)
    assert len(set(absent) & set(HELD_OUT)) == len(absent) // 2


def test_near_misses_hold_nowhere(plans: dict[str, Plan]) -> None:
    """An absent query about the world holds in no picture of any video."""
    misses = [each for each in label(plans, Random(3)) if each.claim and not each.file]
    assert misses
    for each in misses:
        for plan in plans.values():
            assert not any(holds(each.claim, scene) for _, scene in _scenes(plan) if each.claim)


def test_no_query_is_asked_twice_of_a_video(plans: dict[str, Plan]) -> None:
    """The queries of one video differ in what they claim."""
    asked = [(each.file, each.claim) for each in label(plans, Random(3)) if each.file]
    assert len(set(asked)) == len(asked)


def test_videos_are_as_recorded(made: tuple[Path, list[Video]]) -> None:
    """Each file is H.264 of the recorded size, rate and duration."""
    folder, videos = made
    for video in videos:
        with av.open(str(folder / video.file)) as container:
            stream = container.streams.video[0]
            frames = sum(1 for _ in container.decode(stream))
            assert stream.codec_context.name == "h264"
            assert (stream.width, stream.height) == (video.width, video.height) == (WIDTH, HEIGHT)
            assert str(stream.average_rate) == video.frame_rate
            assert frames / float(stream.average_rate or 0) == pytest.approx(
                video.duration, abs=1e-3
            )


def test_videos_show_what_was_drawn(made: tuple[Path, list[Video]]) -> None:
    """The first frame of each shot is the drawn picture, but for what the codec loses."""
    folder, videos = made
    rng = Random(5)
    plan = next(plan_video(rng) for _ in videos)
    firsts = {shot.first: draw(shot.scene(0.0), WIDTH, HEIGHT) for shot in plan.shots}
    with av.open(str(folder / videos[0].file)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in firsts:
                shown = frame.to_ndarray(format="rgb24").astype(float)
                assert np.abs(shown - firsts[number]).mean() < 8


def test_captions_name_the_videos(made: tuple[Path, list[Video]]) -> None:
    """captions.jsonl has two to four queries a video with spans inside it, and absent ones."""
    folder, videos = made
    lines = [json.loads(line) for line in (folder / CAPTIONS).read_text().splitlines()]
    for video in videos:
        own = [line for line in lines if line.get("file") == video.file]
        assert len(own) == video.queries
        assert 2 <= video.queries <= 4
        assert all(0 <= line["start"] < line["end"] <= video.duration for line in own)
    assert any(line.get("absent") for line in lines)


def test_videos_are_deterministic(made: tuple[Path, list[Video]], tmp_path: Path) -> None:
    """The same seed gives the same captions and the same bytes of video."""
    folder, videos = made
    assert make_videos(2, 5, tmp_path) == videos
    for name in (CAPTIONS, *(video.file for video in videos)):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_words_leave_the_other_videos_as_they_are(
    made: tuple[Path, list[Video]], tmp_path: Path
) -> None:
    """A video without words is the same file, and the queries about pictures are the same.

    Of these two videos, the first has signs.
    """
    folder, videos = made
    worded = make_videos(2, 5, tmp_path, words=WORD_KINDS)
    signed, plain = (video.file for video in videos)
    assert (tmp_path / plain).read_bytes() == (folder / plain).read_bytes()
    assert (tmp_path / signed).read_bytes() != (folder / signed).read_bytes()
    lines, others = (
        (root / CAPTIONS).read_text().splitlines(keepends=True) for root in (tmp_path, folder)
    )
    assert lines[: len(others)] == others
    signs = [json.loads(line) for line in lines[len(others) :]]
    assert [line["kind"] for line in signs] == ["sign"] * len(signs)
    assert {line["file"] for line in signs if "file" in line} == {signed}
    assert [each.queries for each in worded] == [videos[0].queries + 2, videos[1].queries]


def test_a_count_of_zero_is_refused(tmp_path: Path) -> None:
    """At least one video must be asked for."""
    with pytest.raises(ValueError, match="count must be at least 1"):
        make_videos(0, 1, tmp_path)
