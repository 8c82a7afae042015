"""Short ids of videos: how many digits are printed, and which video a beginning names."""

import os
import sys

import pytest

from clipseek.errors import VideoNotFound
from clipseek.testing import MemoryCatalog
from indexer.output import Column, ending, table
from indexer.videos import AmbiguousVideo, named, short_length, videos_called
from tests.contracts.catalogs import DIM, a_video

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def catalog() -> MemoryCatalog:
    """Return a catalog of videos of which two have ids that begin alike."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", DIM, "one")
    for video_id in ("1f0c11", "1f0c22", "1f0d33", "beef00"):
        a_video(video_id).put_into(catalog)
    return catalog


@pytest.mark.parametrize(
    ("ids", "digits"),
    [
        pytest.param([], 8, id="none"),
        pytest.param(["0123456789ab"], 8, id="one"),
        pytest.param(["a" * 32, "b" * 32], 8, id="different"),
        pytest.param(["0123456789ab", "ffff", "01234567f9ab"], 9, id="alike in eight"),
        pytest.param(["0123456789ab", "0123456789ac"], 12, id="alike but for the last"),
    ],
)
def test_as_many_digits_as_distinguish_all(ids: list[str], digits: int) -> None:
    """Eight, or one more than any two have in common."""
    assert short_length(ids) == digits
    assert len({each[:digits] for each in ids}) == len(ids)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("1f0c22", "1f0c22", id="whole"),
        pytest.param("1f0d", "1f0d33", id="four digits"),
        pytest.param("1f0c2", "1f0c22", id="more"),
        pytest.param("/videos/beef00.mp4", "beef00", id="path"),
    ],
)
def test_a_beginning_names_its_only_video(catalog: MemoryCatalog, name: str, found: str) -> None:
    """Of several that follow in order, only the one that begins so."""
    assert named(catalog, "default", name).id == found


def test_a_beginning_of_several_is_refused(catalog: MemoryCatalog) -> None:
    """The sentence names two of them, and says what to do."""
    with pytest.raises(AmbiguousVideo) as refused:
        named(catalog, "default", "1f0c")
    assert str(refused.value) == (
        "several videos in collection 'default' have an id that begins with '1f0c', "
        "such as 1f0c11 and 1f0c22; type more of its digits"
    )


@pytest.mark.parametrize("name", ["bee", "", "1f0e", "BEEF", "beef000"])
def test_other_words_name_nothing(catalog: MemoryCatalog, name: str) -> None:
    """Fewer than four digits would make it too easy to remove the wrong video."""
    with pytest.raises(VideoNotFound, match="no video"):
        named(catalog, "default", name)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        pytest.param("/films/sea.mp4", 14, "/films/sea.mp4", id="it fits"),
        pytest.param("/films/sea.mp4", 8, "…sea.mp4", id="too long"),
        pytest.param("/海海.mp4", 7, "…海.mp4", id="wide letters"),
        pytest.param("/海海.mp4", 6, "….mp4", id="half of a wide letter"),
    ],
)
def test_the_end_of_a_long_path_is_shown(text: str, width: int, shown: str) -> None:
    """Because the name is there."""
    assert ending(text, width) == shown


@pytest.mark.parametrize(
    ("is_terminal", "row"),
    [
        pytest.param(True, "1f0c1122  …videos/holidays/sea.mp4", id="terminal"),
        pytest.param(False, "1f0c1122  /srv/videos/holidays/sea.mp4", id="pipe"),
    ],
)
def test_only_a_terminal_limits_the_width(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, *, is_terminal: bool, row: str
) -> None:
    """A program that reads the table gets whole paths."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((34, 24)))
    columns = [Column("id"), Column("uri", shrinks=True)]
    table(columns, [["1f0c1122", "/srv/videos/holidays/sea.mp4"]])
    assert capsys.readouterr().out.splitlines()[1] == row


def test_a_file_name_may_be_that_of_several_videos(catalog: MemoryCatalog) -> None:
    """All of them are found, or none."""
    found = videos_called(catalog, "default", "beef00.mp4")
    assert [video.id for video in found] == ["beef00"]
    assert videos_called(catalog, "default", "beef") == []
