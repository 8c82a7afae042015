"""The benchmark of GPUs, on the CPU with tiny sizes: its arithmetic, and that all of it runs."""

import importlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny_models import make_checkpoint

pytest.importorskip("torch", reason="the extra `models` is not installed")

import torch

from benchmarks import model
from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import contracts, decoding, searching, towers, whole
from benchmarks.gpu.report import Part, place, table
from benchmarks.gpu.work import TINY, Size, Work

SIZE = replace(TINY, architectures=("tiny-clip",))
MOST_S = 420
"""`make bench-gpu` takes less than ten minutes, of which installing may take three."""


@pytest.fixture(scope="module", autouse=True)
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use a model of two small towers."""
    make_checkpoint("tiny-clip", tmp_path_factory.mktemp("weights"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "ARCHITECTURE", "tiny-clip")
        yield


def work(size: Size = SIZE, seconds: float = 600) -> Work:
    """Return a part that has just begun on the CPU."""
    return Work("cpu", size, time.monotonic() + seconds)


def test_a_machine_without_a_gpu_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a sentence that names the next command, with the code of a wrong configuration."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpu.main(["--out", str(tmp_path / "gpu.json")]) == 2
    said = capsys.readouterr()
    assert "sees 0 GPUs with CUDA, but cuda was asked for" in said.err
    assert "make bench-gpu" in said.err
    assert said.out == ""
    assert not (tmp_path / "gpu.json").exists()


def test_an_unknown_device_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever torch says of it."""
    assert gpu.main(["--device", "tpu9"]) == 2
    assert "no device 'tpu9'" in capsys.readouterr().err


def test_all_parts_leave_time_to_install() -> None:
    """Within ten minutes."""
    assert sum(seconds for seconds, _ in gpu.PARTS.values()) <= MOST_S


@pytest.mark.parametrize(
    ("architecture", "operations"), [("ViT-B-32", 8.818e9), ("tiny-clip", None)]
)
def test_operations_of_a_tower_are_those_of_its_layers(
    architecture: str, operations: float | None
) -> None:
    """Twice the multiplications that Dosovitskiy et al. 2021 count; a known and a computed sum."""
    model: Any = towers.drawn(architecture).model
    visual = model.visual
    side = visual.image_size[0] if isinstance(visual.image_size, tuple) else visual.image_size
    (patch, _), width = visual.conv1.kernel_size, visual.conv1.out_channels
    blocks, patches = visual.transformer.resblocks, (side // patch) ** 2
    tokens, hidden = patches + 1, blocks[0].mlp.c_fc.out_features
    each = tokens * (4 * width**2 + 2 * width * hidden) + 2 * tokens**2 * width
    wanted = 2 * (patches * 3 * patch**2 * width + len(blocks) * each + width * visual.output_dim)
    found = towers.operations(visual, side)
    assert found == pytest.approx(wanted, rel=1e-3)
    assert operations is None or found == pytest.approx(operations, rel=1e-3)


def test_towers_are_measured_beside_the_chip() -> None:
    """The share is that of the pictures a second that the matrix product would allow."""
    part = work()
    towers.measure(part)
    found = {name.removeprefix("tiny-clip, "): value for name, value in part.figures.items()}
    floor = found["pictures/s that the matrix product would allow"]
    assert isinstance(floor, float)
    assert found["share of it"] == pytest.approx(found["pictures/s"] / floor, rel=0.01, abs=1e-3)  # type: ignore[operator]
    assert part.left_out == []


def test_a_part_says_what_it_has_no_time_for() -> None:
    """And does not begin it."""
    part = Work("cpu", SIZE, ends=10.0, clock=lambda: 4.0)
    assert part.has(6, "little")
    assert not part.has(7, "much")
    assert part.left_out == ["much: it needs about 7 s, 6 are left"]


def test_a_step_is_measured_after_it_was_warmed_up() -> None:
    """The first call does not count, the median of the others does."""
    calls: list[float] = []

    def step() -> None:
        calls.append(0)
        time.sleep(0.2 if len(calls) == 1 else 0.001)

    assert work(replace(SIZE, rounds=3)).seconds(step) < 0.1
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("No module named 'torchcodec'"), "No module named 'torchcodec'"),
        (OSError(), "OSError"),
    ],
    ids=["missing", "without a word"],
)
def test_what_no_library_can_decode_is_left_out(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, and the others are measured."""

    def lacking(_name: str) -> None:
        raise error

    monkeypatch.setattr(importlib, "import_module", lacking)
    part = work()
    decoding.measure(part)
    assert [*part.figures] == ["PyAVFrames, one core, frames/s", "PyAV on cpu, frames/s"]
    assert part.left_out == [f"torchcodec on cpu: {said}"]


def test_true_neighbours_are_found_while_vectors_are_made() -> None:
    """Over all blocks, as sorting every vector gives them; the same vectors each time."""
    frames = searching.Frames(3000, 16, 20, "cpu")
    rows = [np.arange(0, 1024), np.arange(1024, 2048), np.arange(2048, 3000)]
    vectors = np.concatenate([frames.reconstruct_batch(some) for some in rows])
    best = np.argsort(-(frames.queries @ vectors.T), axis=1, kind="stable")[:, : searching.K]
    assert searching.recall(best, frames.truth) == 1.0
    assert np.array_equal(vectors, vectors.astype(np.float16))
    again = searching.Frames(3000, 16, 20, "cpu").reconstruct_batch(rows[1])
    assert np.array_equal(again, vectors[1024:2048])


def test_recall_is_the_share_of_true_neighbours() -> None:
    """In whatever order they are found."""
    truth = np.array([[1, 2], [3, 4]])
    assert searching.recall(np.array([[2, 1], [4, 9]]), truth) == 0.75


def test_searches_have_a_rate_and_a_recall() -> None:
    """For each number of vectors, and for the index of a replica."""
    part = work()
    searching.measure(part)
    recalls = [value for name, value in part.figures.items() if "recall" in name]
    assert recalls == [1.0, 1.0, 1.0]
    assert sum("queries/s" in name for name in part.figures) == 5


def test_more_vectors_than_there_is_time_for_are_left_out() -> None:
    """By the time that fewer have taken."""
    part = work(replace(SIZE, rows=(2000, 2_000_000_000)))
    searching.measure(part)
    assert any("2 000 000 000 vectors: it needs about" in what for what in part.left_out)


def test_videos_are_measured_end_to_end() -> None:
    """From files to a library."""
    part = work()
    whole.measure(part)
    assert part.figures["videos"] == 1
    assert {"ViT-B-32, videos/s", "ViT-B-32, sampled frames/s"} < {*part.figures}


def test_results_of_pytest_are_counted() -> None:
    """Errors count as failures."""
    report = '<testsuites><testsuite tests="9" skipped="2" failures="1" errors="1"/></testsuites>'
    assert contracts.counted(report) == (5, 2, 2)


@pytest.mark.long
def test_contract_tests_are_run() -> None:
    """Those that the size names."""
    part = work()
    contracts.measure(part)
    assert (part.figures["skipped"], part.figures["failed"]) == (0, 0)
    assert part.figures["passed"] > 0  # type: ignore[operator]


@pytest.fixture
def two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the parts by one that does not end in time, and one that fails."""

    def slow(part: Work) -> None:
        part.found("first", 1.0)
        time.sleep(30)

    def broken(_part: Work) -> None:
        raise ValueError("it is broken")

    monkeypatch.setattr(gpu, "PARTS", {"slow": (0.2, slow), "broken": (5.0, broken)})


@pytest.mark.usefixtures("two_parts")
def test_a_part_that_is_late_or_fails_does_not_end_the_others() -> None:
    """What it has found by then is kept, and the rest is said to be left out."""
    late, failed = gpu.measured("cpu", SIZE, ["slow", "broken"])
    assert (late.figures, late.failed) == ({"first": 1.0}, "")
    assert late.left_out == ["the rest: its 0.2 s were over"]
    assert late.seconds < 20
    assert failed.failed == "ValueError: it is broken"


@pytest.mark.usefixtures("two_parts")
def test_the_object_names_the_device_and_the_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that failed gives the code of failed input, and its reason is in the table."""
    out = tmp_path / "gpu.json"
    code = gpu.main(["--device", "cpu", "--tiny", "--only", "broken", "--out", str(out)])
    found = json.loads(out.read_text("utf-8"))
    assert code == 1
    assert {"date", "device", "driver", "cuda", "versions", "parts"} == set(found)
    assert found["versions"]["torch"] == torch.__version__
    assert found["parts"][0]["failed"] == "ValueError: it is broken"
    assert "failed: ValueError: it is broken" in capsys.readouterr().out


def test_the_table_has_a_line_for_each_figure() -> None:
    """And for what was left out."""
    part = Part("towers", {"pictures/s": 12.5}, ["PE-Core-B-16: no time"], "", 3.2)
    lines = table(place("cpu"), [part]).splitlines()
    assert lines[1] == "towers  (3 s)"
    assert lines[2].split() == ["pictures/s", "12.5"]
    assert lines[3] == "  left out: PE-Core-B-16: no time"
