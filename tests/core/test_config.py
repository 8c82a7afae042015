"""Settings: where they come from, and what a wrong one says."""

from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.errors import ConfigError


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And None means that the option was not given."""
    monkeypatch.setenv("CLIPSEEK_WORKERS", "3")
    assert Settings.load().workers == 3
    assert Settings.load(workers=4).workers == 4
    assert Settings.load(workers=None).workers == 3


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("sample_fps", -1.0, "greater than 0, got -1.0", id="fps"),
        pytest.param("collection", "Über", "a-z", id="collection"),
        pytest.param("collection", "../up", "'../up'", id="traversal"),
        pytest.param("decoder", "vlc", "'pyav' or 'decord'", id="decoder"),
        pytest.param("api_port", 99999, "65535", id="port"),
    ],
)
def test_a_wrong_value_names_setting_value_and_expectation(
    name: str, value: object, expected: str
) -> None:
    """One sentence per wrong setting."""
    with pytest.raises(ConfigError, match=rf"CLIPSEEK_{name.upper()}: .*") as caught:
        Settings.load(**{name: value})
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_database_url_is_a_secret() -> None:
    """Its password shows in no representation."""
    settings = Settings.load(database_url="postgresql://me:hush@db/x")
    assert "hush" not in repr(settings)
    assert settings.catalog_url == "postgresql://me:hush@db/x"


def test_the_catalog_lies_in_the_data_folder_by_default(tmp_path: Path) -> None:
    """One folder holds everything."""
    assert Settings.load(data_dir=tmp_path).catalog_url == f"sqlite:///{tmp_path / 'catalog.db'}"


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """The end of the line is no part of it, and it shows in no representation."""
    (tmp_path / "url").write_text("postgresql://me:hush@db/x\n")
    settings = Settings.load(database_url_file=tmp_path / "url")
    assert settings.catalog_url == "postgresql://me:hush@db/x"
    assert "hush" not in repr(settings)


def test_a_variable_names_the_file_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As compose and Kubernetes mount them."""
    (tmp_path / "url").write_text("redis://:hush@cache/0")
    monkeypatch.setenv("CLIPSEEK_REDIS_URL_FILE", str(tmp_path / "url"))
    url = Settings.load().redis_url
    assert url is not None
    assert url.get_secret_value() == "redis://:hush@cache/0"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "cannot be read (No such file or directory)", id="missing"),
        pytest.param(b" \n", "is empty", id="empty"),
        pytest.param(b"\xff\xfehush", "is no UTF-8 text", id="binary"),
    ],
)
def test_a_secret_that_cannot_be_had_is_one_sentence(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """It names the setting and the file, and never what the file holds."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^CLIPSEEK_DATABASE_URL_FILE: ") as caught:
        Settings.load(database_url_file=file)
    assert f"the file {file} {expected}" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_from_two_places_is_refused(tmp_path: Path) -> None:
    """Which one is meant cannot be known."""
    (tmp_path / "url").write_text("postgresql://me:hush@db/x")
    with pytest.raises(ConfigError, match=r"DATABASE_URL and .*_FILE are both set"):
        Settings.load(database_url="sqlite:///a", database_url_file=tmp_path / "url")
