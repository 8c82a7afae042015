"""A copy of the tree that images are built from, and beside it what no image may contain."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "this-must-not-be-in-an-image"
PLANTED = (
    ".env",
    "api/.env",
    "demo-data/catalog.db",
    "docker/secrets/database_url",
    "kubernetes/overlays/minimal/secrets/password",
    "src/clipseek/__pycache__/config.cpython-311.pyc",
    "tests/fixture.txt",
    "videos/holiday.mp4",
)
"""Files that a working tree has beside the code, some of them secret."""


def copied(folder: Path) -> Path:
    """Copy the files of the project, in their present state, and plant marked ones; return it."""
    copy_files(folder)
    for name in PLANTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(MARK, "utf-8")
    return folder


def copy_files(folder: Path) -> None:
    """Copy the files of the project, in their present state, over what is there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (source := ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # Not their dates: an image must not depend on when a file was written.
            shutil.copyfile(source, folder / name)
