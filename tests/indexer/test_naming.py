"""Names of files: one path for each, and how a name is printed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.errors import ConfigError
from clipseek.files import as_text
from indexer.naming import resolved, shown


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to stand in; its parent is `tmp_path`, and its own name is `here`."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return here


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("../x.mp4", "x.mp4", id="parent"),
        pytest.param("./a/../../x.mp4", "x.mp4", id="there and back"),
        pytest.param("x.mp4", "here/x.mp4", id="relative"),
        pytest.param("a//b/./x.mp4", "here/a/b/x.mp4", id="double slash"),
        pytest.param("~/x.mp4", "home/x.mp4", id="home"),
        pytest.param("~nobody-at-all/x.mp4", "here/~nobody-at-all/x.mp4", id="no such user"),
    ],
)
def test_a_file_has_one_path_whether_it_exists_or_not(
    folder: Path, name: str, expected: str
) -> None:
    """What is removed may be gone already."""
    assert resolved(name) == folder.parent / expected


def test_the_parent_of_a_link_is_that_of_its_folder(folder: Path) -> None:
    """As the system reads it; a link at the end keeps its own name."""
    far = folder.parent / "far" / "sub"
    far.mkdir(parents=True)
    (folder / "link").symlink_to(far)
    assert resolved("link/../x.mp4") == far.parent / "x.mp4"
    assert resolved("link/x.mp4") == folder / "link" / "x.mp4"


def test_a_file_url_is_a_path(folder: Path) -> None:
    """As file managers copy it; another machine's is refused."""
    assert resolved(f"file://{folder}/a%20b%C3%A9.mp4") == folder / "a bé.mp4"
    with pytest.raises(ConfigError, match="another machine"):
        resolved("file://nas/a.mp4")


def test_a_name_is_a_name_first(folder: Path) -> None:
    """A file called `~` or `file:x` is found by it."""
    (folder / "~").touch()
    (folder / "file:x").touch()
    assert resolved("~") == folder / "~"
    assert resolved("file:x") == folder / "file:x"


def test_a_name_with_a_nul_is_refused() -> None:
    """Python's own error would be a traceback."""
    with pytest.raises(ConfigError, match="NUL"):
        resolved("a\0b.mp4")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("a\nb.mp4", r"a\nb.mp4", id="line end"),
        pytest.param("a\rb\tc", r"a\rb\tc", id="return and tab"),
        pytest.param("\x1b[31mred", r"\x1b[31mred", id="escape"),
        pytest.param("a\x9bb", r"a\x9bb", id="C1 control"),
        pytest.param("caf\udce9.mp4", r"caf\xe9.mp4", id="byte"),
        pytest.param("a\u2028b", r"a\u2028b", id="line separator"),
        pytest.param("a\u202egpj.4pm", r"a\u202egpj.4pm", id="right to left"),
        pytest.param("фильм 映画 👩\u200d🚀.mp4", "фильм 映画 👩\u200d🚀.mp4", id="letters"),
        pytest.param("no\u00a0break", "no\u00a0break", id="space"),
    ],
)
def test_a_name_is_printed_on_one_line(line: str, expected: str) -> None:
    """Whatever it holds; letters of all scripts stay."""
    assert shown(line) == expected


def test_a_path_that_is_no_text_can_be_told_apart() -> None:
    """Two bytes that are not UTF-8 are two names."""
    assert as_text("caf\udce9") == r"caf\xe9" != as_text("caf\udce8")


def test_a_folder_that_is_gone_is_told(folder: Path) -> None:
    """A terminal may stand in a deleted folder; whole paths still work."""
    folder.rmdir()
    with pytest.raises(ConfigError, match="current folder is gone"):
        resolved("x.mp4")
    assert resolved("/a/../x.mp4") == Path("/x.mp4")


@given(st.text())
def test_any_name_is_one_line_that_stays_as_it_is(name: str) -> None:
    """Escaping an escaped name changes nothing, and no terminal is told to do anything."""
    line = shown(name)
    assert len(line.splitlines()) <= 1
    assert not set(line) & {"\x1b", "\x9b", "\x07", "\u202e"}
    line.encode()
    assert shown(line) == line
