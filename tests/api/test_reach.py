"""An API that other machines can reach needs a word about who may ask."""

import pytest

from api.__main__ import main
from api.app import create_app
from api.reach import is_loopback, require_access
from clipseek.config import Settings
from clipseek.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_address_needs_no_word(host: str) -> None:
    """Only programs of this machine can reach it."""
    assert is_loopback(host)
    require_access(Settings.load(api_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "videos.example", "127.1"])  # noqa: S104
def test_another_address_needs_a_word(host: str) -> None:
    """The sentence says what the two words are."""
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match=r"CLIPSEEK_ACCESS=keys .* CLIPSEEK_ACCESS=everyone"):
        require_access(Settings.load(api_host=host))
    for access in ("keys", "everyone"):
        require_access(Settings.load(api_host=host, access=access))


def test_the_command_does_not_start_without_a_word(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends before it listens, with the exit code of a wrong configuration."""
    assert main(["--data-dir", str(tmp_path), "--host", "0.0.0.0", "--port", "0"]) == 2  # noqa: S104
    assert "CLIPSEEK_ACCESS" in capsys.readouterr().err


def test_neither_does_the_factory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which other servers than ours use."""
    monkeypatch.setenv("CLIPSEEK_API_HOST", "0.0.0.0")  # noqa: S104
    with pytest.raises(SystemExit) as ended:
        create_app()
    assert ended.value.code == 2
    assert "CLIPSEEK_ACCESS" in capsys.readouterr().err
