"""What is reported of videos that are being committed while something else fails."""

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from clipseek.errors import ServiceUnavailable
from clipseek.ingest import Options, Report, Run
from clipseek.protocols import FrameSource
from clipseek.testing import MemoryCatalog, SyntheticFrames
from clipseek.types import Put, Video
from tests.ingest.test_threads import RED, Videos, _file, _tools


def test_a_committed_video_is_reported_although_the_run_fails(tmp_path: Path) -> None:
    """The catalog cannot be read for the second video while the first is being committed."""
    stop, begun = threading.Event(), threading.Event()

    class Leaving(MemoryCatalog):
        def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
            if asked:
                assert begun.wait(30)
                raise ServiceUnavailable("the database is gone")
            asked.extend(video_ids)
            return super().videos_by_id(collection, video_ids)

        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            begun.set()
            assert stop.wait(30)
            return super().put(collection, put, by=by)

    asked: list[str] = []
    tools = _tools(tmp_path, Leaving())
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(2)]
    run = Run(tools, Options(workers=1, batch_size=1), stop=stop)
    reports: list[Report] = []
    with pytest.raises(ServiceUnavailable, match="gone"):
        reports.extend(run.reports([*map(str, paths)]))
    assert tools.catalog.counts("default")[0] == 1
    assert [(Path(each.path).name, each.state) for each in reports] == [("0.mp4", "indexed")]


def test_videos_behind_a_commit_that_fails_for_all_are_not_reported(tmp_path: Path) -> None:
    """They did not fail themselves; the next run indexes them."""
    failing = threading.Event()

    class Gone(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            assert failing.wait(30)
            raise ServiceUnavailable("the database is gone")

    counts: list[int] = []

    def count(frames: int) -> None:
        counts.append(frames)
        if len(counts) == 3:
            failing.set()

    tools = _tools(tmp_path, Gone())
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(3)]
    run = Run(tools, Options(batch_size=1), stop=threading.Event(), on_frames=count)
    reports: list[Report] = []
    with pytest.raises(ServiceUnavailable, match="gone"):
        reports.extend(run.reports([*map(str, paths)]))
    assert not reports


def test_a_video_whose_source_fails_to_close_is_reported_once(tmp_path: Path) -> None:
    """All of it was read by then, so it is indexed and did not fail as well."""
    next_is_embedded = threading.Event()

    class Closing(SyntheticFrames):
        def __exit__(self, *exc: object) -> None:
            raise OSError(5, "Input/output error")

    class Broken(Videos):
        def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
            if path.endswith("0.mp4"):
                return Closing([(2, RED)])
            return super().__call__(path, descriptor=descriptor)

    class Slow(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            assert next_is_embedded.wait(30)
            return super().put(collection, put, by=by)

    counts: list[int] = []

    def count(frames: int) -> None:
        counts.append(frames)
        if len(counts) == 2:
            next_is_embedded.set()

    tools = _tools(tmp_path, Slow(), Broken())
    paths = [_file(tmp_path, f"{i}.mp4", f"r{i + 1}") for i in range(2)]
    run = Run(tools, Options(workers=1, batch_size=1), stop=threading.Event(), on_frames=count)
    reports = list(run.reports([*map(str, paths)]))
    assert Counter(each.state for each in reports) == {"indexed": 2}
