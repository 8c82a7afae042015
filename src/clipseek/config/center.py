"""How a central library is reached."""

from pydantic import BaseModel, Field, SecretStr

from clipseek.config.values import AtHome


class CenterSettings(BaseModel):
    """How a central library is reached."""

    center_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="key of a central library, with which `indexer forward` sends what is indexed",
    )
    center_key_file: AtHome | None = Field(
        default=None, description="file that contains that key, such as a mounted secret"
    )
