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
