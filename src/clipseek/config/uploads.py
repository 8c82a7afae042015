"""What comes from clients: uploads and URLs, how much of them, and where it is kept."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from clipseek.config.values import AtHome, fetched_hosts


class UploadSettings(BaseModel):
    """What comes from clients: uploads and URLs, how much of them, and where it is kept."""

    upload_dir: AtHome | None = Field(
        default=None,
        description="folder of uploaded videos; without it, uploads in the data folder",
    )
    max_upload_bytes: int = Field(
        default=64 * 2**30, ge=1, description="bytes of the largest video that is taken (API)"
    )
    upload_quota_bytes: int = Field(
        default=2**40,
        ge=0,
        description="bytes that the uploads that are not indexed yet may have together (API)",
    )
    upload_principal_bytes: int = Field(
        default=256 * 2**30,
        ge=0,
        description="bytes that those of one principal may have together (API)",
    )
    upload_reserve_bytes: int = Field(
        default=2 * 2**30,
        ge=0,
        description="bytes that uploads leave free on their disk",
    )
    fetch_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(fetched_hosts)] = Field(
        default=(),
        description="hosts that videos are fetched from by URL, such as videos.example,*.b.example",
    )
    max_fetch_s: float = Field(
        default=6 * 3600.0, gt=0, description="seconds that fetching one video may take"
    )
