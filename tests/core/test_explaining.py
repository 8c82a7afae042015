"""Why a moment matched, over a video whose frames and pictures are known."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clipseek.cache import NoCache, TextVectors
from clipseek.errors import InvalidQuery, QueryNotRead, ServiceUnavailable
from clipseek.explaining import Explainer, Explanation, Matched, Said
from clipseek.model import Model
from clipseek.parts import Like, Picture, Text
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.timed import Cue, TimedText
from clipseek.types import (
    PICTURE,
    Collection,
    FieldSegments,
    FrameVectors,
    Put,
    SearchResult,
    Span,
    Video,
)
from tests.api.library import toy_model
from tests.searching import searcher_over

SHOWN = ["red", "orange red", "red", "blue", "cyan blue"]
"""What the frame of each second shows: the moment of red is 0 to 3 s, that of blue 3 to 5 s."""
BIASES = (1.0, 3.0)


class Blind(ToyEmbedder):
    """A model that cannot say what parts of a picture show."""

    def patches(self, pixels: NDArray[np.uint8]) -> None:  # type: ignore[override]  # says less
        """Say nothing."""


def blind_model(collection: Collection) -> Model:
    """Make the toy model without patches."""
    return replace(toy_model(collection), embedder=Blind())


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Write a picture."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    return data.getvalue()


def cornered() -> bytes:
    """Return a grey picture with blue in the lower right quarter."""
    pixels = np.full((64, 96, 3), 128, np.uint8)
    pixels[32:, 48:] = (0, 0, 255)
    return jpeg(pixels)


class World:
    """A catalog of one video, and what asks it."""

    def __init__(self, folder: Path, *, model: object = toy_model, frames: bool = True) -> None:
        self.catalog = MemoryCatalog()
        self.thumbnails = Thumbnails(folder / "thumbnails")
        embed = ToyEmbedder().embed_texts
        self.catalog.ensure_collection("default", "toy", 5, "toy-1")
        shown = {1.0: jpeg(np.full((64, 96, 3), 99, np.uint8)), 4.0: cornered()}
        names = [
            self.thumbnails.write("default", "v", time, picture) for time, picture in shown.items()
        ]
        picture = FieldSegments(
            spans=np.array([[0.0, 3.0], [3.0, 5.0]]),
            vectors=embed(["red", "blue"]),
            best_times=np.array([1.0, 4.0]),
            biases=np.array(BIASES, np.float32),
            thumbnails=names,
            shots=np.ones(2, np.bool_),
        )
        kept = FrameVectors(np.arange(5.0), embed(SHOWN)) if frames else None
        video = Video("v", "/v.mp4", "v", 5.0, 96, 64, 1)
        self.catalog.put("default", Put(video, {PICTURE: picture}, frames=kept))
        self.searcher: Searcher = searcher_over(self.catalog, folder, model)  # type: ignore[arg-type]  # one of two
        self.explainer = Explainer(
            self.searcher.collections, TextVectors(NoCache(), 1.0), self.thumbnails
        )

    def hits(self, query: Query) -> SearchResult:
        """Search."""
        (answer,) = self.searcher.search([query])
        assert isinstance(answer, SearchResult)
        return answer

    def explain(self, query: Query, *, limit_s: float = 60) -> list[Explanation]:
        """Search, and explain what is found."""
        hits = self.hits(query).hits
        matched = [moment for hit in hits for moment in Matched.of(hit)]
        return self.explainer.explain(query, matched, limit_s=limit_s)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return the video with everything that is stored of it."""
    return World(tmp_path)


def test_the_nearest_frame_is_the_best_of_the_moment(world: World) -> None:
    """Orange is nearest at 1 s in the moment of red, and cyan at 4 s in that of blue."""
    orange, other = world.explain(Query.of("orange", 2))
    assert orange.frame is not None
    assert orange.frame.time == 1.0
    wanted = ToyEmbedder().embed_texts(["orange", "orange red"])
    assert orange.frame.score == pytest.approx(float(wanted[0] @ wanted[1]), abs=1e-3)
    assert other.frame is not None
    assert 3 <= other.frame.time < 5


def test_frames_that_are_not_stored_are_not_made_up(tmp_path: Path) -> None:
    """A library without frame vectors has no nearest frame; the rest is there."""
    (found, _) = World(tmp_path, frames=False).explain(Query.of("blue", 2))
    assert found.frame is None
    assert found.parts
    assert found.heat is not None


def test_a_sentence_fits_as_its_hit_is_relevant(world: World) -> None:
    """The number is the same, bias included, and so is the score."""
    query = Query.of("orange", 2)
    hits = world.hits(query).hits
    assert len({hit.relevance for hit in hits}) == 2
    for hit, why in zip(hits, world.explain(query), strict=True):
        (part,) = why.parts
        assert part.weight == 1
        assert part.score == pytest.approx(hit.score, abs=1e-3)
        assert part.fit == pytest.approx(hit.relevance, abs=1e-3)


def test_each_part_has_its_own_fit(world: World) -> None:
    """In the order in which they were asked for, what is not wanted too."""
    query = Query.of([Text("blue"), Text("red", -0.5), Text("black", 2.0)], 2)
    blue = next(why for why in world.explain(query) if why.frame and why.frame.time >= 3)
    assert [part.weight for part in blue.parts] == [1, -0.5, 2]
    assert blue.parts[0].fit > 0.9
    assert blue.parts[1].fit < 0.1
    assert blue.parts[0].score == pytest.approx(1, abs=1e-3)


def test_the_heat_is_where_the_picture_has_it(world: World) -> None:
    """Blue is in the lower right quarter of its thumbnail, whatever else is asked for."""
    for parts in ([Text("blue")], [Text("red", -1.0), Text("blue")]):
        why = next(w for w in world.explain(Query.of(parts, 2)) if w.frame and w.frame.time >= 3)
        assert why.reason == ""
        assert why.heat is not None
        assert why.heat.grid.shape == (8, 8)
        # To within one of the 8 x 8 parts, because the picture is scaled down to them.
        assert why.heat.box == pytest.approx((0.5, 0.5, 1, 1), abs=0.126)
        assert why.heat.grid[5:, 5:].min() > 0.9
        assert why.heat.grid[:3].max() < 0.05
        assert why.plain()["where"] is not None


def test_an_even_picture_has_no_place(world: World) -> None:
    """The thumbnail of the other moment is grey all over."""
    why = next(w for w in world.explain(Query.of("red", 2)) if w.frame and w.frame.time < 3)
    assert why.heat is None
    assert why.reason == "no part of the picture fits the sentence better than the others"


@pytest.mark.parametrize(
    "part",
    [Like("v", 1.0), Picture.of(np.zeros((8, 8, 3), np.uint8)), [Like("v", 1.0), Text("red", -1)]],
    ids=["moment", "picture", "unwanted sentence"],
)
def test_without_a_wanted_sentence_nothing_is_looked_for_in_pictures(
    world: World, part: object
) -> None:
    """The parts have their fit, and a sentence says why there is no place."""
    whys = world.explain(Query.of(part, 2))  # type: ignore[arg-type]  # of a list of parts
    assert whys
    for why in whys:
        assert why.parts
        assert why.heat is None
        assert "no sentence was asked for" in why.reason


def test_words_have_no_place_in_the_picture(world: World) -> None:
    """What is said of a moment that words have found, and of one that pictures have found."""
    world.catalog.put_text(
        "default", "v", TimedText("speech", "1", (Cue(3.2, 3.8, "A grey zebra"),))
    )
    world.searcher.collections.refresh()
    spoken, *_ = world.explain(Query.of("zebra", 2))
    assert (spoken.heat, spoken.reason.split(",")[0]) == (
        None,
        "the words (speech) matched here",
    )
    assert spoken.parts
    (why, _) = world.explain(Query.of("blue", 2))
    assert why.heat is not None


def test_a_model_without_patches_says_so(tmp_path: Path) -> None:
    """And what to do."""
    (why, _) = World(tmp_path, model=blind_model).explain(Query.of("blue", 2))
    assert why.heat is None
    assert "model toy cannot say where" in why.reason
    assert "export it again in fp32" in why.reason
    assert why.parts


def test_a_picture_that_is_gone_is_no_error(world: World, tmp_path: Path) -> None:
    """The others are explained."""
    for path in tmp_path.glob("thumbnails/**/*4000-*.jpg"):
        path.unlink()
    (why, _) = world.explain(Query.of("blue", 2))
    assert why.heat is None
    assert "`indexer verify`" in why.reason
    assert why.frame is not None


def test_a_moment_that_is_gone_is_said_to_be(world: World) -> None:
    """A video that was removed meanwhile, and a segment that was replaced."""
    hits = [Matched("v", 999_999, Span(0, 3)), Matched("gone", 1, Span(0, 3))]
    for why in world.explainer.explain(Query.of("red", 2), hits, limit_s=60):
        assert (why.frame, why.parts, why.heat) == (None, (), None)
        assert "search again" in why.reason


def test_pictures_are_looked_at_while_there_is_time(world: World) -> None:
    """Parts and frames cost nothing, so they are there in any case."""
    for why in world.explain(Query.of("blue", 2), limit_s=0):
        assert why.heat is None
        assert "ask for fewer hits" in why.reason
        assert why.frame is not None
        assert why.parts


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Query.of("red", 11), "limit must be 1 to 10 if hits are explained, got 11"),
        (
            Query.of("red", 6, then=[Step((Text("blue"),), 5.0)]),
            "limit must be 1 to 5 if hits of 2",
        ),
    ],
    ids=["many", "sequence"],
)
def test_some_queries_are_not_explained(world: World, query: Query, said: str) -> None:
    """The sentence says what may be asked."""
    with pytest.raises(InvalidQuery, match=said):
        world.explainer.explain(query, [], limit_s=60)


def test_a_sentence_that_cannot_be_read_is_refused(world: World) -> None:
    """As a search refuses it."""
    with pytest.raises(QueryNotRead):
        world.explainer.explain(Query.of("???", 2), [], limit_s=60)


def test_what_is_stored_of_a_collection_that_was_replaced_is_not_explained(world: World) -> None:
    """Its vectors may be of another model than the query that found the moment."""
    world.hits(Query.of("red"))
    world.catalog.remove_collection("default")
    world.catalog.ensure_collection("default", "toy", 5, "toy-1")
    with pytest.raises(ServiceUnavailable, match="has just been replaced"):
        world.explainer.explain(Query.of("red"), [Matched("v", 1, Span(0, 3))], limit_s=60)


def test_each_step_is_explained_by_its_own_words(world: World) -> None:
    """A segment that two chains have is explained for both, each time by the step that it is of."""
    query = Query.of("red", 2, then=[Step((Text("blue"),), 10.0)])
    red, blue = world.explain(query)
    assert [round(each.parts[0].fit) for each in (red, blue)] == [1, 1]
    assert red.frame is not None
    assert blue.frame is not None
    assert red.frame.time < 3 <= blue.frame.time


def test_what_is_said_in_a_step_belongs_to_that_step() -> None:
    """Fields of a hit are of the step in whose time they are."""
    said = [Said("speech", 0.9, Span(5.0, 6.0)), Said("picture", 0.8, Span(0.0, 2.0))]
    moments = [(1, Span(0.0, 2.0)), (2, Span(4.0, 7.0)), (3, Span(8.0, 9.0))]
    fields = [each.field for each in Matched.all("v", moments, said)]
    assert fields == ["picture", "speech", "picture"]
