"""Signing: the secrets of webhooks, encrypted by the key of the cameras where there is one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.live.sealing import KEY, Seal
from clipseek.watches import Watch

SEALED = "sealed:"
"""The start of a secret that is encrypted; others begin with whsec_."""


class Secrets:
    """Encrypts secrets before they are stored, and decrypts them when something is signed.

    The id of its watch is sealed with a secret, so that nobody who can write to the database can
    have alerts of another watch signed by it. Without a key, secrets are stored as they are.
    """

    def __init__(self, seal: Seal | None) -> None:
        self._seal = seal

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings ask for; raise ConfigError if their key is not a key."""
        return cls(None if settings.camera_key is None else Seal.of(settings))

    def kept(self, watch: Watch) -> Watch:
        """Return a watch as it is stored."""
        if self._seal is None or not watch.secret or watch.secret.startswith(SEALED):
            return watch
        sealed = self._seal.seal(watch.secret, epoch=watch.id).decode()
        return replace(watch, secret=f"{SEALED}{sealed}")

    def told(self, secret: str, watch: str) -> str:
        """Return the secret of a watch, by the id of the watch, as its receiver knows it.

        Raises:
            ConfigError: it is encrypted, and no key here decrypts it.
        """
        if not secret.startswith(SEALED):
            return secret
        try:
            if self._seal is not None:
                sealed = secret.removeprefix(SEALED).encode()
                return self._seal.unseal(sealed, camera="", epoch=watch)
        except ConfigError:  # which speaks of a camera
            pass
        raise ConfigError(
            f"the secret of the webhook was encrypted by a key that is not in {KEY}; add that key, "
            "or give the watch a new secret"
        )

    def again(self, watches: Sequence[Watch]) -> list[Watch]:
        """Return the watches with secrets, encrypted by the first key; raise as `told` does."""
        found = [watch for watch in watches if watch.secret]
        plain = [replace(each, secret=self.told(each.secret, each.id)) for each in found]
        return [self.kept(each) for each in plain]
