"""The commands of docs/backup.md, executed unchanged."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.postgres import Server, find_programs
from tests.e2e.conftest import Library

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"


def commands() -> list[str]:
    """Return the blocks of shell in the page, in their order."""
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)


def shell(block: str, folder: Path, **environment: str) -> None:
    """Run a block in a folder."""
    path = f"{Path(sys.executable).parent}:{find_programs()}:{os.environ['PATH']}"
    known = {**os.environ, "PATH": path, **environment}
    subprocess.run(["sh", "-eu", "-c", block], cwd=folder, env=known, check=True)


def uris(library: Library, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what is listed."""
    capsys.readouterr()
    assert library.run("list") == 0
    return re.findall(r"video-\d+\.mp4", capsys.readouterr().out)


def test_the_default_store_is_backed_up_and_put_back(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was removed after the backup is there again, what came after is gone."""
    save, restore, *_ = commands()
    before = uris(library, capsys)
    shell(save, tmp_path, CLIPSEEK_DATA_DIR=str(library.data_dir))
    assert library.run("remove", str(library.videos / before[0])) == 0
    assert uris(library, capsys) != before
    shell(restore, tmp_path, CLIPSEEK_DATA_DIR=str(library.data_dir))
    assert uris(library, capsys) == before
    afterwards = commands()[-1].replace("~/Videos", str(library.videos))
    shell(afterwards, tmp_path, CLIPSEEK_DATA_DIR=str(library.data_dir))
    assert uris(library, capsys) == before


def test_postgresql_is_backed_up_and_put_back(
    empty: Library,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    postgres_server: Server,
    bare_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same by pg_dump and psql."""
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", bare_postgres_url)
    videos = tmp_path / "two"
    videos.mkdir()
    for name in ("video-001.mp4", "video-002.mp4"):
        shutil.copyfile(empty.videos / name, videos / name)
    assert empty.run("ingest", str(videos), "--model", "demo", "--quiet") == 0
    save, restore = (block for block in commands() if "CLIPSEEK_DATABASE_URL" in block)
    shell(save, tmp_path)
    assert empty.run("remove", str(videos / "video-001.mp4")) == 0
    shell(restore, tmp_path)
    assert sorted(uris(empty, capsys)) == ["video-001.mp4", "video-002.mp4"]
