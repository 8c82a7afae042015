"""A snapshot is published whole or not at all, and what is damaged is never searched."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from clipseek import publishing
from clipseek.errors import ServiceUnavailable
from clipseek.index import ExactIndex, FaissIndex
from clipseek.publishing import FolderStore, Manifest, Published, build
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.test_index_store import NAME, counted, filled


def publish(root: Path, catalog: MemoryCatalog) -> Manifest:
    """Publish a snapshot of the catalog as it is."""
    return build(catalog, FolderStore(root), NAME)


def opened(root: Path) -> Published:
    """Open the published snapshot, which must be there."""
    found = FolderStore(root).open(NAME)
    assert found is not None
    return found


def names(root: Path) -> set[str]:
    """Return what is in the collection's folder."""
    return {path.name for path in (root / NAME).iterdir()}


def test_what_was_written_is_opened(tmp_path: Path) -> None:
    """Rows and answers are those of the catalog that it was made from."""
    catalog = filled()
    manifest = publish(tmp_path, catalog)
    found = opened(tmp_path)
    block = next(iter(catalog.blocks(NAME)))
    rows = found.table.rows(block.ids)
    assert found.manifest == manifest
    assert found.ids.tolist() == block.ids.tolist()
    assert rows.video_ids.tolist() == block.video_ids.tolist()
    assert rows.spans.tolist() == block.spans.tolist()
    assert rows.best_times.tolist() == block.best_times.tolist()
    assert rows.biases.tolist() == block.biases.tolist()
    theirs = ExactIndex(block.ids, block.vectors).search(block.vectors, 4)
    assert found.index.search(block.vectors, 4).ids.tolist() == theirs.ids.tolist()


def test_the_manifest_says_what_it_was_made_from(tmp_path: Path) -> None:
    """Collection, model, version and the sums of the files stand in manifest.json."""
    catalog = filled()
    publish(tmp_path, catalog)
    assert (tmp_path / NAME / "current").read_text() == "snapshot-2\n"
    folder = tmp_path / NAME / "snapshot-2"
    told = json.loads((folder / "manifest.json").read_text())
    files = told.pop("files")
    del told["created_at"]
    assert told == {
        "format": 3,
        "collection": NAME,
        "model": "demo",
        "fingerprint": "print",
        "dim": DIM,
        "count": 10,
        "version": 2,
        "kind": "exact",
        "asked": "auto",
        "bytes_per_vector": round(files["index.faiss"]["bytes"] / 10),
        "recall_at_10": 1.0,
        "nprobe": 0,
        "history": publishing.history(catalog, NAME, 2),
        "scoring": "",
        "shards": [],
        "reach": [],
    }
    assert set(files) == {"index.faiss", "segments.npz"}
    for name, sums in files.items():
        content = (folder / name).read_bytes()
        assert sums == {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "mtime_ns": (folder / name).stat().st_mtime_ns,
        }


def test_a_large_collection_gets_lists(tmp_path: Path) -> None:
    """Past 100 000 segments the index is approximate, and the manifest states its recall."""
    count = 100_001
    chance = np.random.default_rng(0)
    heaps = chance.normal(size=(500, DIM))[np.sort(chance.integers(500, size=count))]
    vectors = heaps + 0.1 * chance.normal(size=(count, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    block = SegmentBlock(
        ids=np.arange(count),
        video_ids=(np.arange(count) // 1000).astype(np.str_),
        spans=np.stack([np.arange(count), np.arange(count) + 1.0], axis=1),
        best_times=np.arange(count, dtype=np.float64),
        biases=np.zeros(count, np.float32),
        vectors=vectors.astype(np.float32),
    )
    collection = Collection(NAME, "demo", DIM, "print", 1)
    store = FolderStore(tmp_path)
    rows, stored = SegmentTable.of([block], DIM)
    with store.building(NAME):
        manifest = store.publish(
            NAME, collection, rows, stored, history="", queries=block.vectors[::900]
        )
    found = opened(tmp_path)
    assert isinstance(found.index, FaissIndex)
    assert manifest.kind == found.index.kind == "ivf-pq"
    assert 0.99 <= manifest.recall_at_10 == found.index.recall
    assert 1 <= manifest.nprobe == found.index.nprobe
    assert manifest.reach == found.index.reach == tuple(sorted(manifest.reach))
    assert len(manifest.reach) == 2
    assert all(0 < best < 1.01 and 0 < below < 1 for best, below in manifest.reach)
    assert found.index.search(block.vectors[7:8], 1).ids.tolist() == [[7]]


def test_an_empty_collection_has_a_snapshot_too(tmp_path: Path) -> None:
    """A collection without segments is written and opened like any other."""
    publish(tmp_path, filled(videos=""))
    assert len(opened(tmp_path).index) == 0


def test_there_may_be_none(tmp_path: Path) -> None:
    """Where nothing is published there is no snapshot, no manifest and nothing wrong."""
    assert FolderStore(tmp_path).open(NAME) is None
    assert FolderStore(tmp_path / "nowhere").manifest(NAME) is None
    assert FolderStore(tmp_path).damage(NAME) == []


def test_the_one_before_is_kept_and_older_ones_are_deleted(tmp_path: Path) -> None:
    """A reader of the pointer has one whole build's time to open what it read."""
    catalog = filled()
    for video_id in "cde":
        publish(tmp_path, catalog)
        a_video(video_id).put_into(catalog)
    assert names(tmp_path) == {".lock", "current", "snapshot-3", "snapshot-4"}
    assert opened(tmp_path).manifest.version == 4


def test_an_opened_snapshot_outlives_its_files(tmp_path: Path) -> None:
    """Searches in flight go on while their snapshot is deleted."""
    publish(tmp_path, filled())
    found = opened(tmp_path)
    query = next(iter(filled().blocks(NAME))).vectors[:1]
    before = found.index.search(query, 3)
    shutil.rmtree(tmp_path / NAME)
    assert found.index.search(query, 3).ids.tolist() == before.ids.tolist()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _blank(path: Path) -> None:
    path.write_bytes(b"\xff\xfe nothing")


def _delete(path: Path) -> None:
    path.unlink()


DAMAGES = [
    pytest.param(f"snapshot-2/{name}", damage, id=f"{damage.__name__.strip('_')}-{name}")
    for name in ("index.faiss", "segments.npz", "manifest.json")
    for damage in (_flip, _tear, _blank, _delete)
    if (name, damage) != ("manifest.json", _flip)
] + [
    pytest.param("current", _blank, id="blank-pointer"),
    pytest.param("snapshot-2", shutil.rmtree, id="delete-folder"),
]


@pytest.mark.parametrize(("path", "damage"), DAMAGES)
def test_damage_is_found_and_healed(
    tmp_path: Path, path: str, damage: Callable[[Path], None]
) -> None:
    """What is damaged does not open, `verify` says so, and the next build replaces it."""
    catalog = filled()
    publish(tmp_path, catalog)
    damage(tmp_path / NAME / path)
    with pytest.raises(ServiceUnavailable, match=r"run `indexer build`|cannot be read"):
        FolderStore(tmp_path).open(NAME)
    assert len(FolderStore(tmp_path).damage(NAME)) == 1
    publish(tmp_path, catalog)
    assert FolderStore(tmp_path).damage(NAME) == []
    assert opened(tmp_path).manifest.version == 2


def test_a_file_that_is_as_published_is_not_read_again(tmp_path: Path) -> None:
    """Opening trusts its size and time of change; `verify` reads it and finds what is wrong."""
    publish(tmp_path, filled())
    index = tmp_path / NAME / "snapshot-2" / "index.faiss"
    before = index.stat()
    with index.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert opened(tmp_path).manifest.version == 2
    assert "index.faiss has another checksum" in FolderStore(tmp_path).damage(NAME)[0]


def test_nothing_is_read_where_the_snapshot_is_current(tmp_path: Path) -> None:
    """A build of what is published asks for no segments, no sentences, and opens no index."""
    catalog = counted(filled())
    first = build(catalog, FolderStore(tmp_path), NAME)
    assert catalog.reads == [NAME]

    def unasked() -> np.ndarray[Any, Any]:
        pytest.fail("the bank was read")

    folder = tmp_path / NAME / "snapshot-2"
    for name in ("index.faiss", "segments.npz"):
        before = (folder / name).stat()
        (folder / name).write_bytes(bytes(before.st_size))
        os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(catalog, FolderStore(tmp_path), NAME, queries=unasked) == first
    assert catalog.reads == [NAME]


def test_every_damaged_file_is_named(tmp_path: Path) -> None:
    """`verify` does not stop at the first."""
    publish(tmp_path, filled())
    _flip(tmp_path / NAME / "snapshot-2" / "index.faiss")
    _tear(tmp_path / NAME / "snapshot-2" / "segments.npz")
    found = FolderStore(tmp_path).damage(NAME)
    assert ["index.faiss has another" in one for one in found] == [True, False]
    assert "segments.npz has 100 bytes" in found[1]


def test_objects_in_a_table_are_not_made(tmp_path: Path) -> None:
    """NumPy would unpickle them, which runs code of the writer of the file."""

    class Loud:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return (pytest.fail, ("an object of a file was made",))

    publish(tmp_path, filled())
    folder = tmp_path / NAME / "snapshot-2"
    with np.load(folder / "segments.npz") as arrays:
        columns = dict(arrays)
    columns["ids"] = np.array([Loud()] * len(columns["ids"]), object)
    np.savez(folder / "segments.npz", **columns)
    content = (folder / "segments.npz").read_bytes()
    said = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    said["files"]["segments.npz"] = {"bytes": len(content), "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(said))
    with pytest.raises(ServiceUnavailable, match="is not a table of segments"):
        FolderStore(tmp_path).open(NAME)


@pytest.mark.parametrize(
    "name", ["../snapshot-2", "/etc", "snapshot-2/../../x", "", "snapshot-2\0"]
)
def test_a_pointer_to_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """It names a folder beside it and nothing else."""
    publish(tmp_path, filled())
    (tmp_path / NAME / "current").write_text(name)
    with pytest.raises(ServiceUnavailable, match="does not name a snapshot"):
        FolderStore(tmp_path).open(NAME)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        pytest.param("format", 9, "format 9, this release reads 3", id="format"),
        pytest.param("count", 9, "its manifest says 9", id="count"),
        pytest.param("dim", 7, "its manifest says 7", id="dim"),
        pytest.param("version", "x", "is not a manifest", id="type"),
        pytest.param("files", {}, "its manifest lists", id="files"),
        pytest.param(
            "files",
            {name: {"bytes": 1, "sha256": ""} for name in ("../index.faiss", "segments.npz")},
            "its manifest lists",
            id="a path as a file",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path, field: str, value: object, expected: str
) -> None:
    """A manifest of another format, or that says what the files do not hold, opens nothing."""
    publish(tmp_path, filled())
    path = tmp_path / NAME / "snapshot-2" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(ServiceUnavailable, match=expected):
        FolderStore(tmp_path).open(NAME)


@pytest.mark.parametrize(("was", "kind"), [("flat", "exact"), ("ivf", "ivf-flat")])
def test_a_snapshot_of_the_former_format_opens(tmp_path: Path, was: str, kind: str) -> None:
    """Its kinds had other names, and its lists held float32."""
    catalog = filled(segments=40)
    publish(tmp_path, catalog)
    block = next(iter(catalog.blocks(NAME)))
    folder = tmp_path / NAME / "snapshot-2"
    if was == "ivf":
        quantizer = faiss.IndexFlatIP(DIM)
        lists = faiss.IndexIVFFlat(quantizer, DIM, 2, faiss.METRIC_INNER_PRODUCT)
        lists.cp.min_points_per_centroid = 1
        lists.train(block.vectors)
        lists.add(block.vectors)
        lists.make_direct_map()
        lists.nprobe = 2
        faiss.write_index(lists, str(folder / "index.faiss"))
    told = json.loads((folder / "manifest.json").read_text())
    del told["asked"], told["bytes_per_vector"]
    content = (folder / "index.faiss").read_bytes()
    told["files"]["index.faiss"] = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(told | {"format": 1, "kind": was}))
    found = opened(tmp_path)
    theirs = ExactIndex(block.ids, block.vectors).search(block.vectors, 4)
    assert isinstance(found.index, FaissIndex)
    assert found.manifest.kind == found.index.kind == kind
    assert found.manifest.bytes_per_vector == round(len(content) / 80)
    assert found.index.search(block.vectors, 4).ids.tolist() == theirs.ids.tolist()


def test_another_kind_asked_for_is_built(tmp_path: Path) -> None:
    """For the same version, a snapshot is made again for another kind, and kept for the same."""
    catalog = filled(segments=400)
    build(catalog, FolderStore(tmp_path), NAME)
    listed = build(catalog, FolderStore(tmp_path), NAME, kind="ivf-sq8")
    assert (listed.kind, listed.asked) == ("ivf-sq8", "ivf-sq8")
    assert build(catalog, FolderStore(tmp_path), NAME, kind="ivf-sq8") == listed
    assert opened(tmp_path).manifest.kind == "ivf-sq8"
    assert build(catalog, FolderStore(tmp_path), NAME).kind == "exact"


@pytest.mark.parametrize("limit", [1000, 27_000], ids=["in the index", "in the table"])
def test_a_killed_builder_leaves_the_old_snapshot(tmp_path: Path, limit: int) -> None:
    """A process that dies while writing changes nothing that readers see; its rest is swept."""
    publish(tmp_path, filled(videos="a"))
    command = [
        sys.executable,
        "-m",
        "tests.contracts.kill_build",
        "folder",
        str(tmp_path),
        str(limit),
    ]
    died = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == -signal.SIGXFSZ
    assert ".building" in names(tmp_path)
    assert opened(tmp_path).manifest.version == 1
    publish(tmp_path, filled(400))
    assert names(tmp_path) == {".lock", "current", "snapshot-1", "snapshot-2"}
    assert opened(tmp_path).manifest.count == 800


def test_a_builder_killed_before_the_pointer_moved(tmp_path: Path) -> None:
    """A whole folder that nothing points to is neither opened nor kept."""
    catalog = filled(videos="a")
    publish(tmp_path, catalog)
    folder = tmp_path / NAME
    shutil.copytree(folder / "snapshot-1", folder / "snapshot-2")
    (folder / "current.tmp").write_text("snapsh")
    assert opened(tmp_path).name == "snapshot-1"
    a_video("b").put_into(catalog)
    publish(tmp_path, catalog)
    assert opened(tmp_path).manifest.count == 8
    assert names(tmp_path) == {".lock", "current", "snapshot-1", opened(tmp_path).name}


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """Return what lets no file of this process grow past 1000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_snapshot(tmp_path: Path, full_disk: Callable[[], None]) -> None:
    """A failed write raises ServiceUnavailable, and what it wrote is removed."""
    publish(tmp_path, filled(videos="a"))
    larger = filled(400)
    full_disk()
    with pytest.raises(ServiceUnavailable, match="written"):
        publish(tmp_path, larger)
    assert names(tmp_path) == {".lock", "current", "snapshot-1"}


def test_a_disk_without_room_is_told_with_the_bytes_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written; 400 vectors of 8 float32 and their rows do not fit in 12 000 bytes."""
    publish(tmp_path, filled(videos="a"))
    usage = shutil.disk_usage(tmp_path)._replace(free=12_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(ServiceUnavailable, match=r"it needs (\d+) bytes, and 12000 are") as error:
        publish(tmp_path, filled(400))
    needed = int(re.search(r"needs (\d+)", str(error.value)).group(1))  # type: ignore[union-attr]
    monkeypatch.undo()
    manifest = publish(tmp_path, filled(400))
    assert 0.5 < needed / sum(file.bytes for file in manifest.files.values()) < 2


def test_a_root_that_is_a_file_cannot_be_written(tmp_path: Path) -> None:
    """An unusable root raises ServiceUnavailable."""
    (tmp_path / "root").write_text("")
    with pytest.raises(ServiceUnavailable, match="no snapshot can be written"):
        publish(tmp_path / "root", filled())


def test_a_snapshot_replaced_while_it_is_opened(tmp_path: Path) -> None:
    """A reader whose snapshot is swept away under its hands opens the one that came after."""
    publish(tmp_path, filled(videos="a"))
    publish(tmp_path / "other", filled(videos="ab"))
    folder = tmp_path / NAME
    manifest = folder / "snapshot-1" / "manifest.json"
    manifest.unlink()
    os.mkfifo(manifest)
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(opened, tmp_path)
        with manifest.open("w") as swept:  # returns once the reader has it open
            shutil.copytree(tmp_path / "other" / NAME / "snapshot-2", folder / "snapshot-2")
            (folder / "current").write_text("snapshot-2\n")
            swept.write("gone")
        assert reader.result().manifest.version == 2


def test_reading_writes_nothing(tmp_path: Path) -> None:
    """Opening and verifying work on a volume that is mounted read-only."""
    publish(tmp_path, filled())
    paths = [tmp_path, *tmp_path.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in paths}
    opened(tmp_path)
    assert FolderStore(tmp_path).damage(NAME) == []
    assert FolderStore(tmp_path).manifest(NAME) is not None
    assert {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]} == before
    for path in paths:
        path.chmod(0o755)


@pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/b", ".hidden", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """No collection's name reaches outside the root."""
    with pytest.raises(ValueError, match="plain name"):
        FolderStore(tmp_path).open(name)


class TestBuild:
    """`build` reads the catalog itself, under the lock."""

    def test_records_the_history(self, tmp_path: Path) -> None:
        """What it publishes fits the catalog that it was made from."""
        catalog = filled()
        manifest = build(catalog, FolderStore(tmp_path), NAME)
        assert manifest.history == publishing.history(catalog, NAME, 2)
        assert publishing.mismatch(manifest, catalog, catalog.collection(NAME)) == ""
        assert opened(tmp_path).manifest == manifest

    def test_does_nothing_twice(self, tmp_path: Path) -> None:
        """A version that is published is not built again."""
        catalog = filled()
        first = build(catalog, FolderStore(tmp_path), NAME)
        assert build(catalog, FolderStore(tmp_path), NAME) == first
        assert names(tmp_path) == {".lock", "current", "snapshot-2"}

    def test_replaces_a_snapshot_newer_than_the_catalog(self, tmp_path: Path) -> None:
        """After an older database was restored, its own snapshot is published."""
        build(filled(videos="abc"), FolderStore(tmp_path), NAME)
        assert build(filled(videos="a"), FolderStore(tmp_path), NAME).version == 1
        assert opened(tmp_path).manifest.version == 1

    def test_replaces_a_snapshot_of_another_past(self, tmp_path: Path) -> None:
        """The same version reached by other changes is another content."""
        build(filled(videos="ab"), FolderStore(tmp_path), NAME)
        build(filled(videos="ac"), FolderStore(tmp_path), NAME)
        assert set(opened(tmp_path).table.videos) == {"a", "c"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, "", id="fits"),
        pytest.param({"key": "other"}, "of collection 'default'", id="collection"),
        pytest.param({"dim": 9}, "with 8 dimensions", id="dim"),
        pytest.param({"fingerprint": "x"}, "of another model, 'demo'", id="model"),
        pytest.param({"version": 1}, "newer than the catalog's 1", id="newer"),
    ],
)
def test_a_snapshot_of_something_else_is_told(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    """`mismatch` says what is different, or nothing."""
    catalog = filled()
    manifest = build(catalog, FolderStore(tmp_path), NAME)
    collection = replace(catalog.collection(NAME), **change)
    found = publishing.mismatch(manifest, catalog, collection)
    assert expected in found
    assert bool(expected) == bool(found)
