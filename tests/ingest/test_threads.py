"""The ingest line over fakes: videos of plain colours, a toy model, a catalog in memory."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.errors import ModelMismatch, ServiceUnavailable, UnreadableVideo
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.ingest.committing import COMMITS_AHEAD
from clipseek.model import Model
from clipseek.protocols import CatalogWriter, FrameSource
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.testing import MemoryCatalog, SyntheticFrames, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import Put, Relevance

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
Shots = Sequence[tuple[float, tuple[int, int, int]]]


class Videos:
    """Opens SyntheticFrames for files whose content names their shots; counts the openings."""

    def __init__(self, damage: str = "") -> None:
        self.opened: list[str] = []
        self._damage = damage

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        """Open a file."""
        self.opened.append(Path(path).name)
        content = Path(path).read_text()
        if content == "bad":
            raise UnreadableVideo(path, "not a video")
        colours = {"r": RED, "g": GREEN, "b": BLUE}
        shots = [(float(part[1:]), colours[part[0]]) for part in content.split()]
        return SyntheticFrames(shots, damage=self._damage)


def _tools(root: Path, catalog: CatalogWriter | None = None, opener: Videos | None = None) -> Tools:
    embedder = ToyEmbedder()
    catalog = catalog or MemoryCatalog()
    catalog.ensure_collection("default", "toy", embedder.dim, embedder.fingerprint)
    bank = embedder.embed_texts(["red", "green", "nothing"])
    model = Model("toy", embedder, 100.0, 0.9, Relevance(1, 0, fitted=False), bank)
    return Tools(
        "default",
        catalog,
        Thumbnails(root / "thumbnails"),
        model,
        opener or Videos(),
        Places({LOCAL: LocalDisk()}),
    )


def _run(tools: Tools, paths: Sequence[Path], **options: Any) -> list[Report]:
    run = Run(tools, Options(**options), stop=threading.Event())
    return list(run.reports([*map(str, paths)]))


def _file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_a_video_becomes_its_shots(tmp_path: Path) -> None:
    """Red for two seconds, then blue for three: two segments, to the frame."""
    tools = _tools(tmp_path)
    report = _run(tools, [_file(tmp_path, "a.mp4", "r2 b3")])[0]
    assert (report.state, report.segments, report.duration) == ("indexed", 2, 5.0)
    found = tools.catalog.segments("default", report.id)
    assert [(s.span.start, s.span.end) for s in found] == [(0.0, 2.0), (2.0, 5.0)]
    assert tools.catalog.shots("default", report.id) == [0.0, 2.0]
    assert all(tools.thumbnails.read(s.thumbnail).startswith(b"\xff\xd8") for s in found)


def test_a_collection_of_another_model_takes_nothing(tmp_path: Path) -> None:
    """The collection was removed after the ingest began, and another one has its name now."""
    tools = _tools(tmp_path)
    tools.catalog.remove_collection("default")
    tools.catalog.ensure_collection("default", "toy", ToyEmbedder.dim, "another")
    with pytest.raises(ModelMismatch, match="indexed with other weights"):
        _run(tools, [_file(tmp_path, "a.mp4", "r2 b3")])
    assert tools.catalog.counts("default") == (0, 0, 0.0)


def test_frames_that_repeat_are_not_embedded(tmp_path: Path) -> None:
    """Sixty still seconds are one vector, and the span keeps its length."""
    tools = _tools(tmp_path)
    report = _run(tools, [_file(tmp_path, "a.mp4", "r60")])[0]
    assert (report.frames, report.embedded, report.segments) == (60, 1, 1)
    assert tools.catalog.segments("default", report.id)[0].span.end == 60.0


@pytest.mark.parametrize("batch_size", [1, 3, 64], ids=lambda size: f"batch {size}")
@pytest.mark.parametrize("workers", [1, 4], ids=lambda count: f"{count} workers")
def test_batches_span_videos_and_rows_find_their_video(
    tmp_path: Path, batch_size: int, workers: int
) -> None:
    """However frames are batched, each video gets its own vectors."""
    tools = _tools(tmp_path)
    videos = {f"{i}.mp4": f"{'rgb'[i % 3]}1.{i} {'gbr'[i % 3]}2" for i in range(7)}
    paths = [_file(tmp_path, name, content) for name, content in videos.items()]
    reports = _run(tools, paths, batch_size=batch_size, workers=workers)
    assert {Path(r.path).name for r in reports} == set(videos)
    vectors = {"r": "red", "g": "green", "b": "blue"}
    for report in reports:
        _, frames = tools.catalog.frame_vectors("default", report.id)
        names = [vectors[part[0]] for part in videos[Path(report.path).name].split()]
        expected = ToyEmbedder().embed_texts(names)
        np.testing.assert_allclose(frames, expected, atol=1e-2)


def test_a_bad_video_between_good_ones(tmp_path: Path) -> None:
    """It is reported with its reason; the others are indexed."""
    paths = [_file(tmp_path, f"{i}.mp4", content) for i, content in enumerate(("r1", "bad", "b2"))]
    reports = {Path(r.path).name: r for r in _run(_tools(tmp_path), paths)}
    assert [reports[p.name].state for p in paths] == ["indexed", "failed", "indexed"]
    assert reports["1.mp4"].reason == "not a video"


def test_a_damaged_video_is_indexed_as_incomplete(tmp_path: Path) -> None:
    """What decodes is kept, and the reason stays with the video."""
    tools = _tools(tmp_path, opener=Videos(damage="claims 9 s, decoded up to 2 s"))
    report = _run(tools, [_file(tmp_path, "a.mp4", "r2")])[0]
    assert (report.state, report.reason) == ("incomplete", "claims 9 s, decoded up to 2 s")
    video = tools.catalog.video("default", report.id)
    assert (video.state, video.reason) == (report.state, report.reason)


def test_a_file_that_changes_while_it_is_read_is_not_indexed(tmp_path: Path) -> None:
    """A recording in progress: its hash would be that of something else."""

    class Growing(Videos):
        def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
            source = super().__call__(path, descriptor=descriptor)
            with Path(path).open("a") as file:
                file.write(" g1")
            return source

    tools = _tools(tmp_path, opener=Growing())
    report = _run(tools, [_file(tmp_path, "a.mp4", "r2")])[0]
    assert (report.state, report.reason) == ("failed", "it changed while it was read; run again")
    assert tools.catalog.counts("default") == (0, 0, 0.0)


def test_a_known_file_is_not_opened_again(tmp_path: Path) -> None:
    """Path, size and time of change say enough."""
    opener = Videos()
    tools = _tools(tmp_path, opener=opener)
    path = _file(tmp_path, "a.mp4", "r2")
    _run(tools, [path])
    assert [r.state for r in _run(tools, [path])] == ["unchanged"]
    assert opener.opened == ["a.mp4"]


class FailingCatalog(MemoryCatalog):
    """A database that goes away at the third video."""

    puts = 0

    def put(self, collection: str, put: Put, *, by: str = "") -> int:
        """Store two videos, then fail."""
        self.puts += 1
        if self.puts == 3:
            raise ServiceUnavailable("the database is gone")
        return super().put(collection, put, by=by)


def test_a_lost_database_ends_the_run_and_a_second_run_completes_it(tmp_path: Path) -> None:
    """The video in hand is not half there; nothing that was committed is done twice."""
    opener = Videos()
    tools = _tools(tmp_path, FailingCatalog(), opener)
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(5)]
    with pytest.raises(ServiceUnavailable, match="gone"):
        _run(tools, paths, workers=1, batch_size=1)
    assert tools.catalog.counts("default")[0] == 2
    states = [report.state for report in _run(tools, paths)]
    assert sorted(states) == ["indexed"] * 3 + ["unchanged"] * 2


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    """Thumbnails come before the transaction: where they fail, no row names them."""
    tools = _tools(tmp_path)
    (tmp_path / "thumbnails").write_text("in the way")
    with pytest.raises(ServiceUnavailable, match="thumbnails cannot be written"):
        _run(tools, [_file(tmp_path, "a.mp4", "r2")])
    assert tools.catalog.counts("default") == (0, 0, 0.0)


def test_stop_leaves_uncommitted_videos_for_the_next_run(tmp_path: Path) -> None:
    """After the video in hand nothing more is committed, and no thread is left behind."""
    stop = threading.Event()

    class Waiting(MemoryCatalog):
        """Has the second video in hand when the run is stopped."""

        puts = 0

        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            self.puts += 1
            assert self.puts != 2 or stop.wait(30)
            return super().put(collection, put, by=by)

    tools = _tools(tmp_path, Waiting())
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(5)]
    run = Run(tools, Options(workers=2, batch_size=1), stop=stop)
    before = threading.active_count()
    done = []
    for report in run.reports([*map(str, paths)]):
        done.append(report)
        stop.set()
    assert tools.catalog.counts("default")[0] == len(done)
    assert len(done) in (1, 2)  # the second one if its transaction had begun
    assert threading.active_count() == before
    assert len(_run(tools, paths)) == 5
    assert tools.catalog.counts("default")[0] == 5


def test_a_video_does_not_wait_for_others_to_fill_its_batch(tmp_path: Path) -> None:
    """The second one comes from a slow disk; the first is in the catalog meanwhile."""
    first_is_done = threading.Event()
    was_patient: list[bool] = []

    class Slow(Videos):
        def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
            if path.endswith("slow.mp4"):
                was_patient.append(first_is_done.wait(30))
            return super().__call__(path, descriptor=descriptor)

    tools = _tools(tmp_path, opener=Slow())
    paths = [_file(tmp_path, "a.mp4", "r2"), _file(tmp_path, "slow.mp4", "b2")]
    reports = Run(tools, Options(batch_size=64), stop=threading.Event()).reports([*map(str, paths)])
    first = next(reports)
    first_is_done.set()
    assert (Path(first.path).name, first.state) == ("a.mp4", "indexed")
    assert [report.state for report in reports] == ["indexed"]
    assert was_patient == [True]


def test_the_model_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """While one video is being committed, the frames of the next get their vectors."""
    next_is_embedded = threading.Event()
    was_embedded: list[bool] = []

    class SlowCatalog(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            if not was_embedded:
                was_embedded.append(next_is_embedded.wait(30))
            return super().put(collection, put, by=by)

    counts: list[int] = []

    def count(frames: int) -> None:
        counts.append(frames)
        if len(counts) == 2:
            next_is_embedded.set()

    tools = _tools(tmp_path, SlowCatalog())
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(2)]
    run = Run(tools, Options(batch_size=1), stop=threading.Event(), on_frames=count)
    reports = list(run.reports([*map(str, paths)]))
    assert [report.state for report in reports] == ["indexed"] * 2
    assert was_embedded == [True]


def test_few_videos_wait_for_a_slow_disk(tmp_path: Path) -> None:
    """Their pictures are in memory until they are stored."""
    go_on = threading.Event()
    embedded = threading.Semaphore(0)

    class SlowCatalog(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            assert go_on.wait(30)
            return super().put(collection, put, by=by)

    tools = _tools(tmp_path, SlowCatalog())
    paths = [_file(tmp_path, f"{i:02}.mp4", f"r{i + 1}") for i in range(3 * COMMITS_AHEAD)]
    run = Run(
        tools,
        Options(batch_size=1),
        stop=threading.Event(),
        on_frames=lambda _: embedded.release(),
    )
    waiting = []

    def watch() -> None:
        for _ in paths:
            embedded.acquire()
        waiting.append(len(run._commits._line))
        go_on.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert len(list(run.reports([*map(str, paths)]))) == len(paths)
    watcher.join()
    assert waiting == [COMMITS_AHEAD]
