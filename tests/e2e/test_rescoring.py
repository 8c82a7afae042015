"""A model whose bank or constants change under a library: relevance follows, and it is said."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.catalog import SqlCatalog
from clipseek.embedding import bundle as bundles
from clipseek.embedding import models
from clipseek.types import Relevance
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]
QUERY = "a red car"


def _edited(folder: Path, *, bank_seed: int | None = None, **changed: Any) -> None:
    """Replace a bundle by a new one, with other fields or another bank."""
    bundle = bundles.peek(folder)
    manifest = bundles.Manifest(
        **{field.name: getattr(bundle, field.name) for field in fields(bundles.Manifest)}
    )

    def fill(work: Path) -> None:
        for name in bundle.files:
            shutil.copyfile(folder / name, work / name)
        if bank_seed is not None:
            rows = np.random.default_rng(bank_seed).normal(size=(16, bundle.dim))
            np.save(work / bundles.BANK, rows.astype(np.float16))

    bundles.write(folder, replace(manifest, **changed), fill)


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture(scope="module")
def judged_by_a_bank(
    tmp_path_factory: pytest.TempPathFactory, shared_library: Library
) -> tuple[Path, Library]:
    """The demo model, made to be judged by its bank, and two videos indexed with it."""
    root = tmp_path_factory.mktemp("rescoring")
    model = root / "model"
    shutil.copytree(models.resolve("demo", root).path, model)
    _edited(model, bank_seed=1, logit_bias=None, logit_scale=20.0)
    videos = root / "videos"
    videos.mkdir()
    for video in sorted(shared_library.videos.glob("*.mp4"))[:2]:
        shutil.copyfile(video, videos / video.name)
    library = Library(videos, root / "data")
    assert library.run("ingest", str(videos), "--model", str(model), "--quiet") == 0
    return model, library


@dataclass(frozen=True)
class Judged:
    """A library that a test may change, and its model."""

    library: Library
    model: Path

    def change(self, **changes: Any) -> None:
        """Put another version of the model in the place of the one that is there."""
        _edited(self.model, **changes)

    def relevances(self, capsys: Capture) -> list[float]:
        """Return those of a search."""
        capsys.readouterr()
        assert self.library.run("search", QUERY, "--json") == 0
        return [json.loads(line)["relevance"] for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def judged(judged_by_a_bank: tuple[Path, Library], tmp_path: Path) -> Iterator[Judged]:
    """A copy of the library; the model lies where it did, and is put back afterwards."""
    model, library = judged_by_a_bank
    shutil.copytree(library.data_dir, tmp_path / "data")
    shutil.copytree(model, tmp_path / "model")
    yield Judged(Library(library.videos, tmp_path / "data"), model)
    shutil.rmtree(model)
    shutil.copytree(tmp_path / "model", model)


CHANGES: dict[str, dict[str, Any]] = {
    "bank": {"bank_seed": 2},
    "logit scale": {"logit_scale": 35.0},
    "logit bias": {"logit_bias": -5.0},
    "relevance constants": {"relevance": Relevance(0.5, -1.0, fitted=True)},
}


SHORT = {("calibrate", "bank"), ("ingest", "relevance constants")}
"""One part by each verb; `make test-long` tries every pair."""


@pytest.mark.parametrize(
    ("verb", "part", "changes"),
    [
        pytest.param(
            verb,
            *change,
            id=f"{change[0]}-{verb}",
            marks=[] if (verb, change[0]) in SHORT else [pytest.mark.long],
        )
        for verb in ("calibrate", "ingest")
        for change in CHANGES.items()
    ],
)
def test_a_changed_model_judges_as_if_it_had_indexed(
    judged: Judged, capsys: Capture, verb: str, part: str, changes: dict[str, Any]
) -> None:
    """By `calibrate`, or by the next ingest with nothing new; no video is decoded."""
    before = judged.relevances(capsys)
    judged.change(**changes)
    assert judged.relevances(capsys) == before
    arguments = [verb, *([str(judged.library.videos)] if verb == "ingest" else [])]
    assert judged.library.run(*arguments) == 0
    said = capsys.readouterr()
    assert f"the {part} of model" in said.err
    assert "scored again" in said.err
    assert verb == "calibrate" or "2 unchanged" in said.out
    after = judged.relevances(capsys)
    assert after != before
    fresh = Library(judged.library.videos, judged.library.data_dir.parent / "fresh")
    model = str(judged.model)
    assert fresh.run("ingest", str(fresh.videos), "--model", model, "--quiet") == 0
    assert sorted(after) == pytest.approx(
        sorted(replace(judged, library=fresh).relevances(capsys)), abs=2e-3
    )
    assert judged.library.run("verify") == 0


def test_a_search_says_that_the_model_has_another_bank(judged: Judged) -> None:
    """Answers stay right; what to do is said on stderr."""
    judged.change(bank_seed=2)
    command = [sys.executable, "-m", "indexer", "--data-dir", str(judged.library.data_dir)]
    said = subprocess.run([*command, "search", QUERY], capture_output=True, text=True, check=True)
    assert "`indexer calibrate --collection default`" in said.stderr


def test_constants_fitted_to_other_evidence_are_given_up_aloud(
    judged: Judged, capsys: Capture
) -> None:
    """They were right for the former bank alone; the message names the command that fits them."""
    service = SqlCatalog.open(f"sqlite:///{judged.library.data_dir / 'catalog.db'}")
    service.set_relevance("default", Relevance(0.5, 1.0, fitted=True))
    service.close()
    judged.change(bank_seed=2)
    capsys.readouterr()
    assert judged.library.run("calibrate", "--json") == 0
    said = capsys.readouterr()
    assert "`indexer calibrate CAPTIONS.jsonl --collection default`" in said.err
    assert json.loads(said.out) == {"collection": "default", "version": 4, "rescored": True}


def test_calibrate_without_a_change_does_nothing(judged: Judged, capsys: Capture) -> None:
    """It says so, and the version stays."""
    capsys.readouterr()
    assert judged.library.run("calibrate", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"collection": "default", "version": 2, "rescored": False}
    assert "already" in said.err
