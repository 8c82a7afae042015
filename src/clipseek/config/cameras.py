"""How the URLs of cameras are kept, and which may be added over HTTP."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from clipseek.config.values import AtHome, hosts_of_cameras


class CameraSettings(BaseModel):
    """How the URLs of cameras are kept, and which may be added over HTTP."""

    camera_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="key that encrypts the URLs of cameras and the secrets of webhooks, as "
        "`indexer cameras key` prints it; "
        "former keys may follow, separated by commas",
    )
    camera_key_file: AtHome | None = Field(
        default=None, description="file that contains the key of the cameras' URLs"
    )
    camera_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(hosts_of_cameras)] = Field(
        default=(),
        description="hosts and networks of cameras that may be added over HTTP, such as "
        "cam.example, *.example, 192.168.7.0/24 or *, separated by commas; the command may add any "
        "(API)",
    )
