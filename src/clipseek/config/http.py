"""Who may ask over HTTP, how long, and what is logged."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from clipseek.config.values import AtHome, host_names, listed_origins, url_path


class HttpSettings(BaseModel):
    """Who may ask over HTTP, how long, and what is logged."""

    api_host: str = Field(default="127.0.0.1", description="address that the API listens on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    access: Literal["local", "keys", "everyone"] = Field(
        default="local",
        description="who may ask the API: local, programs of this machine; keys, everybody with "
        "a key; everyone, all who can reach it",
    )
    metrics_access: Literal["admin", "everyone"] = Field(
        default="admin",
        description="who may read /metrics if keys are needed: keys with the scope admin, or "
        "everyone, if nobody outside can reach that path",
    )
    allowed_hosts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(host_names)] = Field(
        default=None,
        description="host names that the API answers to besides localhost and addresses; * for all",
    )
    root_path: Annotated[str | None, BeforeValidator(url_path)] = Field(
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
        default=0.01, ge=0, le=1, description="share of searches whose recall is judged (API)"
    )
    cors_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(listed_origins)] = (
        Field(
            default=None,
            description="sites whose pages may call the API, such as https://a.example",
        )
    )
    accel_dir: AtHome | None = Field(
        default=None,
        description="folder of videos that nginx sends for the API; without it, the API sends all",
    )
    media_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(listed_origins)] = (
        Field(
            default=None,
            description="origins of object stores that browsers play videos from by signed URLs, "
            "such as https://a.s3.eu-central-1.amazonaws.com; without one, the API streams them",
        )
    )
    media_url_s: float = Field(
        default=3600.0, ge=1, le=604800, description="seconds that such a URL is valid (API)"
    )
    otlp_endpoint: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="collector of traces, such as http://host:4318 (API)",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="format of the API's log: text or json"
    )
