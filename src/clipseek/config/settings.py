"""Every setting of clipseek: read once from options and `CLIPSEEK_` variables, then passed down."""

from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from clipseek.config.cameras import CameraSettings
from clipseek.config.center import CenterSettings
from clipseek.config.embedder import EmbedderSettings
from clipseek.config.excerpts import ExcerptSettings
from clipseek.config.http import HttpSettings
from clipseek.config.ingest import IngestSettings
from clipseek.config.jobs import JobSettings
from clipseek.config.live import LiveSettings
from clipseek.config.objects import ObjectSettings
from clipseek.config.oidc import OidcSettings
from clipseek.config.redaction import RedactionSettings
from clipseek.config.searches import SearchSettings
from clipseek.config.shards import ShardSettings
from clipseek.config.store import StoreSettings
from clipseek.config.uploads import UploadSettings
from clipseek.config.values import PREFIX, at_home
from clipseek.config.watches import WatchSettings
from clipseek.errors import ConfigError

_SECRETS = frozenset(
    {
        "cache_secret",
        "camera_key",
        "center_key",
        "database_url",
        "embedder_token",
        "index_token",
        "oidc_client_secret",
        "oidc_session_secret",
        "otlp_endpoint",
        "redis_url",
        "shard_secret",
    }
)
# A wrong URL is not repeated either: somebody may have put a password into it.
_NOT_REPEATED = _SECRETS | {"index_url", "shard_peers"}


def _secret(name: str, file: Path) -> str:
    """Return the secret in a file, without the line end that editors add.

    Raises:
        ConfigError: the file does not exist, cannot be read, or is empty.
    """
    said = f"{PREFIX}{name.upper()}_FILE: the file {file}"
    try:
        secret = file.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{said} is not UTF-8 text; it must contain only the value") from error
    except OSError as error:
        raise ConfigError(
            f"{said} cannot be read ({error.strerror}); mount the secret there"
        ) from error
    if not secret:
        raise ConfigError(f"{said} is empty; it must contain the value of {PREFIX}{name.upper()}")
    return secret


class Settings(
    ShardSettings,
    CenterSettings,
    EmbedderSettings,
    RedactionSettings,
    ExcerptSettings,
    LiveSettings,
    CameraSettings,
    WatchSettings,
    JobSettings,
    UploadSettings,
    OidcSettings,
    HttpSettings,
    SearchSettings,
    ObjectSettings,
    IngestSettings,
    StoreSettings,
    BaseSettings,
):
    """The settings, each with its default. An unknown or wrong one is a ConfigError.

    The groups are named from the last to the first, which is how pydantic orders their fields.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Read the secrets that are stored in files; pydantic passes ConfigError on unchanged."""
        read = {}
        for name in sorted(_SECRETS):
            file = given.get(f"{name}_file")
            if file is None:
                continue
            if given.get(name) is not None:
                setting = f"{PREFIX}{name.upper()}"
                raise ConfigError(f"{setting} and {setting}_FILE are both set; unset one of them")
            read[name] = _secret(name, at_home(Path(file)))
        return {**given, **read}

    @classmethod
    def load(cls, **options: Any) -> Self:
        """Read the settings; options that are not None override the environment.

        Raises:
            ConfigError: a value is wrong; the message names each setting and what it expects.
        """
        given = {name: value for name, value in options.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise ConfigError(_sentences(error)) from error

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """The names of the settings that may contain a secret, and of the files of secrets."""
        files = {f"{name}_file" for name in _SECRETS}
        return _SECRETS | (files & set(cls.model_fields))

    @property
    def catalog_url(self) -> str:
        """The SQLAlchemy URL of the catalog. It may contain a password: never log it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / 'catalog.db'}"

    @property
    def root(self) -> str:
        """The prefix of every path of the API: empty, or `root_path`."""
        return self.root_path or ""

    @property
    def snapshot_root(self) -> Path:
        """Folder of the FAISS snapshots."""
        return self.data_dir / "snapshots"

    @property
    def store_root(self) -> Path:
        """Folder of the snapshots that were fetched from a bucket."""
        return self.store_dir or self.data_dir / "fetched"

    @property
    def kept_root(self) -> Path:
        """Folder of the videos that were fetched to be indexed."""
        return self.data_dir / "kept"

    @property
    def thumbnail_root(self) -> Path:
        """Folder of the thumbnails."""
        return self.data_dir / "thumbnails"

    @property
    def recording_root(self) -> Path:
        """Folder of the recordings of cameras, whose uris are absolute."""
        return (self.data_dir / "recordings").absolute()

    @property
    def excerpt_root(self) -> Path:
        """Folder of the excerpts and previews."""
        return self.excerpt_dir or self.data_dir / "excerpts"

    @property
    def upload_root(self) -> Path:
        """Folder of the uploads and of the videos that came by them, whose uris are absolute."""
        return (self.upload_dir or self.data_dir / "uploads").absolute()


def _sentences(error: ValidationError) -> str:
    """Say what is wrong with each setting, without repeating a secret."""
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        got = "" if name in _NOT_REPEATED else f", got {problem['input']!r}"
        message = problem["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        lines.append(f"{PREFIX}{name.upper()}: {message}{got if 'got' not in message else ''}")
    return "; ".join(lines)
