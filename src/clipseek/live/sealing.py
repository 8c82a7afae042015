"""Encrypts the URLs of cameras, which contain passwords, by a key that is not in the database."""

import re
from importlib import import_module
from types import ModuleType
from typing import Self

from clipseek.config import PREFIX, Settings
from clipseek.errors import ConfigError

KEY = f"{PREFIX}CAMERA_KEY"
NO_KEY = (
    f"the URLs of cameras are stored encrypted, and {KEY} is not set; `indexer cameras key` prints "
    f"a new key: store it as a secret, and set {KEY} or {KEY}_FILE wherever cameras are added or "
    "recorded"
)
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


class Seal:
    """Encrypts by the first key, and decrypts by all: keys rotate, oldest last.

    A sealed URL is a token of Fernet (AES-128-CBC and HMAC-SHA256). The name of its camera and its
    epoch are sealed with it, so that nobody who can write to the database can read the password of
    a camera by storing it as the URL of another one.
    """

    def __init__(self, keys: str) -> None:
        """Take keys as `new_key` makes them, separated by commas or white space.

        Raises:
            ConfigError: one of them is not such a key, or the package is not installed.
        """
        fernet = _fernet()
        found = [key for key in re.split(r"[,\s]+", keys) if key]
        if not found or not all(_KEY.fullmatch(key) for key in found):
            raise ConfigError(
                f"{KEY} must be keys of 44 characters as `indexer cameras key` prints them, "
                "separated by commas; the value is not repeated because it is a secret"
            )
        try:
            self._keys = fernet.MultiFernet([fernet.Fernet(key) for key in found])
        except ValueError:
            raise ConfigError(
                f"one of the keys of {KEY} is not a key; `indexer cameras key` prints one"
            ) from None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the seal of the settings; raise ConfigError with what makes a key."""
        if settings.camera_key is None:
            raise ConfigError(NO_KEY)
        return cls(settings.camera_key.get_secret_value())

    def seal(self, url: str, *, epoch: str) -> bytes:
        """Encrypt the URL of the camera that has an epoch."""
        sealed: bytes = self._keys.encrypt(f"{epoch} {url}".encode())
        return sealed

    def unseal(self, sealed: bytes, *, camera: str, epoch: str) -> str:
        """Decrypt the URL of a camera.

        Raises:
            ConfigError: no key fits, or the URL is that of another camera.
        """
        try:
            opened: bytes = self._keys.decrypt(sealed)
        except _fernet().InvalidToken:
            raise _other_key(camera) from None
        found, _, url = opened.decode().partition(" ")
        if found != epoch:
            raise _other_key(camera)
        return url


def new_key() -> str:
    """Return a new random key: 256 bits as URL-safe base64."""
    key: bytes = _fernet().Fernet.generate_key()
    return key.decode()


def _fernet() -> ModuleType:
    """Return the module that encrypts; raise ConfigError if it is not installed."""
    try:
        return import_module("cryptography.fernet")
    except ImportError as error:
        raise ConfigError(
            "cameras need the package cryptography; install it: pip install 'clipseek[live]'"
        ) from error


def _other_key(camera: str) -> ConfigError:
    return ConfigError(
        f"the URL of camera {camera!r} was encrypted by another key than those of {KEY}; add the "
        "former key behind the new one, separated by a comma, or set the URL again with "
        f"`indexer cameras change {camera} --url -`"
    )
