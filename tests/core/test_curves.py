"""How costs grow is measured at a small size, and docs/growth.svg shows what was recorded."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from benchmarks import curves, plots, servers

ROOT = Path(__file__).parents[2]


def test_libraries_of_two_sizes_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line has every figure, and each is more than nothing."""
    record = tmp_path / "curves.jsonl"
    sizes = ["--segments", "40", "80", "--each", "20", "--record", str(record)]
    assert curves.main([*sizes, "--times", "2", "--searches", "4"]) == 0
    found = plots.read(record)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == found
    assert [(each["segments"], each["videos"]) for each in found] == [(40, 2), (80, 4)]
    assert all(set(each) == {field.name for field in fields(curves.Grown)} for each in found)
    assert all(value > 0 for each in found for value in each.values())


@pytest.fixture
def groups() -> None:
    """Skip where no groups of processes can be made."""
    try:
        with servers.limited(1 << 30):
            pass
    except OSError as error:
        pytest.skip(f"no group of processes can be made here: {error}")


@pytest.mark.usefixtures("groups")
def test_a_server_is_measured_within_less_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a line of its own; its own memory is part of what it was allowed."""
    record = tmp_path / "curves.jsonl"
    sizes = ["--segments", "80", "--each", "20", "--record", str(record), "--within", "4000"]
    assert curves.main([*sizes, "--times", "2", "--searches", "4"]) == 0
    (_, said) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said["within"] == 4000
    assert all(value > 0 for value in said.values())
    assert said["own_mb"] < said["allowed_mb"]
    assert len(plots.read(record)) == 1


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(("taken", "ends"), [(20, 0), (400, -9)])
def test_a_process_that_takes_more_is_killed(taken: int, ends: int) -> None:
    """The limit is that of the system; the group is gone afterwards."""
    with servers.limited(200 * 10**6) as group:
        program = f"bytearray({taken} * 10**6)"
        enter = [*servers.entering(group), sys.executable, "-c", program]
        assert subprocess.run(enter, check=False).returncode == ends
    assert not group.exists()


def test_what_was_recorded_is_drawn() -> None:
    """Each figure has a line for each kind of library, of sizes that ascend."""
    found = plots.read(ROOT / plots.RECORDED)
    page = (ROOT / plots.PAGE).read_text("utf-8")
    for name, title in plots.FIGURES.items():
        assert title.replace("'", "&apos;") in page or title in page
        for points in plots.lines(found, name).values():
            assert points == sorted(points)
            assert len(points) > 1


def test_one_more_video_costs_no_more_in_the_largest_library() -> None:
    """As it was recorded: within three times, as other programs ran beside it."""
    found = plots.read(ROOT / plots.RECORDED)
    for name in ("put_ms", "refresh_ms", "remove_ms", "removed_ms", "list_ms"):
        for points in plots.lines(found, name).values():
            assert points[-1][1] < 3 * points[0][1] + 5, name


def test_lines_are_by_segments_of_a_video() -> None:
    """And their points by the size of the library."""
    rows = [
        {"segments": 400, "videos": 4, "put_ms": 2.0},
        {"segments": 40, "videos": 4, "put_ms": 1.0},
        {"segments": 40, "videos": 1, "put_ms": 3.0},
        {"segments": 200, "videos": 2, "put_ms": 5.0},
    ]
    found = plots.lines(rows, "put_ms")
    assert found == {10: [(40, 1.0)], 40: [(40, 3.0)], 100: [(200, 5.0), (400, 2.0)]}
