"""A release after this one: the same code with one more migration, for tests of what both do."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from clipseek.migrations import REVISION

ROOT = Path(__file__).parents[1]
NEXT = f"{int(REVISION) + 1:04}"
"""The revision that it brings a catalog to."""
MIGRATION = f'''"""One more column of videos."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{REVISION}"


def upgrade() -> None:
    """Add the column."""
    op.add_column("videos", sa.Column("stars", sa.Integer, nullable=False, server_default="3"))
'''


def next_release(folder: Path) -> Path:
    """Lay the packages of a release after this one into a folder, and return it."""
    package = folder / "clipseek"
    migrations = package / "migrations"
    (migrations / "versions").mkdir(parents=True)
    _link(ROOT / "src" / "clipseek", package, but={"migrations"})
    _link(ROOT / "src" / "clipseek" / "migrations", migrations, but={"versions", "__init__.py"})
    _link(ROOT / "src" / "clipseek" / "migrations" / "versions", migrations / "versions", but=set())
    (migrations / "versions" / f"v{NEXT}_stars.py").write_text(MIGRATION, "utf-8")
    this = (ROOT / "src" / "clipseek" / "migrations" / "__init__.py").read_text("utf-8")
    (migrations / "__init__.py").write_text(this.replace(f'"{REVISION}"', f'"{NEXT}"'), "utf-8")
    return folder


def _link(source: Path, target: Path, *, but: set[str]) -> None:
    for entry in source.iterdir():
        if entry.name not in {*but, "__pycache__"}:
            (target / entry.name).symlink_to(entry)


def run(
    release: Path | None, *words: str, before: Sequence[str] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m WORDS` of a release (None: this one) to its end, with these settings alone."""
    return subprocess.run(
        [*before, sys.executable, "-m", *words],
        env=environment(release, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def environment(release: Path | None, **settings: str) -> dict[str, str]:
    """Return the environment in which the code of a release runs, with these settings alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPSEEK_")}
    packages = [release or ROOT / "src", ROOT]
    own = {"PYTHONPATH": os.pathsep.join(map(str, packages)), "CLIPSEEK_THREADS": "1"}
    return {**kept, **own, **settings}
