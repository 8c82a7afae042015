"""The steps of a switch as jobs: what was asked for over HTTP is done by `indexer work`."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clipseek.catalog import SqlReader
from clipseek.config import Settings
from clipseek.jobs import Job
from clipseek.ledgers import open_jobs
from clipseek.switches import SwitchState
from indexer import switch_errand
from tests.e2e.conftest import Library
from tests.installed_model import install


class Asking:
    """Asks for steps of the switch of `default`, and lets a worker take them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.settings = Settings.load(data_dir=library.data_dir)

    def step(self, step: str, **said: object) -> Job:
        """Ask for a step, and run what waits; return how the job ended."""
        with closing(open_jobs(self.settings)) as queue:
            payload = {"step": step, **said}
            job = queue.add("switch", "default", payload, by="ann", request_id="r")
            self.library.run("work", "--once", "--quiet")
            return queue.get(job.id)

    def answers(self) -> tuple[str, list[tuple[str, SwitchState]]]:
        """Return the model that answers, and the switches with their states."""
        with closing(SqlReader.open(self.settings.catalog_url)) as catalog:
            switches = [(each.name, each.state) for each in catalog.switches()]
            return catalog.collection("default").model, switches


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def asking(
    request: pytest.FixtureRequest,
    empty: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Asking:
    """Two videos in each kind of database, and a model to change to."""
    monkeypatch.setattr(switch_errand, "LEAD_S", 0.0)
    if request.param == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("postgres_url"))
    own = tmp_path / "own"
    own.mkdir()
    for path in sorted(empty.videos.glob("*.mp4"))[:2]:
        shutil.copyfile(path, own / path.name)
    library = Library(own, empty.data_dir)
    assert library.run("ingest", str(own), "--model", "demo", "--quiet") == 0
    install(library.data_dir, "other", mean=(0.55, 0.5, 0.5))
    return Asking(library)


def outcome(job: Job) -> dict[str, Any]:
    """Return what a job that is done has done."""
    assert (job.state, job.reason) == ("done", "")
    assert job.outcome is not None
    return dict(job.outcome)


def test_a_switch_is_prepared_cut_rolled_back_and_finished(asking: Asking) -> None:
    """Each step is a job; the first one says how far both models agree, with examples."""
    ready = asking.step("prepare", model="other")
    told = outcome(ready)
    assert (told["model"], told["embedded"], told["left_out"]) == ("other", 2, 0)
    assert ready.progress.share == 1.0
    assert ready.progress.frames > 0
    agreed = told["agreement"]
    assert (agreed["queries"], agreed["queries_from"]) == (100, "bank")
    assert 0.5 < agreed["overlap"] <= 1
    assert len(agreed["examples"]) == 10
    assert agreed["examples"][0]["before"][0]["title"].startswith("video-")
    assert str(asking.library.videos) not in str(told)
    assert asking.answers() == ("demo", [("default", "ready")])

    assert outcome(asking.step("cut"))["model"] == "other"
    assert asking.answers() == ("other", [("default", "switched")])
    back = outcome(asking.step("rollback"))
    assert (back["step"], back["model"], back["left_out"]) == ("rollback", "demo", 0)
    assert asking.answers() == ("demo", [("default", "ready")])
    assert outcome(asking.step("finish"))["model"] == "demo"
    assert asking.answers() == ("demo", [])
    assert asking.library.run("verify") == 0


def test_a_video_that_is_gone_fails_the_step(asking: Asking) -> None:
    """In a sentence without a path; without it, the step is done if that is asked for."""
    sorted(asking.library.videos.glob("*.mp4"))[0].unlink()
    failed = asking.step("prepare", model="other")
    assert failed.state == "failed"
    assert failed.reason == (
        "1 video could not be read, so collection 'default' answers as before; correct or remove "
        "them, or go on without them"
    )
    done = outcome(asking.step("prepare", model="other", without_missing=True))
    assert done["left_out"] == 1


@pytest.mark.parametrize(
    ("step", "said"),
    [
        pytest.param({"step": "cut"}, "prepare one first", id="cut"),
        pytest.param({"step": "rollback"}, "no former model", id="rollback"),
        pytest.param({"step": "finish"}, "nothing to finish", id="finish"),
        pytest.param({"step": "prepare", "model": "demo"}, "already", id="same"),
        pytest.param({"step": "prepare", "model": "ViT-B-32/openai"}, "has no model", id="none"),
        pytest.param({"step": "prepare", "model": "/etc"}, "has no model '/etc'", id="path"),
    ],
)
def test_a_wrong_step_fails_in_a_sentence(
    library: Library, step: dict[str, str], said: str
) -> None:
    """For everybody; no model is fetched or made, and nothing is begun."""
    job = Asking(library).step(**step)
    assert job.state == "failed"
    assert said in job.reason
    assert Asking(library).answers() == ("demo", [])
