"""Who gives people their tokens, and what the members of their groups may do."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from clipseek.config.values import AtHome, issuer_url


class OidcSettings(BaseModel):
    """Who gives people their tokens, and what the members of their groups may do."""

    oidc_issuer: Annotated[str | None, BeforeValidator(issuer_url)] = Field(
        default=None,
        description="OpenID Connect issuer that people log in at, such as https://login.example "
        "(API)",
    )
    oidc_client_id: str | None = Field(
        default=None,
        min_length=1,
        description="id of this server at the issuer, which its tokens must name as audience (API)",
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="secret of this server at the issuer, if it has given one (API)",
    )
    oidc_client_secret_file: AtHome | None = Field(
        default=None,
        description="file that contains the secret of this server at the issuer (API)",
    )
    oidc_groups_claim: str = Field(
        default="groups",
        min_length=1,
        description="claim that has the groups of a person, such as realm_access.roles (API)",
    )
    oidc_groups: str | None = Field(
        default=None,
        description="what each group may do, such as `editors: search, write on holidays at 20/s; "
        "staff: search on *` (API)",
    )
    oidc_session_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="random text that signs the sessions of people, the same for all replicas "
        "(API)",
    )
    oidc_session_secret_file: AtHome | None = Field(
        default=None, description="file that contains the secret of the sessions (API)"
    )
    oidc_session_s: int = Field(
        default=8 * 3600,
        ge=60,
        le=30 * 86400,
        description="seconds until a person must log in again (API)",
    )
