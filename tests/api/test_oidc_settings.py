"""Settings of OpenID Connect: what does not fit together is one sentence, at the start."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.keyring import Keyring
from api.oidc import opened
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.testing import MemoryKeys

SECRET = "a secret of 32 characters or more"
WHOLE: dict[str, Any] = {
    "access": "keys",
    "oidc_issuer": "https://login.example",
    "oidc_client_id": "clipseek",
    "oidc_groups": "viewers: search on *",
    "oidc_session_secret": SECRET,
}


def opening(**settings: Any) -> object:
    """Open what settings ask for."""
    keyring = Keyring(MemoryKeys(), dict, refresh_s=1.0, stale_s=0.0)
    return opened(Settings.load(**settings), keyring)


def test_nothing_is_opened_without_an_issuer() -> None:
    """And with one, nothing is read yet."""
    assert opening(access="keys") is None
    assert opening(**WHOLE) is not None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(
            {"oidc_issuer": None},
            "CLIPSEEK_OIDC_CLIENT_ID, CLIPSEEK_OIDC_GROUPS, CLIPSEEK_OIDC_SESSION_SECRET: set, "
            "but CLIPSEEK_OIDC_ISSUER is not; set it too",
            id="no issuer",
        ),
        pytest.param({"oidc_client_id": None}, "CLIPSEEK_OIDC_CLIENT_ID: not set", id="client"),
        pytest.param({"oidc_groups": None}, "CLIPSEEK_OIDC_GROUPS: not set, but", id="groups"),
        pytest.param({"oidc_session_secret": None}, "SESSION_SECRET: not set, but", id="secret"),
        pytest.param({"access": "local"}, "CLIPSEEK_ACCESS is local; set CLIPSEEK_A", id="access"),
        pytest.param({"access": "everyone"}, "CLIPSEEK_ACCESS is everyone; set", id="everyone"),
        pytest.param(
            {"oidc_groups": "viewers: read on *"},
            "CLIPSEEK_OIDC_GROUPS: a scope is one of search, write, admin, annotator, reviewer, "
            "got 'read'",
            id="scope",
        ),
        pytest.param({"oidc_session_s": 5}, "CLIPSEEK_OIDC_SESSION_S: .*60, got 5", id="seconds"),
        pytest.param(
            {"oidc_session_secret": "short-and-secret"},
            "CLIPSEEK_OIDC_SESSION_SECRET: .*at least 32",
            id="short secret",
        ),
        pytest.param({"oidc_client_secret": "x"}, "", id="whole"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(changed: dict[str, Any], said: str) -> None:
    """The sentence names the settings, and no secret."""
    settings = {name: each for name, each in {**WHOLE, **changed}.items() if each is not None}
    if not said:
        assert opening(**settings) is not None
        return
    with pytest.raises(ConfigError, match=said) as refused:
        opening(**settings)
    assert "short-and-secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example",
        "login.example",
        "https://",
        "https://ann:pw@login.example",
        "https://login.example?a=b",
        "https://login.example#a",
        "https://login.example:port",
        "https://login.example/a b",
        "ftp://login.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_an_issuer_is_reached_by_tls_or_on_this_machine(url: str) -> None:
    """Anyone who could change its answers could let everybody in."""
    with pytest.raises(ConfigError, match=r"CLIPSEEK_OIDC_ISSUER: an issuer is https://HOST"):
        Settings.load(oidc_issuer=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example/realms/a",
        "https://[2001:db8::1]:8443/",
        "http://localhost:8080",
        "http://127.0.0.1:1",
        "http://[::1]:1",
    ],
)
def test_an_issuer_is_taken_as_it_is(url: str) -> None:
    """With its slash at the end or without: tokens name exactly that."""
    assert Settings.load(oidc_issuer=url).oidc_issuer == url


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    """As all secrets."""
    for name in ("client_secret", "session_secret"):
        (tmp_path / name).write_text(f"{name} {SECRET}\n")
    settings = Settings.load(
        oidc_client_secret_file=tmp_path / "client_secret",
        oidc_session_secret_file=tmp_path / "session_secret",
    )
    assert settings.oidc_client_secret is not None
    assert settings.oidc_client_secret.get_secret_value() == f"client_secret {SECRET}"
    assert SECRET not in repr(settings) + str(settings.oidc_session_secret)


def test_without_the_extra_the_sentence_names_it() -> None:
    """And the API itself imports without it."""
    code = (
        "import sys; sys.modules['jwt'] = None\n"
        "import api.app\n"
        "from tests.api.test_oidc_settings import WHOLE, opening\n"
        "opening(**WHOLE)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("clipseek.errors.ConfigError: CLIPSEEK_OIDC_ISSUER needs the package")
    assert "`pip install clipseek[oidc]`" in last
