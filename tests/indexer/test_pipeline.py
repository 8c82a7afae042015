"""The ingest line over fakes: films of plain colours, a toy model, a catalog in memory."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.errors import ServiceUnavailable, UnreadableVideo
from clipseek.model import Model
from clipseek.protocols import CatalogWriter, FrameSource
from clipseek.testing import MemoryCatalog, SyntheticFrames, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import Put, Relevance
from indexer.film import Report
from indexer.pipeline import Options, Pipeline, Target

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
Shots = Sequence[tuple[float, tuple[int, int, int]]]


class Films:
    """Opens SyntheticFrames for files whose content names their shots; counts the openings."""

    def __init__(self, damage: str = "") -> None:
        self.opened: list[str] = []
        self._damage = damage

    def __call__(self, path: Path, *, descriptor: int | None = None) -> FrameSource:
        """Open a file."""
        self.opened.append(path.name)
        content = path.read_text()
        if content == "bad":
            raise UnreadableVideo(str(path), "not a video")
        colours = {"r": RED, "g": GREEN, "b": BLUE}
        shots = [(float(part[1:]), colours[part[0]]) for part in content.split()]
        return SyntheticFrames(shots, damage=self._damage)


def _ignore(_count: int) -> None:
    """Count no frames."""


def _target(
    root: Path, catalog: CatalogWriter | None = None, opener: Films | None = None
) -> Target:
    embedder = ToyEmbedder()
    catalog = catalog or MemoryCatalog()
    catalog.ensure_collection("default", "toy", embedder.dim, embedder.fingerprint)
    bank = embedder.embed_texts(["red", "green", "nothing"])
    model = Model("toy", embedder, 100.0, 0.9, Relevance(1, 0, fitted=False), bank)
    return Target("default", catalog, Thumbnails(root / "thumbnails"), model, opener or Films())


def _run(target: Target, paths: Sequence[Path], **options: Any) -> list[Report]:
    pipeline = Pipeline(target, Options(**options), stop=threading.Event(), on_frames=_ignore)
    return list(pipeline.run(paths))


def _file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_a_film_becomes_its_shots(tmp_path: Path) -> None:
    """Red for two seconds, then blue for three: two segments, to the frame."""
    target = _target(tmp_path)
    report = _run(target, [_file(tmp_path, "a.mp4", "r2 b3")])[0]
    assert (report.state, report.segments, report.duration) == ("indexed", 2, 5.0)
    found = target.catalog.segments("default", report.id)
    assert [(s.span.start, s.span.end) for s in found] == [(0.0, 2.0), (2.0, 5.0)]
    assert all(target.thumbnails.read(s.thumbnail).startswith(b"\xff\xd8") for s in found)


def test_frames_that_repeat_are_not_embedded(tmp_path: Path) -> None:
    """Sixty still seconds are one vector, and the span keeps its length."""
    target = _target(tmp_path)
    report = _run(target, [_file(tmp_path, "a.mp4", "r60")])[0]
    assert (report.frames, report.embedded, report.segments) == (60, 1, 1)
    assert target.catalog.segments("default", report.id)[0].span.end == 60.0


@pytest.mark.parametrize("batch_size", [1, 3, 64], ids=lambda size: f"batch {size}")
@pytest.mark.parametrize("workers", [1, 4], ids=lambda count: f"{count} workers")
def test_batches_span_films_and_rows_find_their_film(
    tmp_path: Path, batch_size: int, workers: int
) -> None:
    """However frames are batched, each film gets its own vectors."""
    target = _target(tmp_path)
    films = {f"{i}.mp4": f"{'rgb'[i % 3]}1.{i} {'gbr'[i % 3]}2" for i in range(7)}
    paths = [_file(tmp_path, name, content) for name, content in films.items()]
    reports = _run(target, paths, batch_size=batch_size, workers=workers)
    assert {Path(r.path).name for r in reports} == set(films)
    vectors = {"r": "red", "g": "green", "b": "blue"}
    for report in reports:
        _, frames = target.catalog.frame_vectors("default", report.id)
        names = [vectors[part[0]] for part in films[Path(report.path).name].split()]
        expected = ToyEmbedder().embed_texts(names)
        np.testing.assert_allclose(frames, expected, atol=1e-2)


def test_a_bad_film_between_good_ones(tmp_path: Path) -> None:
    """It is reported with its reason; the others are indexed."""
    paths = [_file(tmp_path, f"{i}.mp4", content) for i, content in enumerate(("r1", "bad", "b2"))]
    reports = {Path(r.path).name: r for r in _run(_target(tmp_path), paths)}
    assert [reports[p.name].state for p in paths] == ["indexed", "failed", "indexed"]
    assert reports["1.mp4"].reason == "not a video"


def test_a_damaged_film_is_indexed_as_incomplete(tmp_path: Path) -> None:
    """What decodes is kept, and the reason stays with the video."""
    target = _target(tmp_path, opener=Films(damage="claims 9 s, decoded up to 2 s"))
    report = _run(target, [_file(tmp_path, "a.mp4", "r2")])[0]
    assert (report.state, report.reason) == ("incomplete", "claims 9 s, decoded up to 2 s")
    video = target.catalog.video("default", report.id)
    assert (video.state, video.reason) == (report.state, report.reason)


def test_a_file_that_changes_while_it_is_read_is_not_indexed(tmp_path: Path) -> None:
    """A recording in progress: its hash would be that of something else."""

    class Growing(Films):
        def __call__(self, path: Path, *, descriptor: int | None = None) -> FrameSource:
            source = super().__call__(path, descriptor=descriptor)
            with path.open("a") as file:
                file.write(" g1")
            return source

    target = _target(tmp_path, opener=Growing())
    report = _run(target, [_file(tmp_path, "a.mp4", "r2")])[0]
    assert (report.state, report.reason) == ("failed", "it changed while it was read; run again")
    assert target.catalog.counts("default") == (0, 0, 0.0)


def test_a_known_file_is_not_opened_again(tmp_path: Path) -> None:
    """Path, size and time of change say enough."""
    opener = Films()
    target = _target(tmp_path, opener=opener)
    path = _file(tmp_path, "a.mp4", "r2")
    _run(target, [path])
    assert [r.state for r in _run(target, [path])] == ["unchanged"]
    assert opener.opened == ["a.mp4"]


class FailingCatalog(MemoryCatalog):
    """A database that goes away at the third film."""

    puts = 0

    def put(self, collection: str, put: Put) -> int:
        """Store two films, then fail."""
        self.puts += 1
        if self.puts == 3:
            raise ServiceUnavailable("the database is gone")
        return super().put(collection, put)


def test_a_lost_database_ends_the_run_and_a_second_run_completes_it(tmp_path: Path) -> None:
    """The film in hand is not half there; nothing that was committed is done twice."""
    opener = Films()
    target = _target(tmp_path, FailingCatalog(), opener)
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(5)]
    with pytest.raises(ServiceUnavailable, match="gone"):
        _run(target, paths, workers=1, batch_size=1)
    assert target.catalog.counts("default")[0] == 2
    states = [report.state for report in _run(target, paths)]
    assert sorted(states) == ["indexed"] * 3 + ["unchanged"] * 2


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    """Thumbnails come before the transaction: where they fail, no row names them."""
    target = _target(tmp_path)
    (tmp_path / "thumbnails").write_text("in the way")
    with pytest.raises(ServiceUnavailable, match="thumbnails cannot be written"):
        _run(target, [_file(tmp_path, "a.mp4", "r2")])
    assert target.catalog.counts("default") == (0, 0, 0.0)


def test_stop_leaves_uncommitted_films_for_the_next_run(tmp_path: Path) -> None:
    """After the film in hand nothing more is committed, and no thread is left behind."""
    target = _target(tmp_path)
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(5)]
    stop = threading.Event()
    pipeline = Pipeline(target, Options(workers=2, batch_size=1), stop=stop, on_frames=_ignore)
    before = threading.active_count()
    done = []
    for report in pipeline.run(paths):
        done.append(report)
        stop.set()
    assert target.catalog.counts("default")[0] == len(done) < 5
    assert threading.active_count() == before
    assert len(_run(target, paths)) == 5
    assert target.catalog.counts("default")[0] == 5
