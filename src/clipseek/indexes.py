"""Where indexes are published, and who searches which shards of them, opened by the settings."""

from collections.abc import Callable

from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.index.peers import Peers
from clipseek.milvus import Milvus
from clipseek.protocols import CatalogReader
from clipseek.publishing import BucketStore, FolderStore, IndexStore, MilvusStore, Serving
from clipseek.publishing.hosting import Hosting
from clipseek.stores import below


def open_indexes(
    settings: Settings, *, identity: Callable[[], str], serving: Serving | None = None
) -> IndexStore:
    """Return where published indexes are kept, and opened as `serving` says.

    In a bucket, each catalog has a folder of its own, named by its `identity`. Milvus decides
    itself where it searches.

    Raises:
        ConfigError: they are kept in Milvus, and the extra `milvus` is not installed or shards
            are asked for.
    """
    if settings.index_url is not None:
        if settings.shards > 1 or settings.shard or settings.shard_peers:
            raise ConfigError(
                "CLIPSEEK_INDEX_URL: Milvus divides its collections itself; unset it to publish "
                "files in shards, or unset CLIPSEEK_SHARDS, CLIPSEEK_SHARD and CLIPSEEK_SHARD_PEERS"
            )
        token = None if settings.index_token is None else settings.index_token.get_secret_value()
        return MilvusStore(Milvus.at(settings.index_url, token=token), settings.snapshot_root)
    if settings.store_url is not None:
        url = below(settings.store_url, identity, "snapshots")
        return BucketStore(url, settings.store_root, shards=settings.shards, serving=serving)
    return FolderStore(settings.snapshot_root, shards=settings.shards, serving=serving)


def open_serving(settings: Settings) -> Serving:
    """Return which shards are searched here and who searches the others; nothing is sent.

    Raises:
        ConfigError: there are peers and no secret, or a shard is here and at a peer.
    """
    only = None if settings.shard is None else frozenset(settings.shard)
    peers = dict(settings.shard_peers or ())
    if peers and settings.shard_secret is None:
        raise ConfigError(
            "CLIPSEEK_SHARD_PEERS needs CLIPSEEK_SHARD_SECRET, or CLIPSEEK_SHARD_SECRET_FILE: a "
            "random text of at least 16 characters that all replicas have"
        )
    if peers and (only is None or only & peers.keys()):
        both = ", ".join(map(str, sorted(peers if only is None else only & peers.keys())))
        raise ConfigError(
            f"CLIPSEEK_SHARD_PEERS: shard {both} would be searched here and at a peer; list in "
            "CLIPSEEK_SHARD only the shards that this replica searches"
        )
    asked = None
    if peers and settings.shard_secret is not None:
        secret = settings.shard_secret.get_secret_value()
        asked = Peers(peers, secret=secret, deadline_s=settings.shard_deadline_s)
    return Serving(only, asked, on_gpu=settings.device == "cuda")


def open_hosting(
    settings: Settings, store: IndexStore, serving: Serving, catalog: CatalogReader
) -> Hosting | None:
    """Return what answers peers from published indexes; None if there is no secret or no file."""
    if settings.shard_secret is None or not isinstance(store, (FolderStore, BucketStore)):
        return None
    secret = settings.shard_secret.get_secret_value()
    return Hosting(store, serving, secret, lambda: {each.key for each in catalog.collections()})
