"""Into how many shards an index is divided, and who searches which of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from clipseek.config.values import AtHome, addressed_shards, numbered_shards

MOST_SHARDS = 256
"""Shards that an index is divided into at most."""


class ShardSettings(BaseModel):
    """Into how many shards an index is divided, and who searches which of them."""

    shards: int = Field(
        default=1,
        ge=1,
        le=MOST_SHARDS,
        description="shards that an index is divided into when it is built",
    )
    shard: Annotated[tuple[int, ...] | None, NoDecode, BeforeValidator(numbered_shards)] = Field(
        default=None,
        description="shards that this replica searches, such as 1,3; without it, all of them",
    )
    shard_peers: Annotated[
        tuple[tuple[int, str], ...] | None, NoDecode, BeforeValidator(addressed_shards)
    ] = Field(
        default=None,
        description="who searches the others, such as `2,4=http://api-2:8000 5=http://api-3:8000`",
    )
    shard_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="random text by which replicas of shards know each other; the same for all",
    )
    shard_secret_file: AtHome | None = Field(
        default=None, description="file that contains that secret, such as a mounted secret"
    )
    shard_deadline_s: float = Field(
        default=2.0,
        gt=0,
        le=60,
        description="seconds in which a peer must answer, attempts included",
    )
    shard_missing: Literal["refuse", "answer"] = Field(
        default="refuse",
        description="what a search does without a shard: refuse, or answer from the others and say "
        "so",
    )
