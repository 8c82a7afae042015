"""How current answers are, and what is cached."""

from pydantic import BaseModel, Field, SecretStr

from clipseek.config.values import AtHome


class SearchSettings(BaseModel):
    """How current answers are, and what is cached."""

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
    sentence_model: AtHome | None = Field(
        default=None,
        description="folder of the sentence model that finds what is said in other words",
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
    keep_queries: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="recent queries of each collection that are kept for `switch`; 0 keeps none "
        "(API)",
    )
    cache_bytes: int = Field(
        default=64 * 2**20, ge=0, description="maximum number of bytes cached in the process"
    )
