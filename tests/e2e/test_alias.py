"""Commands take an alias wherever they take the name of a collection."""

from contextlib import closing
from pathlib import Path

import pytest

from clipseek.catalog import SqlCatalog
from tests.e2e.conftest import Library

ALIAS = ("--collection", "shown")


@pytest.fixture
def aliased(library: Library) -> Library:
    """A library with an alias of its collection."""
    with closing(SqlCatalog.open(f"sqlite:///{library.data_dir / 'catalog.db'}")) as catalog:
        catalog.set_alias("shown", "default")
    return library


def files(folder: Path) -> set[str]:
    """Return the files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_search_by_an_alias_is_of_the_collection(
    aliased: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """It finds the same, with the same snapshot."""
    found = []
    for named in ((), ALIAS):
        capsys.readouterr()
        assert aliased.run("search", "a red car", "--json", *named) == 0
        found.append(capsys.readouterr())
    assert found[0] == found[1]
    assert found[0].out


def test_an_ingest_by_an_alias_goes_to_the_collection(aliased: Library) -> None:
    """Its pictures and snapshots are kept by the collection's own name, and none is swept."""
    before = files(aliased.data_dir / "thumbnails")
    video = sorted(aliased.videos.glob("*.mp4"))[0]
    assert aliased.run("ingest", str(video), "--force", "--quiet", *ALIAS) == 0
    assert aliased.run("build", "--quiet", *ALIAS) == 0
    assert files(aliased.data_dir / "thumbnails") == before
    assert {path.name for path in (aliased.data_dir / "snapshots").iterdir()} == {"default"}
    assert aliased.run("verify") == 0
