"""Snapshots beside a recorder: one at a time for each collection, and not more often than due."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.testing import MemoryCatalog
from indexer.live_building import Snapshots
from tests.contracts.catalogs import DIM


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Return a catalog with two collections."""
    made = MemoryCatalog()
    for name in ("default", "yard"):
        made.ensure_collection(name, "toy", DIM, "f1")
    return made


class Builder:
    """Starts a command that does nothing, and remembers what was asked for."""

    def __init__(self, code: int = 0) -> None:
        self.asked: list[str] = []
        self._code = code

    def __call__(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start it."""
        self.asked.append(command[command.index("--collection") + 1])
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({self._code})"])


def snapshots(catalog: MemoryCatalog, builder: Builder, every_s: float = 3600.0) -> Snapshots:
    """Return the snapshots of both collections."""
    settings = Settings(data_dir=Path("data"), live_build_s=every_s)
    return Snapshots(settings, catalog, lambda: ["yard", "default"], build=builder)


def test_each_collection_is_built_once(catalog: MemoryCatalog) -> None:
    """Another recorder, or the next turn, finds it claimed until it is due again."""
    builder = Builder()
    snapshots(catalog, builder).turn()
    snapshots(catalog, builder).turn()
    assert builder.asked == ["default", "yard"]


def test_what_is_due_is_built_again(catalog: MemoryCatalog) -> None:
    """The claim of the last one has expired."""
    builder = Builder()
    both = snapshots(catalog, builder, every_s=1e-6)
    both.turn()
    both.turn()
    assert builder.asked == ["default", "yard"] * 2


def test_a_build_that_fails_is_said(
    catalog: MemoryCatalog, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that shows why; the recorder goes on."""
    snapshots(catalog, Builder(code=1)).turn()
    assert "run `indexer build --collection yard` to see why" in capsys.readouterr().err
