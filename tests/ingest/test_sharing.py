"""Several runs of one collection: they share the videos, and do nothing twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.catalog import SqlCatalog
from clipseek.errors import ServiceUnavailable
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.ingest.sharing import Sharing
from clipseek.protocols import CatalogWriter, FrameSource
from clipseek.testing import MemoryCatalog
from clipseek.types import Put
from tests.chaos.program import wait_until
from tests.ingest.test_threads import Videos, _file, _run, _tools


def _paths(root: Path, count: int = 6) -> list[Path]:
    return [_file(root, f"{i}.mp4", f"{'rgb'[i % 3]}{i + 1}") for i in range(count)]


def _puts(catalog: CatalogWriter) -> list[str]:
    """Return the videos in the order in which they were stored, as often as they were."""
    return sorted(str(each.video_id) for each in catalog.changes("default", 0))


def _together(tools: list[Tools], paths: list[Path], *, force: bool = False) -> list[list[Report]]:
    """Run over the same paths with each of the tools at once; return the reports of each."""
    start = threading.Barrier(len(tools))

    def run(own: Tools) -> list[Report]:
        start.wait(30)
        return _run(own, paths, workers=2, batch_size=4, force=force)

    with ThreadPoolExecutor(len(tools)) as pool:
        return list(pool.map(run, tools))


def test_runs_of_several_machines_share_the_work(tmp_path: Path, catalog_url: str) -> None:
    """Each video is opened and stored once, and each run tells of all of them."""
    opener, paths = Videos(), _paths(tmp_path)
    with closing(SqlCatalog.open(catalog_url)) as one, closing(SqlCatalog.open(catalog_url)) as two:
        told = _together([_tools(tmp_path, each, opener) for each in (one, two)], paths)
        assert Counter(opener.opened) == Counter(path.name for path in paths)
        assert len(set(_puts(one))) == len(_puts(one)) == len(paths)
        assert one.claimed("default", [*map(str, paths), *_puts(one)], by="") == set()
    states = Counter(report.state for reports in told for report in reports)
    assert states == {"indexed": 6, "unchanged": 6}
    for reports in told:
        assert {report.path for report in reports} == {str(path) for path in paths}
        assert all(report.elsewhere == (report.state == "unchanged") for report in reports)


@pytest.fixture
def first() -> Iterator[tuple[Videos, threading.Event, threading.Event]]:
    """Return an opener that waits inside the first video: it, "is inside", and "go on"."""
    inside, go_on = threading.Event(), threading.Event()

    class Waiting(Videos):
        def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
            opened = super().__call__(path, descriptor=descriptor)
            if path.endswith("0.mp4"):
                inside.set()
                assert go_on.wait(30)
            return opened

    yield Waiting(), inside, go_on
    go_on.set()


@pytest.mark.parametrize("force", [False, True], ids=["new", "forced"])
def test_a_video_in_hand_is_waited_for(
    tmp_path: Path, first: tuple[Videos, threading.Event, threading.Event], force: bool
) -> None:
    """The second run does the others, waits, and reports the first one as done elsewhere."""
    opener, inside, go_on = first
    paths, catalog = _paths(tmp_path, 2), MemoryCatalog()
    if force:
        _run(_tools(tmp_path, catalog), paths)
    waited_for: list[int] = []

    def waits(count: int) -> None:
        waited_for.append(count)
        go_on.set()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(_run, _tools(tmp_path, catalog, opener), paths[:1], force=force)
        assert inside.wait(30)
        mine = Run(
            _tools(tmp_path, catalog), Options(force=force), stop=threading.Event(), on_wait=waits
        )
        reports = list(mine.reports([*map(str, paths)]))
        assert [report.state for report in other.result()] == ["indexed"]
    assert [(Path(each.path).name, each.elsewhere) for each in reports] == [
        ("1.mp4", False),
        ("0.mp4", True),
    ]
    assert reports[1].reason == "another ingest has indexed it"
    assert waited_for == [1]


@pytest.mark.parametrize("of", ["0.mp4", "copy.mp4"])
def test_what_a_forced_run_waits_for_is_not_stored_again(
    tmp_path: Path, first: tuple[Videos, threading.Event, threading.Event], of: str
) -> None:
    """Be it the same file or a copy: another forced run stores it after this one has begun."""
    opener, inside, go_on = first
    path, catalog = _file(tmp_path, "0.mp4", "r2"), MemoryCatalog()
    _file(tmp_path, "copy.mp4", "r2")
    _run(_tools(tmp_path, catalog), [path])
    options = Options(force=True)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(_run, _tools(tmp_path, catalog, opener), [path], force=True)
        assert inside.wait(30)
        tools = _tools(tmp_path, catalog)
        mine = Run(tools, options, stop=threading.Event(), on_wait=lambda _count: go_on.set())
        (report,) = mine.reports([str(tmp_path / of)])
        assert [each.state for each in other.result()] == ["indexed"]
    assert report.state == "unchanged"
    assert len(_puts(catalog)) == 2
    (again,) = Run(tools, options, stop=threading.Event()).reports([str(path)])
    assert again.state == "indexed"


def test_what_a_dead_run_had_in_hand_is_taken_over(tmp_path: Path) -> None:
    """Its lease expires, and nothing is lost: by uri, and by content under another name."""
    tools, paths = _tools(tmp_path), _paths(tmp_path, 3)
    ids = {report.path: report.id for report in _run(tools, paths)}
    tools.catalog.remove_collection("default")
    tools = _tools(tmp_path, tools.catalog)
    for subject in (str(paths[0]), ids[str(paths[1])]):
        assert tools.catalog.claim("default", subject, by="dead", lease_s=0.3)
    assert [report.state for report in _run(tools, paths)] == ["indexed"] * 3


def test_copies_of_content_in_other_hands_are_all_told_of(tmp_path: Path) -> None:
    """Two names of a video that another run embeds: one is indexed then, the other the same."""
    tools, path = _tools(tmp_path), _file(tmp_path, "a.mp4", "r2")
    copy = _file(tmp_path, "b.mp4", "r2")
    video = _run(tools, [path])[0].id
    tools.catalog.remove("default", video)
    assert tools.catalog.claim("default", video, by="dead", lease_s=0.3)
    reports = _run(tools, [path, copy])
    assert sorted(report.state for report in reports) == ["indexed", "unchanged"]
    assert {report.path for report in reports} == {str(path), str(copy)}


def test_a_run_that_was_too_slow_stores_nothing_twice(tmp_path: Path) -> None:
    """Another run has taken the video over and stored it; the first one finds it there."""

    class Stolen(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            if by != "thief" and not self.changes(collection, 0):
                self.release(collection, [put.video.id, put.video.uri], by=by)
                assert self.claim(collection, put.video.id, by="thief", lease_s=60)
                self.put(collection, put, by="thief")
            return super().put(collection, put, by=by)

    tools = _tools(tmp_path, Stolen())
    (report,) = _run(tools, [_file(tmp_path, "a.mp4", "r2")])
    assert (report.state, report.elsewhere) == ("unchanged", True)
    assert len(_puts(tools.catalog)) == 1


@pytest.mark.parametrize("content", ["bad", "r2"])
def test_nothing_stays_claimed(tmp_path: Path, content: str) -> None:
    """Neither what failed nor what was indexed or recognised."""
    tools, path = _tools(tmp_path), _file(tmp_path, "a.mp4", content)
    for _ in range(2):
        (report,) = _run(tools, [path])
        subjects = [str(path), report.id]
        assert tools.catalog.claimed("default", subjects, by="another") == set()


def test_a_video_that_fails_is_free_while_others_are_read(
    tmp_path: Path, first: tuple[Videos, threading.Event, threading.Event]
) -> None:
    """Another run need not wait for the end of this one to try it."""
    opener, inside, go_on = first
    bad, slow = _file(tmp_path, "bad.mp4", "bad"), _file(tmp_path, "0.mp4", "r2")
    tools = _tools(tmp_path, opener=opener)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(_run, tools, [bad, slow], workers=1)
        assert inside.wait(30)
        assert tools.catalog.claimed("default", [str(slow)], by="another") == {str(slow)}
        wait_until(
            lambda: not tools.catalog.claimed("default", [str(bad)], by="another"), "the release"
        )
        go_on.set()
        assert Counter(report.state for report in run.result()) == {"failed": 1, "indexed": 1}


def test_a_run_that_is_stopped_waits_for_nobody(tmp_path: Path) -> None:
    """Ctrl-C while all that is left is in other hands."""
    stop, tools = threading.Event(), _tools(tmp_path)
    path = _file(tmp_path, "a.mp4", "r2")
    assert tools.catalog.claim("default", str(path), by="another", lease_s=600)
    run = Run(tools, Options(), stop=stop, on_wait=lambda _: stop.set())
    assert list(run.reports([str(path)])) == []


def test_leases_are_renewed_while_a_video_is_read(
    tmp_path: Path, first: tuple[Videos, threading.Event, threading.Event]
) -> None:
    """A video takes longer than a lease; nobody takes it over. A catalog that is away is borne."""
    opener, inside, go_on = first
    renewed = threading.Event()

    class Counting(MemoryCatalog):
        def __init__(self) -> None:
            super().__init__()
            self.beats = 0

        def renew_claims(self, by: str, lease_s: float) -> None:
            self.beats += 1
            if self.beats == 1:
                raise ServiceUnavailable("the database restarts")
            super().renew_claims(by, lease_s)
            renewed.set()

    tools = _tools(tmp_path, Counting(), opener)
    path = _file(tmp_path, "0.mp4", "r2")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(_run, tools, [path], lease_s=1.0)
        assert inside.wait(30)
        assert renewed.wait(30)
        go_on.set()
        assert [report.state for report in run.result()] == ["indexed"]


def test_a_run_that_finds_nothing_to_do_claims_nothing(tmp_path: Path) -> None:
    """Ten thousand unchanged videos cost no transaction."""

    class Closed(MemoryCatalog):
        def claim(self, collection: str, subject: str, *, by: str, lease_s: float) -> bool:
            assert not self.counts(collection)[0]
            return super().claim(collection, subject, by=by, lease_s=lease_s)

    tools, path = _tools(tmp_path, Closed()), _file(tmp_path, "a.mp4", "r2")
    assert [_run(tools, [path])[0].state for _ in range(2)] == ["indexed", "unchanged"]


def test_claims_that_cannot_be_given_up_expire() -> None:
    """The catalog is gone when the run ends: the failure is told once."""

    class Gone(MemoryCatalog):
        def release_all(self, by: str) -> None:
            raise ServiceUnavailable("the database is gone")

    catalog = Gone()
    catalog.ensure_collection("default", "toy", 8, "f1")
    sharing = Sharing(catalog, "default", lease_s=60)
    assert sharing.take("a", "a")
    sharing.close()
