"""The sizes that docs/sizing.md tells are those that the command computes from its measurements."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import sizing
from benchmarks.capacity import Assumptions, largest, need, needs
from benchmarks.measurements import Measurements, Rows, Size, measure, read, write
from clipseek.index import EXACT_UP_TO

ROOT = Path(__file__).parents[2]
RECORDED, PAGE = ROOT / "benchmarks" / "sizing.json", ROOT / "docs" / "sizing.md"

ROUND = Measurements(
    machine="an abacus",
    cores=2,
    model="demo",
    dim=100,
    rows=10_000,
    kind="ivf-pq",
    recall=0.99,
    exact_bytes=400.0,
    approximate_bytes=300.0,
    table_bytes=100.0,
    replica_bytes=1e8,
    memory_ratio=1.0,
    sqlite=Rows(segment=1000.0, frame=500.0, video=2000.0),
    postgresql=Rows(segment=2000.0, frame=1000.0, video=3000.0),
    thumbnail_bytes=1e4,
    frame_cpu_s=0.8,
    search_cpu_s=0.01,
    exact_cpu_s=1.0,
    approximate_cpu_s=0.001,
    approximate_power=0.5,
    build_ratio=2.0,
)
GIVEN = Assumptions()


def test_the_page_shows_what_was_recorded() -> None:
    """The command's output is between its marks, with every default."""
    text = sizing.markdown(GIVEN, read(RECORDED))
    page = PAGE.read_text("utf-8")
    assert sizing.renewed(page, text) == page
    assert text in page


def test_the_command_prints_the_recorded_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without measuring again."""
    assert sizing.main(["--recorded", str(RECORDED), "--markdown"]) == 0
    assert capsys.readouterr().out in PAGE.read_text("utf-8")


def test_json_has_a_library_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    """And what it was computed from."""
    sizing.main(["--recorded", str(RECORDED), "--json", "--hours-per-video", "1"])
    said = json.loads(capsys.readouterr().out)
    assert said["assumed"]["hours_per_video"] == 1
    assert [row["videos"] for row in said["libraries"]] == [
        row.videos for row in needs(GIVEN, ROUND)
    ]
    assert said["measured"]["dim"] == read(RECORDED).dim


def test_a_page_is_renewed_between_its_marks(tmp_path: Path) -> None:
    """The rest of it stays."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{sizing.BEGIN}\nold\n{sizing.END}\nafter\n", "utf-8")
    sizing.main(["--recorded", str(RECORDED), "--page", str(page)])
    text = sizing.markdown(GIVEN, read(RECORDED))
    assert page.read_text("utf-8") == f"before\n{sizing.BEGIN}\n{text}{sizing.END}\nafter\n"


def test_bytes_and_hours_are_added_up() -> None:
    """A library of round numbers: 100 videos of 12 minutes."""
    row = need(50, 100, GIVEN, ROUND)
    assert (row.hours, row.segments, row.index, row.parts) == (20, 14_400, "exact", 1)
    assert row.memory_bytes == 1e8 + 14_400 * 500
    assert row.build_bytes == 1e8 + 14_400 * 800
    assert row.snapshot_bytes == 2 * 14_400 * 500
    assert row.thumbnail_bytes == 14_400 * 1e4
    assert row.database_bytes == 14_400 * 2000 + 72_000 * 1000 + 100 * 3000
    assert row.indexing_hours == 2
    assert row.search_s == pytest.approx(0.01 + 0.0144)


def test_without_postgresql_the_database_is_sqlite() -> None:
    """Where its programs are not installed."""
    row = need(50, 100, GIVEN, replace(ROUND, postgresql=None))
    assert row.database_bytes == 14_400 * 1000 + 72_000 * 500 + 100 * 2000
    assert "not measured" in sizing.markdown(GIVEN, replace(ROUND, postgresql=None))


def test_large_libraries_have_the_other_index() -> None:
    """From where the code changes to it; its time grows with the measured power."""
    row = need(1000, 10_000, GIVEN, ROUND)
    assert row.segments > EXACT_UP_TO
    assert row.index == "ivf-pq"
    assert row.search_s == pytest.approx(0.01 + 0.001 * 144**0.5)


@pytest.mark.parametrize(
    ("users", "replicas"),
    [
        pytest.param(10, 1, id="alone"),
        pytest.param(11, 2, id="spare"),
        pytest.param(10**6, 41, id="busy"),
    ],
)
def test_replicas_follow_the_searches(users: int, replicas: int) -> None:
    """At half of what they can do, and two at least where one may not be missed."""
    row = need(users, 100, GIVEN, ROUND)
    assert row.replicas == replicas
    assert row.replicas == 1 or row.replicas * row.replica_per_s * 0.5 >= row.asked_per_s


@pytest.mark.parametrize(
    ("given", "measured", "ends"),
    [
        pytest.param(replace(GIVEN, memory_gib=1), ROUND, "building", id="building"),
        pytest.param(
            replace(GIVEN, memory_gib=1), replace(ROUND, build_ratio=0.1), "memory", id="memory"
        ),
        pytest.param(replace(GIVEN, slowest_s=0.02), ROUND, "time", id="time"),
    ],
)
def test_one_machine_ends_somewhere(given: Assumptions, measured: Measurements, ends: str) -> None:
    """What ends first decides; a library just above has two parts."""
    most = largest(given, measured)
    assert most.least == getattr(most, ends)
    videos = most.least / given.segments_per_hour / given.hours_per_video
    assert need(1000, int(videos), given, measured).parts == 1
    above = need(1000, int(videos) + 1, given, measured)
    assert above.parts == 2
    assert above.replicas % 2 == 0


def test_assumptions_that_leave_nothing_are_refused() -> None:
    """With the numbers that contradict each other."""
    with pytest.raises(ValueError, match=r"got memory_gib 0\.05"):
        largest(replace(GIVEN, memory_gib=0.05), ROUND)


def test_given_rates_win_over_measured_ones() -> None:
    """As on a machine with a GPU."""
    given = replace(GIVEN, queries_per_second=1000, frames_per_second=100, thumbnail_bytes=1)
    row = need(50, 100, given, ROUND)
    assert row.search_s == pytest.approx(0.004 + 0.0144)
    assert row.indexing_hours == pytest.approx(0.2)
    assert row.thumbnail_bytes == row.segments


def test_recorded_measurements_are_read_again(tmp_path: Path) -> None:
    """To four digits."""
    write(replace(ROUND, search_cpu_s=0.0123456), tmp_path / "some.json")
    assert read(tmp_path / "some.json") == replace(ROUND, search_cpu_s=0.01235)


@pytest.mark.long
def test_a_small_library_can_be_measured() -> None:
    """Real videos, a real index, a real server; with PostgreSQL where it is installed."""
    there = bool(shutil.which("pg_ctl") or list(Path("/usr/lib/postgresql").glob("*/bin")))
    steps: list[str] = []
    size = Size(videos=1, rows=3000, searches=5, postgresql=there)
    found = measure(size, "demo", checkpoint=None, report=steps.append)
    assert found.exact_bytes == pytest.approx(4 * found.dim, rel=0.01)
    assert found.approximate_bytes < found.exact_bytes
    assert found.sqlite.segment > found.dim
    assert found.sqlite.frame > found.dim
    assert (found.postgresql is not None) == there
    assert found.thumbnail_bytes > 1000
    assert found.frame_cpu_s > 0
    assert steps
