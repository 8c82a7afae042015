"""Which server embeds, and how it is asked."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from clipseek.config.values import EMBEDDED, AtHome, embedded, inference_url


class EmbedderSettings(BaseModel):
    """Which server embeds, and how it is asked."""

    embedder_url: Annotated[str | None, BeforeValidator(inference_url)] = Field(
        default=None,
        description="inference server that embeds, such as grpc://host:8001; without it, this "
        "process embeds",
    )
    embedder_sends: Annotated[tuple[str, ...], NoDecode, BeforeValidator(embedded)] = Field(
        default=EMBEDDED, description="what is embedded by that server: pictures, sentences or both"
    )
    embedder_batch: int = Field(
        default=32,
        ge=1,
        le=512,
        description="rows in one request to that server; at most what its models take",
    )
    embedder_deadline_s: float = Field(
        default=10.0, gt=0, le=600, description="seconds in which that server must answer"
    )
    embedder_ca_file: AtHome | None = Field(
        default=None,
        description="certificates that that server's is checked against; without it, those of "
        "public authorities",
    )
    embedder_token: SecretStr | None = Field(
        default=None, min_length=1, description="token that is sent to that server"
    )
    embedder_token_file: AtHome | None = Field(
        default=None, description="file that contains the token, such as a mounted secret"
    )
