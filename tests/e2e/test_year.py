"""A year of a library in a minute: any order of what people do, beside a model of the truth."""

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from clipseek.assembly import open_existing
from clipseek.calibration import MIN_PAIRS
from clipseek.config import Settings
from clipseek.query import Query
from clipseek.service import Service
from clipseek.types import SearchResult
from indexer.cli import main
from tests.contracts.postgres import TEMPLATE, Server, find_programs

CONTENTS = 4
NAMES = ("a.mp4", "b ä.mp4", "later/c.mp4", "later/d'.mp4")
YEARS = os.environ.get("CLIPSEEK_TEST_YEARS")
"""How many years of `make year`, each another one; without it, one that is always the same."""
MONTHS = 12
SHORT = MONTHS if YEARS else 6
"""Months of the year that `make test` has, too."""
CHANGES = st.tuples(
    st.sampled_from(["write", "write", "move", "delete"]), st.integers(0, 3), st.integers(0, 3)
)
COMMANDS = [
    *["ingest"] * 4,
    *["remove", "restore"] * 2,
    *["ingest_twice_at_once", "build", "calibrate", "back_up"],
]


@dataclass
class World:
    """Where a year goes by: ready videos, their true captions, and a database that can be restored.

    `url` is None for the embedded database; `backup` and `restore` take a file.
    """

    videos: list[Path]
    captions: list[dict[str, object]]
    url: Callable[[], str | None]
    backup: Callable[[str | None, Path, Path], None]
    restore: Callable[[str | None, Path, Path], None]


@dataclass
class Truth:
    """What a library must hold: of each content that is indexed the file that it is known by."""

    indexed: dict[int, str] = field(default_factory=dict)
    fitted: bool = False

    def ingest(self, files: dict[str, int]) -> None:
        """Take the files in the order of their names."""
        for name, content in sorted(files.items()):
            known = self.indexed.get(content)
            if known == name or (known is not None and files.get(known) == content):
                continue
            self.indexed = {c: n for c, n in self.indexed.items() if n != name}
            self.indexed[content] = name


class Year(RuleBasedStateMachine):
    """The commands of a year over one folder of videos, and a service that stays open meanwhile."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="clipseek-year-"))
        self.clips = self.root / "clips"
        self.files: dict[str, int] = {}
        self.truth = Truth()
        self.saved = Truth()
        self.url = self.world.url()
        self.service: Service | None = None
        self.has_news = False
        """Whether a command ran since everything was looked at."""

    def teardown(self) -> None:
        """Close the service and forget the folder."""
        if self.service is not None:
            self.service.close()
        shutil.rmtree(self.root)

    @initialize()
    def begin(self) -> None:
        """Ingest a first video, as nothing can be looked at before, and keep a copy."""
        self.write(NAMES[0], 0)
        self.ingest()
        self.back_up()

    @rule(
        changes=st.lists(CHANGES, max_size=3),
        command=st.sampled_from(COMMANDS),
        pick=st.integers(0, 9),
    )
    def month(self, changes: list[tuple[str, int, int]], command: str, pick: int) -> None:
        """Change some files, then run one command; `pick` is what it is about."""
        for kind, number, other in changes:
            if kind == "write":
                self.write(NAMES[number], other)
            elif self.files:
                name = sorted(self.files)[number % len(self.files)]
                self.move(name, NAMES[other]) if kind == "move" else self.delete(name)
        if command == "remove":
            if self.truth.indexed:
                self.remove(sorted(self.truth.indexed)[pick % len(self.truth.indexed)], pick > 4)
        elif self.files or not command.startswith("ingest"):
            getattr(self, command)()

    # What happens to the files.

    def write(self, name: str, content: int) -> None:
        """Copy a video into the folder, over what was there."""
        target = self.clips / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new file each time: its time differs even where its content does not.
        target.unlink(missing_ok=True)
        shutil.copyfile(self.world.videos[content], target)
        self.files[name] = content

    def move(self, name: str, to: str) -> None:
        """Move a file, over another if there is one."""
        (self.clips / to).parent.mkdir(parents=True, exist_ok=True)
        (self.clips / name).replace(self.clips / to)
        self.files[to] = self.files.pop(name)

    def delete(self, name: str) -> None:
        """Delete a file; what is indexed of it stays."""
        (self.clips / name).unlink()
        del self.files[name]

    # What is asked of the indexer.

    def ingest(self) -> None:
        """Ingest the folder."""
        code, out = self.run("ingest", str(self.clips), "--model", "demo", "--workers", "1")
        assert code == 0, out
        self.truth.ingest(self.files)

    def ingest_twice_at_once(self) -> None:
        """Ingest the folder by two processes at the same time: both end well."""
        command = [sys.executable, "-m", "indexer", "--data-dir", str(self.data), "ingest"]
        command += [str(self.clips), "--model", "demo", "--workers", "1", "--quiet"]
        other = subprocess.Popen(command, env=self.environment(), stderr=subprocess.PIPE, text=True)
        self.ingest()
        assert (other.communicate(timeout=120)[1], other.returncode) == ("", 0)

    def remove(self, content: int, by_path: bool) -> None:
        """Remove a video by its path or by its id."""
        path = str(self.clips / self.truth.indexed.pop(content))
        name = path if by_path else self.ids()[path]
        assert self.run("remove", name)[0] == 0

    def build(self) -> None:
        """Build a snapshot."""
        assert self.run("build")[0] == 0

    def calibrate(self) -> None:
        """Fit relevance to captions of what is indexed and of what is not."""
        kept = [
            caption
            for caption in self.world.captions
            if "content" not in caption or caption["content"] in self.truth.indexed
        ]
        if sum("content" in caption for caption in kept) < MIN_PAIRS:
            return
        path = self.root / "captions.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in kept), "utf-8")
        code, out = self.run("calibrate", str(path))
        assert code == 0, out
        self.truth.fitted = True

    def back_up(self) -> None:
        """Keep a copy of the database."""
        self.world.backup(self.url, self.data, self.root / "backup")
        self.saved = Truth(dict(self.truth.indexed), self.truth.fitted)

    def restore(self) -> None:
        """Put the copy in the database's place; the snapshot that is published may be newer."""
        self.world.restore(self.url, self.data, self.root / "backup")
        self.truth = Truth(dict(self.saved.indexed), self.saved.fitted)
        self.build()

    # What must be true after each month.

    @invariant()
    def all_agrees(self) -> None:
        """What the commands print, and what a service answers, is the truth."""
        if self.has_news:
            self.has_news = False
            self.check_list()
            self.check_relevance()
            self.check_searches()
            if self.on_disk():
                code, out = self.run("verify")
                assert code == 0, out

    def check_list(self) -> None:
        """The listed videos are those that were ingested and not removed, each once."""
        listed = sorted(str(video["uri"]) for video in self.lines("list"))
        assert listed == sorted(str(self.clips / name) for name in self.truth.indexed.values())

    def check_relevance(self) -> None:
        """The fitted constants stay until the database is put back."""
        [state] = self.lines("status")
        relevance = state["relevance"]
        assert bool(isinstance(relevance, dict) and relevance["fitted"]) == self.truth.fitted

    def check_searches(self) -> None:
        """A service that was open all along answers as the command does, from what is indexed."""
        service = self.opened()
        service.collections.refresh()
        if not self.truth.indexed:
            return
        known = {str(self.clips / name) for name in self.truth.indexed.values()}
        [answer] = service.searcher.search([Query.of("a thing", 100)])
        assert isinstance(answer, SearchResult), answer
        assert {hit.video.uri for hit in answer.hits} == known
        assert [
            [hit.video.uri, hit.span.start, hit.span.end, round(hit.relevance, 6)]
            for hit in answer.hits
        ] == [
            [hit["video"]["uri"], hit["start"], hit["end"], hit["relevance"]]
            for hit in self.lines("search", "a thing", "--limit", "100")
        ]

    # How it is done.

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.root / "data"

    def on_disk(self) -> bool:
        """Whether each indexed file is where and what it was when it was indexed."""
        return all(self.files.get(name) == c for c, name in self.truth.indexed.items())

    def environment(self) -> dict[str, str]:
        """Return the environment of a command."""
        given = dict(os.environ)
        if self.url is not None:
            given["CLIPSEEK_DATABASE_URL"] = self.url
        return given

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it printed."""
        self.has_news = arguments[0] != "verify"
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), self.chosen():
            code = main(["--data-dir", str(self.data), *arguments])
        return code, out.getvalue()

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that prints JSON lines; return them."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), self.chosen():
            assert main(["--data-dir", str(self.data), *arguments, "--json"]) == 0
        return [json.loads(line) for line in out.getvalue().splitlines()]

    @contextlib.contextmanager
    def chosen(self) -> Iterator[None]:
        """Have the command use this year's database."""
        with pytest.MonkeyPatch.context() as patch:
            if self.url is not None:
                patch.setenv("CLIPSEEK_DATABASE_URL", self.url)
            yield

    def ids(self) -> dict[str, str]:
        """Return the id of each indexed path."""
        return {str(video["uri"]): str(video["id"]) for video in self.lines("list")}

    def opened(self) -> Service:
        """Return the service that stays open."""
        if self.service is None:
            with self.chosen():
                self.service = open_existing(Settings.load(data_dir=self.data))
        return self.service


@pytest.fixture(scope="module")
def ready(demo_videos: Path) -> tuple[list[Path], list[dict[str, object]]]:
    """Return four demo videos and their captions, by content."""
    videos = sorted(demo_videos.glob("*.mp4"))[:CONTENTS]
    numbers = {video.name: number for number, video in enumerate(videos)}
    captions: list[dict[str, object]] = []
    for line in (demo_videos / "captions.jsonl").read_text("utf-8").splitlines():
        caption = json.loads(line)
        if caption.get("file"):
            if caption["file"] not in numbers:
                continue
            caption["content"] = numbers[caption["file"]]
        captions.append(caption)
    return videos, captions


def live(world: World, months: int) -> None:
    """Let years go by in a world."""
    machine = type("Year", (Year,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(YEARS or 1),
            derandomize=YEARS is None,
            database=None,
            phases=[Phase.generate],
            stateful_step_count=months,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
def test_a_year_with_sqlite(ready: tuple[list[Path], list[dict[str, object]]]) -> None:
    """Ingest, change, move, remove, calibrate, build, back up, restore, in any order."""

    def backup(_url: str | None, data: Path, target: Path) -> None:
        with (
            contextlib.closing(sqlite3.connect(data / "catalog.db")) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)

    def restore(_url: str | None, data: Path, source: Path) -> None:
        for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
            (data / name).unlink(missing_ok=True)
        shutil.copyfile(source, data / "catalog.db")

    live(World(*ready, url=lambda: None, backup=backup, restore=restore), MONTHS)


def test_a_year_with_postgresql(
    ready: tuple[list[Path], list[dict[str, object]]], postgres_server: Server
) -> None:
    """The same over PostgreSQL, backed up by pg_dump and put back by psql in one transaction."""
    programs = find_programs()

    def backup(url: str | None, _data: Path, target: Path) -> None:
        options = ["--clean", "--if-exists", "--no-owner", "--file", str(target)]
        subprocess.run([programs / "pg_dump", *options, str(url)], check=True)

    def restore(url: str | None, _data: Path, source: Path) -> None:
        options = ["--single-transaction", "--quiet", "-v", "ON_ERROR_STOP=1", "--file"]
        subprocess.run(
            [programs / "psql", *options, str(source), str(url)],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    live(
        World(
            *ready,
            url=lambda: postgres_server.new_database(TEMPLATE),
            backup=backup,
            restore=restore,
        ),
        SHORT,
    )
