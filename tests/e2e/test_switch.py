"""`indexer switch`, as a user runs it: another model for a collection that goes on answering."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.curating import tag_id
from clipseek.decisions import Decision
from clipseek.ledgers import open_curating, open_switches
from clipseek.publishing import FolderStore
from clipseek.rules import Rule
from clipseek.tracked import Track
from indexer.holding import Holding
from tests.chaos.program import wait_until
from tests.e2e.conftest import Library

pytest.importorskip("onnx", reason="making an int8 model needs the extra `models`")

Capture = pytest.CaptureFixture[str]
NEW = ("--model", "demo", "--precision", "int8", "--lead", "0")


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture(scope="session")
def models(demo_videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of models with the demo model in int8, which is made once."""
    data_dir = tmp_path_factory.mktemp("int8") / "data"
    enough = str(demo_videos / "video-005.mp4")  # the precision is measured on 40 pictures
    assert Library(demo_videos, data_dir).run("ingest", enough, "--quiet", *NEW[:-2]) == 0
    return data_dir / "models"


@pytest.fixture
def library(library: Library, models: Path) -> Library:
    """A copy of the library that a test may change, with the model to change to."""
    shutil.copytree(models, library.data_dir / "models", dirs_exist_ok=True)
    return library


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def kept(
    request: pytest.FixtureRequest,
    empty: Library,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """Six videos in `default`, in each kind of database, as files that a test may change."""
    if request.param == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("postgres_url"))
    library = Library(shutil.copytree(empty.videos, tmp_path / "own"), empty.data_dir)
    ingest(library, "--model", "demo")
    shutil.copytree(models, library.data_dir / "models", dirs_exist_ok=True)
    return library


def ingest(library: Library, *options: str) -> None:
    """Index the videos of the library."""
    assert library.run("ingest", str(library.videos), "--quiet", *options) == 0


def lines(library: Library, capsys: Capture, *command: str) -> list[dict[str, Any]]:
    """Run a command with --json, which must succeed; return what it prints."""
    capsys.readouterr()
    assert library.run(*command, "--json") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def known(library: Library, capsys: Capture) -> set[tuple[object, ...]]:
    """Return the videos of the collection, with what people have said of them."""
    listed = lines(library, capsys, "list")
    return {(each["id"], each["uri"], each["title"], tuple(each["tags"])) for each in listed}


def model_of(library: Library, capsys: Capture) -> object:
    """Return the model that answers."""
    listed = lines(library, capsys, "collections")
    return next(each["model"] for each in listed if each["name"] == "default")


def said(library: Library) -> tuple[object, ...]:
    """Return what people have said: rules, decisions, and the tags that follow from them."""
    with closing(open_curating(Settings(data_dir=library.data_dir))) as store:
        tags = [(tag.id, tag.by) for tag in store.tags("default", states=["accepted"])]
        return store.rules("default"), store.decisions("default"), tags


def tracks(library: Library) -> tuple[Track, ...]:
    """Return the objects that searches of the collection find."""
    with open_service(Settings(data_dir=library.data_dir)) as service:
        ((_, found),) = service.catalog.objects("default")
        return found.tracks


def decide(library: Library, video: str) -> None:
    """Let somebody accept a tag on a video."""
    with closing(open_curating(Settings(data_dir=library.data_dir))) as store:
        store.put_rules("default", [Rule("car", ("a red car",))], "ann")
        its_id = tag_id(video, "car", 0.0, 1.0)
        store.decide("default", Decision(its_id, video, 0.0, 1.0, "car", "accept", "ann"))


def test_a_collection_changes_its_model_and_goes_back(kept: Library, capsys: Capture) -> None:
    """All that is stored of the videos is in both, and everything agrees at each step."""
    video = str(lines(kept, capsys, "list")[0]["id"])
    decide(kept, video)
    decided = said(kept)
    assert all(decided)
    assert kept.run("objects", video, "--detector", "demo", "--quiet") == 0
    shown = tracks(kept)
    assert shown
    before, hits = known(kept, capsys), lines(kept, capsys, "search", "a red car")
    # A video that was put in the second of its switch counts as changed, and is embedded again.
    put = time.time()
    wait_until(lambda: int(time.time()) > int(put), "the next second")

    *examples, told = lines(kept, capsys, "switch", "default", *NEW)

    assert (told["state"], told["model"], told["embedded"]) == ("switched", "demo@int8", 6)
    assert told["thumbnails_reused"] > 0
    assert len(examples) == 10
    assert all(0 <= each["overlap_at_10"] <= 1 and each["before"] for each in examples)
    assert model_of(kept, capsys) == "demo@int8"
    assert known(kept, capsys) == before
    assert said(kept) == decided
    assert told["without_objects"] == []
    for one, other in zip(shown, tracks(kept), strict=True):
        assert one.boxes.tolist() == other.boxes.tolist()
        assert 0.9 < one.vector @ other.vector < 1 - 1e-6
    assert kept.run("verify") == 0

    (back,) = lines(kept, capsys, "switch", "default", "--rollback")
    assert (back["state"], back["model"], back["embedded"]) == ("rolled back", "demo", 0)
    assert lines(kept, capsys, "search", "a red car") == hits
    assert said(kept) == decided
    assert lines(kept, capsys, "switch", "default", *NEW)[-1]["embedded"] == 0

    (end,) = lines(kept, capsys, "switch", "default", "--finish")
    assert end == {"collection": "default", "state": "finished", "model": "demo@int8"}
    assert [each["name"] for each in lines(kept, capsys, "collections")] == ["default"]
    assert kept.run("verify") == 0
    assert known(kept, capsys) == before
    assert said(kept) == decided


def test_what_changes_during_a_switch_is_in_both(
    kept: Library, capsys: Capture, tmp_path: Path
) -> None:
    """A video that is removed, moved, given a tag or added before the cut, and after it."""
    paths = sorted(kept.videos.glob("*.mp4"))
    aside = shutil.move(paths[5], tmp_path / "later.mp4")
    assert kept.run("remove", str(paths[5])) == 0
    # What was indexed in the second in which a switch begins is embedded again.
    time.sleep(1.01 - time.time() % 1)
    assert lines(kept, capsys, "switch", "default", *NEW, "--no-cut")[-1]["state"] == "ready"

    def change(first: Path, second: Path, new: Path) -> set[tuple[object, ...]]:
        assert kept.run("remove", str(first)) == 0
        first.unlink()
        second.rename(second.with_name(f"moved-{second.name}"))
        shutil.move(aside if Path(aside).exists() else first, new)
        ingest(kept)
        with closing(SqlCatalog.open(Settings.load(data_dir=kept.data_dir).catalog_url)) as catalog:
            video = catalog.video_at("default", str(paths[4]))
            assert video is not None
            catalog.edit("default", video.id, title=f"titled {new.stem}", tags=[new.stem])
        return known(kept, capsys)

    before = change(paths[0], paths[1], kept.videos / "new-1.mp4")
    told = lines(kept, capsys, "switch", "default", *NEW)[-1]
    assert (told["state"], told["embedded"]) == ("switched", 1)
    assert known(kept, capsys) == before

    aside = shutil.copyfile(kept.videos / "new-1.mp4", tmp_path / "again.mp4")
    after = change(kept.videos / "new-1.mp4", paths[2], kept.videos / "new-2.mp4")
    assert after != before
    assert model_of(kept, capsys) == "demo@int8"
    assert lines(kept, capsys, "switch", "default", "--rollback")[-1]["model"] == "demo"
    assert known(kept, capsys) == after
    assert kept.run("verify") == 0


@pytest.mark.long
def test_a_video_that_is_gone_stops_the_cut(kept: Library, capsys: Capture) -> None:
    """It is named, and what answers stays; with --without-missing the cut leaves it out."""
    gone = sorted(kept.videos.glob("*.mp4"))[0]
    gone.unlink()

    assert kept.run("switch", "default", *NEW) == 1
    said = capsys.readouterr().err
    assert str(gone) in said
    assert "1 video could not be read, so collection 'default' answers as before" in said
    assert model_of(kept, capsys) == "demo"

    told = lines(kept, capsys, "switch", "default", *NEW, "--without-missing")[-1]
    assert (told["state"], len(told["left_out"])) == ("switched", 1)
    # Those that were indexed in the second in which the first switch embedded them are read again.
    assert told["embedded"] < 5
    assert len(known(kept, capsys)) == 5
    capsys.readouterr()
    assert kept.run("switch", "default", "--rollback") == 0
    assert "run `indexer tags apply --collection default`" in capsys.readouterr().out
    assert len(known(kept, capsys)) == 6


def test_a_file_that_is_another_one_by_now_stops_the_cut(kept: Library, capsys: Capture) -> None:
    """It must be indexed first: the collections would not have the same videos."""
    one, other, *_ = sorted(kept.videos.glob("*.mp4"))
    shutil.copyfile(other, one)

    assert kept.run("switch", "default", *NEW) == 1
    assert "has changed since it was indexed; run `indexer ingest` on it" in capsys.readouterr().err
    assert model_of(kept, capsys) == "demo"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(["--model", "demo"], "is indexed with model 'demo' already", id="same model"),
        pytest.param(["--rollback"], "has no former model to go back to", id="nothing to undo"),
        pytest.param(["--finish"], "there is nothing to finish", id="nothing to finish"),
        pytest.param([], "needs the model to change to", id="no model"),
        pytest.param(["--model", "demo", "--lead", "-1"], "--lead must be >= 0", id="lead"),
        pytest.param(
            ["--model", "demo", "--queries", "/nowhere"],
            "/nowhere cannot be read: No such",
            id="queries",
        ),
    ],
)
def test_what_cannot_be_switched_is_refused(
    library: Library, capsys: Capture, command: list[str], said: str
) -> None:
    """In one sentence, with exit code 2, and nothing is begun."""
    assert library.run("switch", "default", *command) == 2
    assert said in capsys.readouterr().err
    assert lines(library, capsys, "collections")[0]["switch"] == ""


def test_a_switch_that_is_under_way_keeps_others_out(library: Library, capsys: Capture) -> None:
    """To another model, of a removal, and after the cut, until it is finished."""
    assert library.run("switch", "default", *NEW, "--no-cut", "--quiet") == 0
    states = [each["switch"] for each in lines(library, capsys, "collections")]
    assert states == ["answers", "ready for default"]

    for name in ("default", "default.2"):
        assert library.run("collections", "remove", name) == 2
        assert "end it with `indexer switch default --finish`" in capsys.readouterr().err
    assert library.run("switch", "default", *NEW, "--quiet") == 0
    assert library.run("switch", "default", "--model", "demo") == 2
    assert "was switched to model 'demo@int8'; run" in capsys.readouterr().err
    states = [each["switch"] for each in lines(library, capsys, "collections")]
    assert states == ["answers", "before default"]


@pytest.mark.long
def test_another_machine_is_refused(
    kept: Library, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One data folder each, and one database: the switch that runs is continued by itself alone."""
    assert kept.run("switch", "default", *NEW, "--no-cut", "--quiet") == 0
    here = Settings.load(data_dir=kept.data_dir)
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", here.catalog_url)
    monkeypatch.setenv("CLIPSEEK_JOB_LEASE_S", "1")
    other = Library(kept.videos, tmp_path / "other")
    for end in ("--finish", "--rollback", "--no-cut"):
        with (
            closing(open_switches(here)) as switches,
            Holding(switches, "default", lease_s=1.0) as held,
        ):
            held.take()
            assert other.run("switch", "default", *NEW[:4], end) == 2
        assert "is switching collection 'default' now, perhaps on an" in capsys.readouterr().err
    assert model_of(other, capsys) == "demo"
    assert other.run("switch", "default", "--finish") == 0


def test_the_users_queries_are_compared(library: Library, capsys: Capture, tmp_path: Path) -> None:
    """One a line; the least alike come first."""
    queries = tmp_path / "queries.txt"
    queries.write_text("a red car\n\n  a boat \na red car\n")

    *examples, told = lines(
        library, capsys, "switch", "default", *NEW, "--no-cut", "--queries", str(queries)
    )

    assert told["queries_from"] == "file"
    assert sorted(each["query"] for each in examples) == ["a boat", "a red car"]
    overlaps = [each["overlap_at_10"] for each in examples]
    assert overlaps == sorted(overlaps)
    assert told["queries"] == 2
    assert told["overlap_at_10"] == pytest.approx(sum(overlaps) / 2, abs=1e-3)


def test_the_latest_queries_are_compared(library: Library, capsys: Capture) -> None:
    """As far as there are any; otherwise it is said why everyday sentences are taken."""

    def compared() -> tuple[object, str]:
        capsys.readouterr()
        assert library.run("switch", "default", *NEW, "--no-cut", "--json") == 0
        said = capsys.readouterr()
        return json.loads(said.out.splitlines()[-1])["queries_from"], said.err

    origin, said = compared()
    assert origin == "bank"
    assert "no recent queries of collection 'default' are stored; the API stores them if" in said
    assert "Comparing both models by 100 everyday sentences" in said

    with serving(library, keep_queries=9) as client:
        for query in ("a boat", "a red car"):
            assert client.post("/v1/search", json={"query": query}).status_code == 200
    origin, said = compared()
    assert origin == "recent"
    assert "comparing both models by the 2 latest queries of collection 'default'" in said

    assert library.run("collections", "remove", "default") == 2
    assert library.run("switch", "default", "--finish") == 0
    (stored,) = (library.data_dir / "queries").glob("*.json")
    assert library.run("collections", "remove", "default") == 0
    assert not stored.exists()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["switch", "default", "--finish"], id="switch", marks=pytest.mark.long),
        pytest.param(["build"], id="build", marks=pytest.mark.long),
        pytest.param(["collections", "remove", "default"], id="collections"),
    ],
)
def test_what_an_end_that_was_cut_off_left_is_deleted(
    library: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The rows go with the commit, and the index and the thumbnails with the next verb."""
    lines(library, capsys, "switch", "default", *NEW)
    with monkeypatch.context() as patch:

        def cut_off(_store: FolderStore, _key: str) -> None:
            raise KeyboardInterrupt

        patch.setattr(FolderStore, "remove", cut_off)
        assert library.run("switch", "default", "--finish") == 130
    assert [each["name"] for each in lines(library, capsys, "collections")] == ["default"]
    roots = [
        library.data_dir / "snapshots" / "default",
        library.data_dir / "thumbnails" / "default",
    ]
    assert all(list(root.glob("*")) for root in roots)
    assert library.run("verify") == 1
    assert "default: the collection was removed, and its index" in capsys.readouterr().out
    library.run(*command)
    assert not roots[1].exists()
    assert not list(roots[0].glob("snapshot-*"))
    if command[0] != "collections":
        assert library.run("verify") == 0


@contextmanager
def serving(library: Library, **given: int) -> Iterator[TestClient]:
    """Open a replica over the library, with its threads."""
    settings = Settings.load(
        data_dir=library.data_dir, allowed_hosts="testserver", refresh_s=0.2, **given
    )
    service = open_service(settings)
    service.collections.ready()
    with TestClient(create_app(service)) as client:
        yield client
