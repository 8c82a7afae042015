"""What an inference server must say before its vectors count."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, VISUAL, Bundle
from clipseek.embedding.towers.remote.exchange import (
    ATTEMPTS,
    Answer,
    Failure,
    Metadata,
    Tensor,
    Wanted,
    as_array,
    gone,
    late,
    pause_s,
    refused,
    takes_any_length,
    vectors,
    wanted,
)

TEXTS = Wanted(
    "clipseek-text-0123456789abcdef",
    "19088744",
    Tensor("tokens", "INT64", (-1, 8)),
    Tensor("vectors", "FP32", (-1, 3)),
)
PIXELS = replace(TEXTS, taken=Tensor("pixels", "FP32", (-1, 3, 4, 4)))
SAID = Metadata(TEXTS.name, (TEXTS.version,), (TEXTS.taken,), (TEXTS.given,))
ANY_LENGTH = Tensor("tokens", "INT64", (-1, -1))
FOUND = np.ones((2, 3), np.float32)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo's bundle."""
    return models.resolve("demo", tmp_path_factory.mktemp("data"))


def test_name_and_version_carry_the_fingerprint(demo: Bundle) -> None:
    """Other weights have other names and other versions; the halves of a model have two names."""
    visual, text = wanted(demo, VISUAL), wanted(demo, TEXT)
    assert visual.name == f"clipseek-visual-{demo.fingerprint[:16]}"
    assert text.name == f"clipseek-text-{demo.fingerprint[:16]}"
    assert visual.version == text.version == str(int(demo.fingerprint[:7], 16) + 1)

    other = wanted(replace(demo, fingerprint="0" * 64), VISUAL)

    assert other.version == "1"
    assert other.name != visual.name


def test_a_tower_is_asked_for_what_its_bundle_describes(demo: Bundle) -> None:
    """The shapes are those at the top of `bundle`."""
    side = demo.image_size
    assert wanted(demo, VISUAL).taken == Tensor("pixels", "FP32", (-1, 3, side, side))
    assert wanted(demo, TEXT).taken == Tensor("tokens", "INT64", (-1, demo.context_length))
    assert wanted(demo, TEXT).given == Tensor("vectors", "FP32", (-1, demo.dim))


def test_a_server_that_has_the_tower_is_accepted() -> None:
    """With or without its versions; only tokens may be of any length."""
    assert not takes_any_length(TEXTS, SAID)
    assert not takes_any_length(TEXTS, replace(SAID, versions=()))
    assert not takes_any_length(TEXTS, replace(SAID, versions=("1", TEXTS.version)))
    assert takes_any_length(TEXTS, replace(SAID, inputs=(ANY_LENGTH,)))
    assert not takes_any_length(PIXELS, replace(SAID, inputs=(PIXELS.taken,)))


@pytest.mark.parametrize(
    ("tower", "said", "reason"),
    [
        pytest.param(TEXTS, replace(SAID, name="other"), "of other", id="name"),
        pytest.param(TEXTS, replace(SAID, versions=("1", "2")), "says it has version 1, 2", id="2"),
        pytest.param(TEXTS, replace(SAID, inputs=()), "takes nothing", id="no-input"),
        pytest.param(TEXTS, replace(SAID, inputs=(PIXELS.taken,)), "takes pixels FP32", id="half"),
        pytest.param(
            PIXELS, replace(SAID, inputs=(ANY_LENGTH,)), "must take pixels FP32", id="other-half"
        ),
        pytest.param(
            TEXTS,
            replace(SAID, outputs=(Tensor("vectors", "FP32", (-1, 4)),)),
            "gives vectors FP32 [-1, 4]",
            id="dim",
        ),
        pytest.param(
            TEXTS,
            replace(SAID, outputs=(Tensor("vectors", "FP16", (-1, 3)),)),
            "gives vectors FP16",
            id="type",
        ),
        pytest.param(
            TEXTS,
            replace(SAID, inputs=(Tensor("tokens", "INT32", (-1, 8)),)),
            "takes tokens INT32",
            id="token-type",
        ),
    ],
)
def test_another_tower_is_refused(tower: Wanted, said: Metadata, reason: str) -> None:
    """And the reason says what the server has."""
    with pytest.raises(Failure) as caught:
        takes_any_length(tower, said)
    assert reason in caught.value.reason
    assert not caught.value.may_repeat


def answer(**other: object) -> Answer:
    """Return a right answer with something else in it."""
    right = Answer(TEXTS.name, TEXTS.version, {"vectors": FOUND})
    return replace(right, **other)  # type: ignore[arg-type]  # the fields are named by the cases


def test_a_right_answer_is_passed_on() -> None:
    """Number by number."""
    assert vectors(TEXTS, answer(), 2) is FOUND


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(answer(name="other"), "ran version 19088744 of other", id="name"),
        pytest.param(answer(version="2"), "ran version 2", id="version"),
        pytest.param(answer(version=""), "ran version unknown", id="no-version"),
        pytest.param(answer(outputs={}), "answered with nothing", id="no-output"),
        pytest.param(answer(outputs={"vectors": FOUND[:1]}), "of shape (1, 3)", id="rows"),
        pytest.param(answer(outputs={"vectors": FOUND[:, :2]}), "of shape (2, 2)", id="dim"),
        pytest.param(answer(outputs={"vectors": FOUND.astype(float)}), "float64", id="type"),
        pytest.param(answer(outputs={"vectors": FOUND * np.nan}), "is not finite", id="nan"),
        pytest.param(answer(outputs={"vectors": FOUND * np.inf}), "is not finite", id="inf"),
        pytest.param(answer(outputs={"vectors": FOUND * 0}), "is zero", id="zero"),
    ],
)
def test_no_other_answer_becomes_a_vector(found: Answer, reason: str) -> None:
    """Each one is named."""
    with pytest.raises(Failure) as caught:
        vectors(TEXTS, found, 2)
    assert reason in caught.value.reason


def test_one_bad_row_refuses_the_answer() -> None:
    """A vector beside it is not used, because the server that made both is not right."""
    found = FOUND.copy()
    found[1, 2] = np.nan
    with pytest.raises(Failure, match="not finite"):
        vectors(TEXTS, answer(outputs={"vectors": found}), 2)


def test_numbers_are_read_from_bytes_and_from_lists() -> None:
    """Little-endian bytes, as the protocol says."""
    tensor = Tensor("vectors", "FP32", (1, 2))
    assert as_array(tensor, b"\x00\x00\x80\x3f\x00\x00\x00\x40").tolist() == [[1.0, 2.0]]
    assert as_array(tensor, [1.0, 2.0]).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("tensor", "content"),
    [
        pytest.param(Tensor("vectors", "FP32", (1, 3)), b"\x00" * 8, id="too-few"),
        pytest.param(Tensor("vectors", "FP32", (1, 2)), b"\x00" * 7, id="part-of-a-number"),
        pytest.param(Tensor("vectors", "FP32", (1, 2)), [1.0, "x"], id="no-number"),
        pytest.param(Tensor("vectors", "FP64", (1, 1)), b"\x00" * 8, id="type"),
        pytest.param(Tensor("vectors", "FP32", (-1, 2)), b"\x00" * 8, id="negative"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(tensor: Tensor, content: bytes) -> None:
    """No number is guessed."""
    with pytest.raises(Failure):
        as_array(tensor, content)


def test_only_what_may_succeed_now_is_repeated() -> None:
    """A server that was too slow would be again, and one that answered would answer the same."""
    assert pause_s(gone("reset"), 1, 10) is not None
    assert pause_s(late(10), 1, 10) is None
    assert pause_s(refused("no"), 1, 10) is None


def test_pauses_grow_and_end() -> None:
    """With the last attempt, and before the deadline."""
    pauses = [pause_s(gone("reset"), attempt, 10) for attempt in range(1, ATTEMPTS + 1)]
    assert pauses == [0.1, 0.2, None]
    assert pause_s(gone("reset"), 1, 0.05) is None


@pytest.mark.parametrize("failure", [refused, gone])
def test_what_a_server_says_is_one_short_line(failure: Callable[[str], Failure]) -> None:
    """It goes into messages and logs, also what a proxy says of a server that is gone."""
    reason = failure("line\nfeed \x1b[31m" + "x" * 1000).reason
    assert len(reason) < 250
    assert reason.isprintable()
