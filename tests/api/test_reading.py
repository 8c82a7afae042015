"""The API reads: it needs no right to write, makes nothing, and waits for what is not there."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clipseek.demo.videos import make_videos
from clipseek.embedding.verified import RECORD
from clipseek.errors import CatalogOutdated
from clipseek.migrations import REVISION
from tests.chaos.program import wait_until
from tests.contracts.postgres import Server
from tests.core.test_migrations import set_revision
from tests.deploy.test_start_failures import started, without_privileges
from tests.releases import ROOT, run

QUERY = {"query": "a red car"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one small video."""
    folder = tmp_path_factory.mktemp("videos")
    make_videos(1, 11, folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the path of a data folder that is not there."""
    return tmp_path / "data"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def settings(request: pytest.FixtureRequest, data: Path) -> dict[str, str]:
    """Return the settings of an installation on each kind of database, with nothing in it."""
    made = {"CLIPSEEK_DATA_DIR": str(data), "CLIPSEEK_REFRESH_S": "0.1"}
    if request.param == "postgres":
        made["CLIPSEEK_DATABASE_URL"] = request.getfixturevalue("bare_postgres_url")
    return made


def url_of(settings: dict[str, str]) -> str:
    """Return the URL of the database of an installation."""
    embedded = f"sqlite:///{settings['CLIPSEEK_DATA_DIR']}/catalog.db"
    return settings.get("CLIPSEEK_DATABASE_URL", embedded)


def ingest(videos: Path, settings: dict[str, str]) -> None:
    """Index the videos by the command."""
    done = run(None, "indexer", "ingest", str(videos), "--model", "demo", "--quiet", **settings)
    assert done.returncode == 0, done.stderr


Answer = tuple[int, Any]


class Client:
    """Asks a server at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, path: str, body: object = None) -> Answer:
        """Return the status of an answer, and its JSON or bytes."""
        sent = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._address}{path}", sent, head)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, self._read(error)

    def _read(self, answer: Any) -> Any:
        content = answer.read()
        return json.loads(content) if "json" in answer.headers["Content-Type"] else content


@contextmanager
def serving(folder: Path, settings: dict[str, str], before: Sequence[str] = ()) -> Iterator[Client]:
    """Run `python -m api` with these settings, and yield a client of it."""
    with started(("api", "--quiet"), folder, before=before, **settings) as process:
        assert process.stdout is not None
        yield Client(process.stdout.readline().split()[3].rstrip("/"))


def assert_serves(ask: Client) -> None:
    """Ask for all that the page asks for."""
    assert ask("/readyz") == (200, {"status": "ok"})
    status, found = ask("/v1/search", QUERY)
    assert (status, len(found["hits"]) > 0) == (200, True)
    assert ask("/v1/search/batch", {"searches": [QUERY]})[0] == 200
    status, listed = ask("/v1/videos")
    assert (status, len(listed["videos"])) == (200, 1)
    video = listed["videos"][0]["id"]
    assert ask(f"/v1/videos/{video}")[0] == 200
    status, picture = ask(found["hits"][0]["thumbnail_url"])
    assert (status, picture[:2]) == (200, b"\xff\xd8")
    status, known = ask("/v1/collections")
    assert (status, known["collections"][0]["videos"]) == (200, 1)


def state(folder: Path) -> dict[Path, int]:
    """Return the times of all in a folder, but of the record of models that were checked."""
    others = (path for path in folder.rglob("*") if path.name != RECORD)
    return {path: path.stat().st_mtime_ns for path in others}


def lock(folder: Path) -> None:
    """Take the right to write in a folder and all below it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def test_a_role_that_may_only_select_is_enough(
    videos: Path, data: Path, tmp_path: Path, postgres_server: Server, bare_postgres_url: str
) -> None:
    """The statements of the README make it, and cover the tables of later releases."""
    settings = {"CLIPSEEK_DATA_DIR": str(data), "CLIPSEEK_DATABASE_URL": bare_postgres_url}
    ingest(videos, settings)
    database, role = bare_postgres_url.rpartition("/")[2], "reads_as_the_readme_says"
    readme = (ROOT / "api" / "README.md").read_text("utf-8")
    block, *_ = re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
    for statement in block.strip().splitlines():
        postgres_server.run(statement.replace("clipseek_reader", role), database)
    postgres_server.run("CREATE TABLE later AS SELECT 1", database)
    url = postgres_server.url(database, user=role)
    before = state(data)
    with serving(tmp_path, settings | {"CLIPSEEK_DATABASE_URL": url}) as ask:
        assert_serves(ask)
    assert state(data) == before
    rights = (
        "DO $$ BEGIN IF NOT has_table_privilege('{0}', 'later', 'SELECT') "
        "OR has_table_privilege('{0}', 'videos', 'INSERT, UPDATE, DELETE') "
        "THEN RAISE 'other rights than meant'; END IF; END $$"
    )
    postgres_server.run(rights.format(role), database)


def test_a_file_in_a_folder_that_is_read_only_is_enough(
    videos: Path, data: Path, tmp_path: Path
) -> None:
    """Nothing can be written there: neither the catalog, nor SQLite's own files beside it."""
    settings = {"CLIPSEEK_DATA_DIR": str(data)}
    ingest(videos, settings)
    lock(data)
    before = sorted(data.rglob("*"))
    with serving(tmp_path, settings, without_privileges()) as ask:
        assert_serves(ask)
    assert sorted(data.rglob("*")) == before
    done = run(None, "indexer", "status", before=without_privileges(), **settings)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(None, "indexer", "remove", "x", before=without_privileges(), **settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_it_makes_nothing_and_takes_a_catalog_up(
    videos: Path, data: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    """Before the first ingest nothing is indexed; after it, searches are answered."""
    with serving(tmp_path, settings) as ask:
        assert ask("/readyz") == (200, {"status": "ok"})
        status, problem = ask("/v1/search", QUERY)
        assert (status, problem["type"]) == (409, "/problems/nothing-indexed")
        assert ask("/v1/collections")[1]["collections"] == []
        assert ask("/v1/videos") == (200, {"videos": [], "next": None})
        assert ask("/v1/videos?collection=other")[0] == 404
        assert ask("/v1/segments/1/thumbnail")[0] == 404
        assert not data.exists()
        checked = run(None, "indexer", "migrate", "--check", **settings)
        assert (checked.returncode, "there is no catalog" in checked.stdout) == (1, True)
        ingest(videos, settings)
        wait_until(lambda: ask("/v1/search", QUERY)[0] == 200, "the first ingest")
        assert_serves(ask)


def test_another_revision_is_refused_until_it_is_migrated(
    videos: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    """With a sentence that names no path and no command; at the start and later alike."""
    ingest(videos, settings)
    set_revision(url_of(settings), "0000")
    with serving(tmp_path, settings) as ask:
        for revision in ("0000", "9999", "0000"):
            set_revision(url_of(settings), revision)
            status, problem = ask("/readyz")
            assert (status, problem["type"]) == (503, "/problems/catalog-outdated")
            assert problem["detail"] == CatalogOutdated("", "").told
        assert ask("/v1/search", QUERY)[0] == ask("/v1/collections")[0] == 503
        set_revision(url_of(settings), REVISION)
        wait_until(lambda: ask("/readyz")[0] == 200, "the right revision")
        assert_serves(ask)
        set_revision(url_of(settings), "9999")
        assert ask("/readyz")[0] == 503
