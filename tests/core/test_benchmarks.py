"""The benchmarks of the index run at a small size, and docs/figures.md shows what was recorded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    archive,
    filters,
    fusion,
    index,
    peers,
    report,
    runners,
    tag_filter,
    timeline,
    where,
    words,
)
from benchmarks.frames import made
from benchmarks.peer import PEERS
from benchmarks.similar import picture
from clipseek.demo.world import Scene, Thing
from clipseek.evaluation import Found
from clipseek.index import FaissIndex
from clipseek.patches import Box
from clipseek.timed import Cue, Span


def test_made_frames_lie_as_frames_do() -> None:
    """Neighbours are near-duplicates; sentences are far from all, as the modality gap has it."""
    data = made(8000, 64, sentences=50)
    frames = data.frames
    near = (frames[1:400] * frames[:399]).sum(axis=1)
    best = (data.asked @ frames.T).max(axis=1)
    assert np.allclose(np.linalg.norm(frames, axis=1), 1, atol=1e-3)
    assert np.median(near) > 0.95
    assert 0.2 < np.median(best) < 0.5
    assert (frames == frames.astype(np.float16)).all()


@pytest.mark.long
def test_every_kind_is_measured(tmp_path: Path) -> None:
    """The object has the agreed keys, and its recalls are those of indexes that search."""
    said = index.measure(2000, 32, 1000, tmp_path)
    assert {"name", "ratio", "recall", "bytes_share", "kind", "kinds"} <= set(said)
    kinds = said["kinds"]
    assert isinstance(kinds, list)
    assert {"exact", "ivf-flat", "ivf-sq8", "ivf-pq"} < {each["kind"] for each in kinds}
    assert all(each["recall"] >= 0.9 for each in kinds if "hnsw" not in each["kind"])
    assert said["recall"] == 1.0


@pytest.mark.parametrize("x", [0.3, 0.97], ids=["whole", "cut by the edge"])
def test_the_true_box_of_a_thing_is_where_it_is_drawn(x: float) -> None:
    """What differs from the empty scene is in the box, and fills most of it."""
    empty = Scene("desert", "day", ())
    thing = Thing("house", "red", x, 0.6)
    drawn = replace(empty, things=(thing,))
    rows, columns = np.nonzero((picture(empty) != picture(drawn)).any(axis=2))
    box = where.box_of(thing)
    found = Box(
        columns.min() / 384, rows.min() / 216, (columns.max() + 1) / 384, (rows.max() + 1) / 216
    )
    assert where.iou(found, box) > 0.75
    assert found.left >= box.left - 0.01
    assert found.right <= box.right + 0.01


def test_the_scene_at_a_time_is_the_one_that_is_shown() -> None:
    """From its first frame to the one before the next; times are those of frames."""
    (plan,) = where.plans(1, 7).values()
    drawn = plan.drawn()
    for place in (0, 1, len(drawn) - 1):
        frame, scene = drawn[place]
        assert where.shown(plan, plan.seconds(frame)) == scene
    assert where.shown(plan, plan.seconds(drawn[2][0]) - 0.01) == drawn[1][1]


def test_stores_that_are_missing_are_named(tmp_path: Path) -> None:
    """Without their environment each is named with what installs it, and ours is measured."""
    said = peers.measure(500, 16, tmp_path / "none" / "python", tmp_path)
    assert set(said["missing"]) == set(PEERS)
    assert all("make peers" in why for why in said["missing"].values())
    assert [line["peer"] for line in said["stores"]] == ["clipseek"]
    assert said["ratio"] is None


@pytest.mark.skipif(not peers.PYTHON.is_file(), reason="`make peers` installs the other stores")
def test_stores_that_are_installed_are_measured(tmp_path: Path) -> None:
    """Each finds most of the true neighbours of a small library, or says what it lacks."""
    said = peers.measure(1000, 16, peers.PYTHON, tmp_path)
    assert len(said["stores"]) + len(said["missing"]) == 1 + len(PEERS)
    assert all(line["recall"] >= 0.9 for line in said["stores"])


@pytest.mark.long
def test_filters_are_measured() -> None:
    """Of 4000 segments a tenth of a percent are too few to ask for ten of."""
    data = made(4000, 32)
    built = FaissIndex.build(data.frames, np.arange(4000), queries=data.held, kind="ivf-pq")
    said = filters.measure(data, built)
    assert len(str(said["parts_ms"]).split(",")) == 3
    measured = said["filters"]
    assert isinstance(measured, dict)
    assert {"50 % of segments", "50 % of videos", "1 % of videos"} <= measured.keys()
    assert all(each["recall"] >= 0.9 and each["ratio"] > 0 for each in measured.values())


def test_a_filter_by_a_tag_is_measured(tmp_path: Path) -> None:
    """Of a library that is made once, with about as many tags as the shares say."""
    said = tag_filter.measure(tmp_path, 2000)
    assert (said.name, said.videos, said.segments) == ("tag_filter", 2000, 6000)
    assert said.tags == pytest.approx(2000 * sum(tag_filter.SHARES.values()), rel=0.1)
    assert said.ratio > 0
    assert tag_filter.measure(tmp_path, 2000).tags == said.tags


@pytest.mark.long
def test_ray_is_measured_beside_threads() -> None:
    """Both index the same, and the times are those of the videos after the first one."""
    said = runners.run("demo", 3)
    assert (said["videos"], said["same"]) == (3, True)
    assert said["threads_s"] > 0
    assert said["ray_s"] > 0


def test_a_timeline_is_measured(tmp_path: Path) -> None:
    """Of a short video; the biases of frames and of segments say about the same."""
    said = timeline.measure(tmp_path, 64, 400)
    assert said.dim == 64
    assert said.differ < 0.1


def test_recognised_words_are_compared_with_what_was_said() -> None:
    """Each passage with the cue that overlaps it most; a cue of no passage is counted apart."""
    common = {"file": "a.mp4", "kind": "sign"}
    lines = [
        {**common, "text": "HONEY MUSEUM", "start": 0.0, "end": 4.0},
        {**common, "text": "Tea club", "start": 6.0, "end": 8.0},
        {**common, "text": "Piano school", "start": 9.0, "end": 10.0},
        {"kind": "sign", "query": "needle prison", "absent": True},
        {"file": "a.mp4", "query": "a red car", "start": 0.0, "end": 4.0},
    ]
    cues = [Cue(0.5, 4.0, "Honey Museum"), Cue(5.0, 6.5, "tea clud"), Cue(8.0, 9.0, "oooo")]
    found = words.compare(lines, {("a.mp4", "text"): cues, ("a.mp4", "speech"): cues[:1]})
    assert found["sign"] == words.Figures(3, 2, 1, 6, 3, 1, [0.5, 1.0], [0.0, 1.5])
    assert found["speech"] == words.Figures(extra=1)


def test_ranks_are_fused_by_their_reciprocals() -> None:
    """What both answers have is first; equal hits stay in the order of the answers."""
    one = [Found("a", Span(0, 4), 0.9), Found("b", Span(0, 4), 0.8)]
    other = [Found("c", Span(0, 4), 0.7), Found("b", Span(3, 9), 0.6), Found("b", Span(5, 9), 0.5)]
    found = fusion.reciprocal([one, other])
    assert [(hit.file, hit.span) for hit in found] == [
        ("b", Span(0, 4)),
        ("a", Span(0, 4)),
        ("c", Span(0, 4)),
        ("b", Span(5, 9)),
    ]
    assert fusion.reciprocal([other, one])[1].file == "c"


def test_fused_fields_are_compared_with_the_best_single_one() -> None:
    """A field that was not asked does not count."""
    figures = {"fused": 0.9, "picture": 0.5, "subtitle": 0.95, "speech": None, "rrf w": 1.0}
    assert fusion.gain(figures) == pytest.approx(-0.05)
    (head, line, *_) = fusion.lines({"both": (7, {"R@1": figures, "touch": figures})})
    said = dict(zip(head.replace("rrf ", "rrf_").split(), line.split(), strict=True))
    assert (said["queries"], said["by"], said["speech"], said["rrf_p"]) == ("7", "-0.050", "-", "-")


def test_the_page_of_figures_shows_what_was_recorded() -> None:
    """Its tables are those of benchmarks/results.json; `benchmarks.report` writes them."""
    page = report.PAGE.read_text("utf-8")
    assert report.placed(page, report.tables(report.recorded())) == page


def test_every_benchmark_of_the_report_is_run_by_make() -> None:
    """`make bench` names each of them."""
    makefile = (report.ROOT / "Makefile").read_text("utf-8")
    line = next(line for line in makefile.splitlines() if line.startswith("BENCHMARKS :="))
    assert line.split()[2:] == list(report.FIGURES)


def test_tables_show_ratios_and_leave_times_of_machines_out() -> None:
    """A row has the ratio and what was measured beside it, but no milliseconds."""
    found = {"name": "index", "ratio": 60.5, "recall": 0.991, "exact_ms": 180.0, "kinds": []}
    text = report.tables({"index": found})
    assert "| 60.5 | recall 0.991 |" in text
    assert "180" not in text
    assert json.dumps(found)


def test_a_page_without_markers_is_refused() -> None:
    """There is no place for the tables then."""
    with pytest.raises(ValueError, match="bench"):
        report.placed("# nothing\n", "")


@pytest.mark.long
def test_a_collection_is_exported_and_imported(capsys: pytest.CaptureFixture[str]) -> None:
    """With seconds, memory and the ratio to a plain copy of the database."""
    assert archive.main(["--segments", "100"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["segments"] == 100
    assert min(said["export_ratio"], said["import_ratio"], said["import_mb"]) > 0
