"""Every setting of clipseek: read once from options and `CLIPSEEK_` variables, then passed down."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from clipseek.errors import ConfigError

PREFIX = "CLIPSEEK_"

SKIPPED = ("hidden", "system", "unfinished", "doubles")
"""Kinds of folder entries that an ingest leaves out."""

_SECRETS = frozenset({"cache_secret", "database_url", "otlp_endpoint", "redis_url"})
_ORIGIN = re.compile(r"https?://[a-z0-9.\[\]:-]+")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+")
_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def collection_name(name: str) -> str:
    """Return the name if it is valid; it becomes a folder name and a label, so it is plain.

    Raises:
        ValueError: the name has other characters or more than 64 of them.
    """
    if not _COLLECTION.fullmatch(name):
        raise ValueError(
            f"the name of a collection has 1 to 64 of a-z, 0-9, '_' and '-', "
            f"and starts with a letter or digit, got {name!r}"
        )
    return name


def _origins(listed: object) -> object:
    """Split text at commas; each part is an origin as browsers send it (RFC 6454, 6.2)."""
    if not isinstance(listed, str):
        return listed
    origins = tuple(part.strip() for part in listed.split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"an origin is scheme and host, such as https://a.example; "
                f"separate several by commas, got {origin!r}"
            )
    return origins


def _at_home(path: Path) -> Path:
    """Return a path with its `~` expanded, which a shell does not do in `NAME=~/x` or a file."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a path must be UTF-8 text, got {str(path)!r}") from error
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"no user has the home folder {path.parts[0]}, got {path}") from error


def _not_empty(path: object) -> object:
    """Refuse an empty text: an unset variable leaves one, and Path would read it as `.`."""
    if path == "":
        raise ValueError("a path must not be empty, got ''")
    return path


def _default_folder() -> Path:
    try:
        return Path.home() / ".clipseek"
    except RuntimeError as error:
        raise ConfigError(
            f"this user has no home folder; set {PREFIX}DATA_DIR or --data-dir to a folder"
        ) from error


def _model_at_home(name: str) -> str:
    """Expand the `~` of a bundle's folder; other names are of models."""
    return str(_at_home(Path(name))) if name.startswith("~") else name


def _skipped(listed: object) -> object:
    """Split text at commas; each part is a kind or a pattern of names. Empty text gives none.

    A word that is almost the name of a kind is refused, because it would silently match nothing.
    """
    if not isinstance(listed, str):
        return listed
    words = tuple(part.strip() for part in listed.split(",") if part.strip())
    for word in words:
        meant = get_close_matches(word, SKIPPED, n=1, cutoff=0.75)
        if meant and word not in SKIPPED:
            kinds = ", ".join(SKIPPED)
            raise ValueError(
                f"{word!r} is not a kind, did you mean {meant[0]!r}? The kinds are {kinds}"
            )
    return words


AtHome = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_at_home)]
"""A path that a user gives; `~` is the home folder."""


def _hosts(listed: object) -> object:
    """Split text at commas; each part is a name without scheme and port, or `*`."""
    if not isinstance(listed, str):
        return listed
    hosts = tuple(part.strip().lower().removesuffix(".") for part in listed.split(","))
    for host in filter(None, hosts):
        if host != "*" and not _HOST.fullmatch(host):
            raise ValueError(
                "a host is a name without scheme and port; "
                f"separate several by commas, got {host!r}"
            )
    return tuple(filter(None, hosts))


def _root_path(path: object) -> object:
    """Return the path below which the API is served, without a slash at its end."""
    if not isinstance(path, str):
        return path
    plain = path.rstrip("/")
    if plain and not _ROOT_PATH.fullmatch(plain):
        raise ValueError(
            "a path begins with / and has parts of letters, digits, '-', '_' and '.', "
            f"such as /clips, got {path!r}"
        )
    return plain or None


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


class Settings(BaseSettings):
    """The settings, each with its default. An unknown or wrong one is a ConfigError."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: AtHome = Field(
        default_factory=_default_folder,
        description="folder of the catalog, the snapshots, the thumbnails and the models",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL or SQLite URL; without it, catalog.db in the data folder",
    )
    database_url_file: AtHome | None = Field(
        default=None, description="file that contains the database URL, such as a mounted secret"
    )
    database_wait_s: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="seconds to wait at the start for a PostgreSQL that is not up yet",
    )
    collection: Annotated[str, AfterValidator(collection_name)] = Field(
        default="default", description="collection that commands use when none is named"
    )
    model: Annotated[str, AfterValidator(_model_at_home)] = Field(
        default="PE-Core-B-16/meta",
        min_length=1,
        description="model of a new collection: ARCHITECTURE/PRETRAINED, demo, or a bundle folder",
    )
    precision: Literal["fp32", "bf16", "int8", "auto"] = Field(
        default="fp32",
        description="precision of a new collection's model; auto: the fastest that is measured "
        "as good as fp32",
    )
    skip: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_skipped)] = Field(
        default=SKIPPED,
        description="what is left out of folders: kinds, and patterns of names such as *-proxy.mp4",
    )
    decoder: Literal["pyav", "decord"] = Field(default="pyav", description="reader of video files")
    decode: Literal["exact", "fast", "keyframes"] = Field(
        default="fast",
        description="what pyav decodes: every frame, only what each sampled second needs, "
        "or keyframes",
    )
    sample_fps: float = Field(default=1.0, gt=0, le=60, description="sampled frames per second")
    keep_frame_vectors: bool = Field(
        default=True, description="whether vectors of sampled frames are stored, for `verify`"
    )
    workers: int = Field(default=2, ge=1, le=256, description="videos decoded at the same time")
    max_frame_pixels: int = Field(
        default=2**26, ge=1, description="pixels of a frame; videos with larger ones are refused"
    )
    max_frame_rate: float = Field(
        default=1000.0, gt=0, description="maximum number of frames decoded per second of video"
    )
    max_frame_s: float = Field(
        default=60.0, gt=0, description="seconds that decoding may take from one frame to the next"
    )
    max_decode_s: float = Field(
        default=6 * 3600.0, gt=0, description="seconds that decoding one video may take"
    )
    max_decode_bytes: int = Field(
        default=2**30,
        ge=2**27,
        description="memory of all decoders together; a video that needs more than its share "
        "is decoded alone",
    )
    batch_size: int = Field(
        default=64, ge=1, le=4096, description="pictures in one batch of the model"
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="threads of the model; a text tower of up to 16 MB uses one; default: "
        "one per core",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="where embedding and search run; cuda: models of open_clip's list, and FAISS",
    )
    index: Literal["auto", "exact", "ivf-flat", "ivf-sq8", "ivf-pq"] = Field(
        default="auto", description="kind of index that a build makes; auto measures and chooses"
    )
    refresh_s: float = Field(
        default=1.0, gt=0, le=3600, description="seconds between checks for new changes (API)"
    )
    stale_s: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="seconds that searches continue without the database, marked as stale (API)",
    )
    refresh_limit_s: float = Field(
        default=60.0,
        gt=0,
        le=86400,
        description="seconds without a refresh after which /readyz is false (API)",
    )
    model_idle_s: float = Field(
        default=0.0,
        ge=0,
        le=2_592_000,
        description="seconds without a search after which a model is unloaded; 0 keeps all (API)",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis URL of the cache that replicas share; each has its own without it",
    )
    redis_url_file: AtHome | None = Field(
        default=None, description="file that contains the Redis URL, such as a mounted secret"
    )
    cache_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="random text that seals the entries in Redis; the same for all replicas",
    )
    cache_secret_file: AtHome | None = Field(
        default=None,
        description="file that contains the secret of the cache, such as a mounted secret",
    )
    redis_timeout_s: float = Field(
        default=0.05,
        gt=0,
        le=5,
        description="maximum number of seconds that a search waits for Redis",
    )
    cache_ttl_s: float = Field(
        default=3600.0, gt=0, le=30 * 86400, description="seconds until a cached entry expires"
    )
    cache_entries: int = Field(
        default=20_000,
        ge=0,
        description="maximum number of entries cached in the process; 0 for no cache",
    )
    cache_bytes: int = Field(
        default=64 * 2**20, ge=0, description="maximum number of bytes cached in the process"
    )
    api_host: str = Field(default="127.0.0.1", description="address that the API listens on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    allowed_hosts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_hosts)] = Field(
        default=None,
        description="host names that the API answers to besides localhost and addresses; * for all",
    )
    root_path: Annotated[str | None, BeforeValidator(_root_path)] = Field(
        default=None, description="path below which a proxy serves the API, such as /clips"
    )
    request_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="seconds in which the headers, and then the body, must arrive",
    )
    search_queue: int = Field(
        default=1024, ge=256, le=65536, description="searches that may wait in the queue (API)"
    )
    search_deadline_s: float = Field(
        default=5.0, gt=0, le=300, description="seconds that a search may wait in the queue (API)"
    )
    recall_share: float = Field(
        default=0.01, ge=0, le=1, description="share of searches compared with exact search (API)"
    )
    cors_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_origins)] = Field(
        default=None, description="sites whose pages may call the API, such as https://a.example"
    )
    accel_dir: AtHome | None = Field(
        default=None,
        description="folder of videos that nginx sends for the API; without it, the API sends all",
    )
    otlp_endpoint: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="collector of traces, such as http://host:4318 (API)",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="format of the API's log: text or json"
    )

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
            read[name] = _secret(name, _at_home(Path(file)))
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
    def thumbnail_root(self) -> Path:
        """Folder of the thumbnails."""
        return self.data_dir / "thumbnails"


def _sentences(error: ValidationError) -> str:
    """Say what is wrong with each setting, without repeating a secret."""
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        got = "" if name in _SECRETS else f", got {problem['input']!r}"
        message = problem["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        lines.append(f"{PREFIX}{name.upper()}: {message}{got if 'got' not in message else ''}")
    return "; ".join(lines)
