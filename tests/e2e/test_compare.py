"""`indexer compare`: two collections of the same videos, one of which has a worse model."""

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.assembly import open_existing
from clipseek.catalog import SqlCatalog
from clipseek.catalog.codes import pack, unpack
from clipseek.config import Settings
from clipseek.stored import VideoRows
from tests.e2e.conftest import Library


@pytest.fixture
def both(library: Library) -> Library:
    """Return a library with a second collection, `noisy`, whose vectors are those with noise."""
    settings = Settings.load(data_dir=str(library.data_dir))
    with open_existing(settings) as service:
        there = service.catalog.collection("default")
        rows = service.catalog.stored("default")
    chance = np.random.default_rng(0)
    with closing(SqlCatalog.open(settings.catalog_url)) as catalog:
        catalog.ensure_collection("noisy", there.model, there.dim, there.fingerprint, there.scoring)
        catalog.restore("noisy", [_noisy(each, chance) for each in rows])
    return library


def _noisy(rows: VideoRows, chance: np.random.Generator) -> VideoRows:
    def vector(old: NDArray[np.int8]) -> NDArray[np.int8]:
        moved = unpack(old[None]) + 0.6 * chance.normal(size=len(old))
        packed: NDArray[np.int8] = pack(moved.astype(np.float32))[0]
        return packed

    segments = tuple(replace(each, vector=vector(each.vector)) for each in rows.segments)
    return replace(rows, segments=segments)


def test_a_worse_collection_is_recognised(
    both: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its R@1 is lower for sure, the overlap is below 1, and the page shows both sides."""
    captions = str(both.videos / "captions.jsonl")
    command = ["compare", "noisy", "--captions", captions, "--json"]
    assert both.run(*command, "--out", str(tmp_path / "side.html")) == 0
    said = json.loads(capsys.readouterr().out)
    recall = said["figures"]["R@1"]
    assert recall["other"] < recall["one"]
    assert recall["low"] <= recall["other"] - recall["one"] <= recall["high"]
    assert said["overlap"]["value"] < 0.9
    assert both.run("evaluate", captions, "--json") == 0
    assert json.loads(capsys.readouterr().out)["video"]["R@1"] == pytest.approx(recall["one"])
    text = (tmp_path / "side.html").read_text()
    assert len(re.findall(r"<section>", text)) == 20
    assert text.count("<img") > 100
    sources = re.findall(r"(?:src|href)=.([^\"']*)", text)
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_a_collection_agrees_with_its_copy(
    both: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compared the other way round, differences have the other sign; JSON has the examples."""
    (tmp_path / "queries.txt").write_text("a cat\na red ball\na house at night\n")
    queries = ["--queries", str(tmp_path / "queries.txt"), "--json", "--k", "3"]
    shifts = []
    for name, other in (("default", "noisy"), ("noisy", "default")):
        out = tmp_path / f"{name}.json"
        assert both.run("compare", other, "--collection", name, *queries, "--out", str(out)) == 0
        said = json.loads(capsys.readouterr().out)
        shifts.append(said["relevance"]["other"] - said["relevance"]["one"])
        examples = json.loads(out.read_text())["examples"]
        assert [len(each["one"]) for each in examples] == [3, 3, 3]
    assert shifts[0] == pytest.approx(-shifts[1])


def test_what_cannot_be_compared_is_said(both: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """A collection with itself, one that is not there, and wrong numbers."""
    for options, said in (
        (["default"], "is collection 'default' itself"),
        (["missing"], "missing"),
        (["noisy", "--k", "0"], "--k must be 1 to"),
        (["noisy", "--seed", "-1"], "--seed must be 0 or more"),
        (["noisy", "--out", "x.txt"], "--out must end in .html or .json"),
    ):
        assert both.run("compare", *options) == 2
        assert said in capsys.readouterr().err
