"""What a command imports: nothing for another database, and without the garbage collector."""

import gc
import subprocess
import sys

import pytest

from indexer.imports import uncollected


def test_the_collector_is_back_after_imports() -> None:
    """Also if one of them fails; what was there then is left out of collections."""
    enabled = []

    def failing() -> None:
        with uncollected():
            enabled.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        failing()
    assert [*enabled, gc.isenabled()] == [False, True]
    assert gc.get_freeze_count()


def test_a_search_imports_no_driver_of_postgresql() -> None:
    """A library in SQLite is searched without it: a tenth of a second."""
    code = "import clipseek.assembly, indexer.verbs.search, sys; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("first", ["indexer.cli", "indexer.verbs.list"])
def test_nothing_is_collected_while_a_command_imports(first: str) -> None:
    """Neither while its options are imported, nor while its verb is."""
    code = (
        "import gc, sys\n"
        "seen = []\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {first!r}: seen.append(gc.isenabled())\n"
        "from indexer.__main__ import main\n"
        "sys.meta_path.insert(0, Finder())\n"
        "main(['--data-dir', '/nowhere', 'list'])\n"
        "sys.exit(seen != [False])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
