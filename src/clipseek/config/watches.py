"""Watches: where their alerts are sent, and how long these are kept."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from clipseek.config.values import fetched_hosts


class WatchSettings(BaseModel):
    """Watches: where their alerts are sent, and how long these are kept."""

    webhook_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(fetched_hosts)] = Field(
        default=(),
        description="hosts that alerts are sent to although their addresses are not public, or by "
        "http, such as alarms.lan:8080",
    )
    keep_alerts_s: float = Field(
        default=90 * 86400.0, ge=0, description="seconds until an alert is deleted"
    )
