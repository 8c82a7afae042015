"""Objects in archives: they come back byte for byte, in every kind of catalog."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.archive import Export, Import, parts
from clipseek.archive.lines import ObjectsLine
from clipseek.catalog import SqlCatalog
from clipseek.errors import ConfigError
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCatalog
from clipseek.thumbnails import Thumbnails
from clipseek.tracked import VideoObjects
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.test_objects import FOUND, NOTHING, a_track

# Values that databases write in ways of their own: tiny ones, and a zero that is negative.
TINY = replace(
    a_track("ball", 0.0, 0),
    bias=-1e-7,
    boxes=np.array([[-0.00001, 0, 0.1, 1], [0.00012, 0.3, 1, 1]], np.float32),
    vector=np.linspace(0.1, 1, DIM, dtype=np.float32),
)


def filled(catalog: CatalogWriter, name: str) -> CatalogWriter:
    """Return the catalog with videos that show objects or none, and one that nobody looked at."""
    catalog.ensure_collection(name, "toy", DIM, "f1")
    for video_id in "abcd":
        a_video(video_id).put_into(catalog, name)
    catalog.put_objects(name, "a", FOUND)
    catalog.put_objects(name, "b", NOTHING)
    catalog.put_objects(name, "d", VideoObjects("demo 2", (TINY,)))
    return catalog


def moved(source: CatalogWriter, target: CatalogWriter, folder: Path, name: str) -> list[bytes]:
    """Export from one catalog and import into another; return the parts."""
    shown = Thumbnails(folder / "thumbnails")
    archive = folder / name
    manifest = Export(source, shown, archive, part_bytes=1).run("old")
    Import(target, shown, archive, mark=folder / "mark.json").run("old")
    return [(archive / part.name).read_bytes() for part in manifest.parts]


def test_objects_move_from_sqlite_to_postgresql_and_back(
    sqlite_catalog: SqlCatalog,
    postgres_catalog: SqlCatalog,
    memory_catalog: MemoryCatalog,
    tmp_path: Path,
) -> None:
    """Byte for byte: the parts of all three archives are the same files."""
    filled(sqlite_catalog, "old")
    first = moved(sqlite_catalog, postgres_catalog, tmp_path, "first")
    second = moved(postgres_catalog, memory_catalog, tmp_path, "second")
    sqlite_catalog.remove_collection("old")
    third = moved(memory_catalog, sqlite_catalog, tmp_path, "third")
    assert first == second == third
    assert sqlite_catalog.object_stamps("old", ["a", "b", "c", "d"]) == {
        "a": "demo 1",
        "b": "demo 1",
        "d": "demo 2",
    }
    ((_, found),) = sqlite_catalog.objects("old", video_ids=["d"])
    (track,) = found.tracks
    assert (track.label, track.bias, track.boxes[1].tolist()) == (
        "ball",
        -1e-7,
        np.array([0.0001, 0.3, 1, 1], np.float32).tolist(),
    )
    assert np.allclose(track.vector, TINY.vector / np.linalg.norm(TINY.vector), atol=5e-3)


def test_videos_without_objects_have_the_parts_that_they_had(tmp_path: Path) -> None:
    """Programs that know of no objects read these."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("old", "toy", DIM, "f1")
    a_video("a").put_into(catalog, "old")
    Export(catalog, Thumbnails(tmp_path / "thumbnails"), tmp_path / "archive").run("old")
    with zipfile.ZipFile(tmp_path / "archive" / "part-00000.zip") as part:
        assert "objects.npy" not in part.namelist()
        assert "objects" not in json.loads(part.read("videos.jsonl"))


Line = dict[str, Any]
WRONG: dict[str, tuple[Callable[[Line], object], str]] = {
    "a box less": (lambda line: line["tracks"][0]["boxes"].pop(), "one box for each time"),
    "a best that is not there": (lambda line: line["tracks"][0].update(best=2), "the best be"),
    "times backwards": (lambda line: line["tracks"][0]["times"].reverse(), "times must ascend"),
    "an end before the start": (lambda line: line["tracks"][0].update(end=0.0), "begin before"),
    "a box outside": (lambda line: line["tracks"][0]["boxes"][0].__setitem__(2, 1.5), "than or"),
    "no time": (lambda line: line["tracks"][0].update(times=[], boxes=[]), "at least 1"),
    "more than there are": (lambda line: line.update(tracks=line["tracks"] * 2501), "at most 5000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_objects_are_refused(name: str) -> None:
    """A line may come from anybody."""
    catalog = filled(MemoryCatalog(), "old")
    (rows,) = catalog.stored("old", video_ids=["a"])
    assert rows.objects is not None
    line = json.loads(ObjectsLine.of(rows.objects).model_dump_json())
    assert ObjectsLine.model_validate_json(json.dumps(line)).stamp == "demo 1"
    change, sentence = WRONG[name]
    change(line)
    with pytest.raises(ValueError, match=sentence):
        ObjectsLine.model_validate_json(json.dumps(line))


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        pytest.param(None, "it has no objects.npy", id="missing"),
        pytest.param(np.ones((1, DIM), np.int8), r"must be int8 \(2, 8\)", id="too few"),
        pytest.param(np.zeros((2, DIM), np.int8), "without a direction", id="no direction"),
    ],
)
def test_vectors_of_objects_that_do_not_fit_are_refused(
    array: "np.ndarray[Any, Any] | None", sentence: str, tmp_path: Path
) -> None:
    """Before anything is stored."""
    catalog = filled(MemoryCatalog(), "old")
    archive = tmp_path / "archive"
    manifest = Export(catalog, Thumbnails(tmp_path / "t"), archive, part_bytes=1).run("old")
    path = archive / "part-00000.zip"
    with zipfile.ZipFile(path) as part:
        files = {entry: part.read(entry) for entry in part.namelist()}
    with zipfile.ZipFile(path, "w") as part:
        for entry, content in files.items():
            if entry != parts.OBJECTS:
                part.writestr(entry, content)
        if array is not None:
            written = io.BytesIO()
            np.save(written, array)
            part.writestr(parts.OBJECTS, written.getvalue())
    content = path.read_bytes()
    changed = manifest.parts[0].model_copy(
        update={"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    )
    with pytest.raises(ConfigError, match=sentence):
        parts.read(path, changed, dim=DIM)
