"""OpenID Connect: what the settings ask for, put together; without them, nothing."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.keyring import Keyring
from clipseek.config import PREFIX, Settings
from clipseek.errors import ConfigError
from clipseek.grants import Grant, grants_of

if TYPE_CHECKING:
    from api.issuer import Issuer
    from api.sign_on import SignOn
    from api.tokens import Tokens

AT_ONCE = 4
"""Logins that wait for the issuer at the same time; more are refused, so that they use no more
threads than that.
"""
NEEDED = ("oidc_client_id", "oidc_groups", "oidc_session_secret")
"""What must be set together with the issuer."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """An issuer, the tokens of people, and how they log in there."""

    issuer: "Issuer"
    tokens: "Tokens"
    sign_on: "SignOn"
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


def opened(settings: Settings, keyring: Keyring | None) -> Oidc | None:
    """Return the parts, or None if the settings name no issuer. Nothing is read yet.

    Raises:
        ConfigError: the settings do not fit together, or PyJWT is not installed.
    """
    grants = _grants(settings)
    if grants is None:
        return None
    assert keyring is not None
    try:
        from api.issuer import Issuer
        from api.sign_on import SignOn
        from api.tokens import Tokens
    except ImportError as error:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER needs the package {error.name}; `pip install clipseek[oidc]`, "
            f"or unset {PREFIX}OIDC_ISSUER"
        ) from error
    assert settings.oidc_issuer is not None
    assert settings.oidc_client_id is not None
    assert settings.oidc_session_secret is not None
    issuer = Issuer(settings.oidc_issuer)
    tokens = Tokens(
        issuer,
        grants,
        keyring.aliases,
        client_id=settings.oidc_client_id,
        groups_claim=settings.oidc_groups_claim,
        secret=settings.oidc_session_secret.get_secret_value().encode(),
    )
    secret = settings.oidc_client_secret
    sign_on = SignOn(
        issuer,
        tokens,
        client_secret=None if secret is None else secret.get_secret_value(),
        session_s=settings.oidc_session_s,
    )
    return Oidc(issuer, tokens, sign_on)


def _grants(settings: Settings) -> tuple[Grant, ...] | None:
    """Return what each group may do, if the settings belong together; None without an issuer."""
    issuer = f"{PREFIX}OIDC_ISSUER"
    if settings.oidc_issuer is None:
        alone = sorted(name for name in settings.model_fields_set if name.startswith("oidc_"))
        if alone:
            raise ConfigError(
                f"{_variables(alone)}: set, but {issuer} is not; set it too, or unset the others"
            )
        return None
    missing = [name for name in NEEDED if getattr(settings, name) is None]
    if missing:
        raise ConfigError(f"{_variables(missing)}: not set, but {issuer} is; set it too")
    if settings.access != "keys":
        raise ConfigError(
            f"{issuer}: people log in only if keys are needed, and {PREFIX}ACCESS is "
            f"{settings.access}; set {PREFIX}ACCESS=keys, or unset {issuer}"
        )
    assert settings.oidc_groups is not None
    try:
        return grants_of(settings.oidc_groups)
    except ValueError as error:
        raise ConfigError(f"{PREFIX}OIDC_GROUPS: {error}") from error


def _variables(names: list[str]) -> str:
    return ", ".join(f"{PREFIX}{name.upper()}" for name in names)
