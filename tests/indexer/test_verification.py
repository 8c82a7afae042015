"""What `verify` says of stored texts."""

from pathlib import Path

from clipseek.publishing import FolderStore
from clipseek.testing import MemoryCatalog
from clipseek.thumbnails import Thumbnails
from clipseek.timed import Cue, TimedText
from indexer.originals import Checked
from indexer.verification import problems
from tests.contracts.catalogs import DIM, a_video


def test_texts_past_the_end_of_a_video_are_named(tmp_path: Path) -> None:
    """An ingest cuts them, so they come from elsewhere."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", DIM, "f1")
    a_video("a").put_into(catalog)

    def said() -> list[str]:
        stores = Thumbnails(tmp_path / "thumbnails"), FolderStore(tmp_path / "snapshots")
        return [each for each in problems(catalog, *stores, Checked()) if "texts" in each]

    catalog.put_text("default", "a", TimedText("subtitle", "1", (Cue(0, 6, "in time"),)))
    assert said() == []
    late = (Cue(0, 6, "in time"), Cue(5, 7, "late"))
    catalog.put_text("default", "a", TimedText("subtitle", "2", late))
    assert said() == ["default: video a has 1 of 2 texts of field subtitle past its end"]
