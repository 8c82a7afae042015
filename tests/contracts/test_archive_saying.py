"""What people have said of a collection goes with its archive, and so does what is blurred."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clipseek.archive import Export, Import, Manifest
from clipseek.curating import Sample, tag_id
from clipseek.decisions import Decision
from clipseek.errors import ConfigError
from clipseek.rules import Rule
from clipseek.testing import MemoryCatalog, MemoryCurating
from clipseek.thumbnails import Thumbnails
from tests.contracts.catalogs import DIM, a_video


class Machine:
    """A catalog in memory, what people have said, and what is blurred in each collection."""

    def __init__(self, folder: Path) -> None:
        self.catalog = MemoryCatalog()
        self.store = MemoryCurating(self.catalog)
        self.blurred: dict[str, tuple[str, ...]] = {}
        self.seen: list[int] = []
        self._folder = folder
        self._thumbnails = Thumbnails(folder / "thumbnails")

    def exported(self, to: Path) -> Manifest:
        """Export the collection `old`."""
        export = Export(
            self.catalog,
            self._thumbnails,
            to,
            said=self.store.said,
            redacts=lambda name: self.blurred.get(name, ()),
        )
        return export.run("old")

    def imported(self, archive: Path) -> None:
        """Import an archive as the collection `new`."""

        def redact(name: str, kinds: Any) -> None:
            self.seen.append(len(self.catalog.videos(name)))
            self.blurred[name] = kinds

        mark = self._folder / "mark.json"
        say = self.store.say
        Import(self.catalog, self._thumbnails, archive, mark=mark, say=say, redact=redact).run(
            "new"
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with a video in `old`, a rule, a list of samples and a decision."""
    made = Machine(tmp_path)
    made.catalog.ensure_collection("old", "toy", DIM, "f1")
    a_video("a").put_into(made.catalog, "old")
    its_id = tag_id("a", "sea", 0.0, 2.0)
    made.store.put_rules("old", [Rule("sea", ("the sea", "\u6d77"))], "ann")
    made.store.put_samples("old", "mine", [Sample(its_id, "a", 0.0, 2.0, "sea", 0.7)])
    made.store.decide("old", Decision(its_id, "a", 0.0, 2.0, "sea", "accept", "ann"))
    return made


def test_what_people_have_said_comes_back(machine: Machine, tmp_path: Path) -> None:
    """Rules, lists of samples and decisions, and the tags that are decided on."""
    machine.exported(tmp_path / "archive")
    machine.imported(tmp_path / "archive")
    assert machine.store.said("new") == machine.store.said("old")
    assert [tag.state for tag in machine.store.tags("new")] == ["accepted"]


def test_what_is_blurred_is_blurred_before_there_are_videos(
    machine: Machine, tmp_path: Path
) -> None:
    """Nobody sees a picture as it is meanwhile."""
    machine.blurred["old"] = ("faces",)
    machine.exported(tmp_path / "archive")
    machine.imported(tmp_path / "archive")
    assert (machine.blurred["new"], machine.seen) == (("faces",), [0])


def test_a_complete_export_follows_what_is_said_afterwards(
    machine: Machine, tmp_path: Path
) -> None:
    """Without a new version of the collection, its parts stay, and the rest is written again."""
    first = machine.exported(tmp_path / "archive")
    machine.store.put_rules("old", [Rule("hill", ("a hill",))], "ann")
    machine.blurred["old"] = ("faces",)
    again = machine.exported(tmp_path / "archive")
    assert (again.parts, again.version) == (first.parts, first.version)
    machine.imported(tmp_path / "archive")
    assert [rule.name for rule in machine.store.rules("new")] == ["hill", "sea"]
    assert machine.blurred["new"] == ("faces",)


def test_an_archive_without_them_is_as_it_was(tmp_path: Path) -> None:
    """Programs that do not know them read it, and what older ones have written is read."""
    machine = Machine(tmp_path)
    machine.catalog.ensure_collection("old", "toy", DIM, "f1")
    a_video("a").put_into(machine.catalog, "old")
    machine.exported(tmp_path / "archive")
    names = {path.name for path in (tmp_path / "archive").iterdir()}
    assert names == {"manifest.json", "part-00000.zip"}
    assert (
        not {"redact", "curation"}
        & json.loads((tmp_path / "archive" / "manifest.json").read_text()).keys()
    )
    machine.imported(tmp_path / "archive")
    assert not machine.store.said("new")


def _unlike(said: dict[str, Any]) -> None:
    said["decisions"][0]["verdict"] = "perhaps"


def _infinite(said: dict[str, Any]) -> None:
    said["samples"]["mine"][0]["relevance"] = float("inf")


def _nul(said: dict[str, Any]) -> None:
    said["samples"] = {"a\0b": said["samples"]["mine"]}


def _backwards(said: dict[str, Any]) -> None:
    said["decisions"][0]["start"] = 7.0


def _without_prompts(said: dict[str, Any]) -> None:
    said["rules"][0]["rule"]["prompts"] = []


@pytest.mark.parametrize(
    "spoil",
    [_unlike, _infinite, _nul, _backwards, _without_prompts],
    ids=lambda each: each.__name__,
)
def test_a_damaged_file_is_refused_before_anything_is_stored(
    spoil: Callable[[dict[str, Any]], None], machine: Machine, tmp_path: Path
) -> None:
    """Even if the manifest says that it is right."""
    archive = tmp_path / "archive"
    machine.exported(archive)
    said = json.loads((archive / "curation.json").read_text())
    spoil(said)
    text = json.dumps(said).encode()
    (archive / "curation.json").write_bytes(text)
    with pytest.raises(ConfigError, match=r"another length or SHA-256 than the manifest says"):
        machine.imported(archive)
    manifest = json.loads((archive / "manifest.json").read_text())
    manifest["curation"] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    (archive / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match=r"curation\.json is damaged"):
        machine.imported(archive)
    assert [each.name for each in machine.catalog.collections()] == ["old"]


def test_an_archive_is_not_stored_without_them(machine: Machine, tmp_path: Path) -> None:
    """A program that cannot blur pictures, or store decisions, refuses it."""
    machine.exported(tmp_path / "archive")
    import_ = Import(
        machine.catalog, Thumbnails(tmp_path), tmp_path / "archive", mark=tmp_path / "mark.json"
    )
    with pytest.raises(ConfigError, match="more than videos"):
        import_.run("new")
