"""decord has no wheels for arm64, so clipseek works without it."""

import sys
from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.video.opening import video_opener


@pytest.fixture(autouse=True)
def no_decord(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that has no decord, as on arm64."""
    monkeypatch.delitem(sys.modules, "clipseek.video.decord", raising=False)
    monkeypatch.setitem(sys.modules, "decord", None)


def test_the_default_reader_needs_no_decord(tmp_path: Path) -> None:
    """PyAV alone reads videos."""
    video_opener(Settings.load(data_dir=tmp_path)).close()


def test_asking_for_decord_says_that_it_is_missing(tmp_path: Path) -> None:
    """With the setting, and what to do."""
    with pytest.raises(
        ConfigError, match=r"CLIPSEEK_DECODER=decord .* decord; install it .* x86-64"
    ):
        video_opener(Settings.load(data_dir=tmp_path, decoder="decord"))
