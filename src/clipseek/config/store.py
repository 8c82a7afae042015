"""Where everything is kept, and which model a new collection gets."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from clipseek.config.index_url import milvus_url
from clipseek.config.values import (
    AtHome,
    bucket_url,
    collection_name,
    default_folder,
    model_at_home,
)


class StoreSettings(BaseModel):
    """Where everything is kept, and which model a new collection gets."""

    data_dir: AtHome = Field(
        default_factory=default_folder,
        description="folder of the catalog, the snapshots, the thumbnails and the models",
    )
    store_url: Annotated[str, AfterValidator(bucket_url)] | None = Field(
        default=None,
        description="bucket of the snapshots and thumbnails, such as s3://BUCKET/PREFIX; without "
        "it, they are in the data folder",
    )
    store_dir: AtHome | None = Field(
        default=None,
        description="folder that snapshots of the bucket are fetched into; without it, `fetched` "
        "in the data folder",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL or SQLite URL; without it, catalog.db in the data folder",
    )
    database_url_file: AtHome | None = Field(
        default=None, description="file that contains the database URL, such as a mounted secret"
    )
    index_url: Annotated[str | None, BeforeValidator(milvus_url)] = Field(
        default=None,
        description="where indexes are published: milvus://HOST:PORT/DATABASE, milvus+tls://…, or "
        "milvus:///FOLDER/NAME.db; without it, files in the data folder",
    )
    index_token: SecretStr | None = Field(
        default=None, description="USER:PASSWORD or API key of the Milvus that index_url names"
    )
    index_token_file: AtHome | None = Field(
        default=None, description="file that contains the token of Milvus, such as a mounted secret"
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
    model: Annotated[str, AfterValidator(model_at_home)] = Field(
        default="PE-Core-B-16/meta",
        min_length=1,
        description="model of a new collection: ARCHITECTURE/PRETRAINED, demo, or a bundle folder",
    )
    precision: Literal["fp32", "bf16", "int8", "auto"] = Field(
        default="fp32",
        description="precision of a new collection's model; auto: the fastest that is measured "
        "as good as fp32",
    )
