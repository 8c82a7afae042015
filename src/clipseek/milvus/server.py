"""A Milvus: its collections and aliases, and what is stored in them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from clipseek.config.index_url import MilvusAddress
from clipseek.errors import ConfigError
from clipseek.milvus.failures import (
    ABSENT,
    NO_ALIAS,
    NO_CONNECTION,
    NotLoaded,
    failure,
    require_version,
)
from clipseek.milvus.importing import errors, imported

if TYPE_CHECKING:
    from pymilvus import MilvusClient

ID, VECTOR, VIDEO = "id", "vector", "video"
"""The fields of a collection of vectors: segment, float32 vector, place of the video."""
NUMBER, CONTENT = "number", "content"
"""The fields of a collection of texts."""
TEXT_LIMIT = 65_535
"""How many bytes Milvus stores in one text at most."""

ASK_S = 5.0
"""How many seconds Milvus may take for an answer; after an outage of so long a search fails."""
_BUILD_S = 3600.0
_NOTHING = "nothing"
# Milvus asks for a vector in each collection; the shortest one has two components.
_NOTHING_DIM = 2


@dataclass(frozen=True, slots=True)
class Found:
    """What one query has found, by descending inner product.

    ids: int64 (K,). scores: float32 (K,), as Milvus computes them. vectors: float32 (K, dim).
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]


class Milvus:
    """A Milvus at an address. Thread-safe; it is connected to when it is first asked.

    Every method raises ServiceUnavailable if Milvus does not answer, refuses, or is too old.
    """

    def __init__(
        self, address: MilvusAddress, *, token: str | None = None, ask_s: float = ASK_S
    ) -> None:
        """Note where it is, and how many seconds a search may take."""
        self.address = address
        self._token = token
        self._ask_s = ask_s
        self._lock = threading.Lock()
        self._client: MilvusClient | None = None
        self._is_lite = False

    @classmethod
    def at(cls, url: str, *, token: str | None = None) -> Self:
        """Return the Milvus at a URL, which is not asked yet.

        Raises:
            ConfigError: what is needed to ask it is not installed.
        """
        address = MilvusAddress.parse(url)
        needed = ["pymilvus"] if address.file is None else ["pymilvus", "milvus_lite"]
        if lacking := [name for name in needed if find_spec(name) is None]:
            raise ConfigError(
                f"CLIPSEEK_INDEX_URL names a Milvus, and {lacking[0]} is not installed; install "
                "it: pip install 'clipseek[milvus]'"
            )
        return cls(address, token=token)

    @property
    def is_there(self) -> bool:
        """Whether there is something to ask; a file of Milvus Lite may not have been made yet."""
        return self.address.file is None or self.address.file.exists()

    @property
    def is_lite(self) -> bool:
        """Whether it is Milvus Lite, whose lists are not those that it is told to make."""
        with self._told():
            self._open()
        return self._is_lite

    def target(self, alias: str) -> str | None:
        """Return the collection that an alias stands for, or None."""
        with self._told(absent=(ABSENT, NO_ALIAS)):
            found: str = self._open().describe_alias(alias, timeout=self._ask_s)["collection_name"]
            return found
        return None

    def collections(self) -> list[str]:
        """Return the names of all collections."""
        with self._told():
            return list(self._open().list_collections(timeout=self._ask_s))

    def aliases(self, name: str) -> list[str]:
        """Return the aliases of a collection, none if it does not exist."""
        with self._told(absent=(ABSENT,)):
            return list(self._open().list_aliases(name, timeout=self._ask_s)["aliases"])
        return []

    def add_alias(self, alias: str, name: str) -> None:
        """Give a collection a new alias."""
        with self._told():
            self._open().create_alias(name, alias, timeout=self._ask_s)

    def move_alias(self, alias: str, name: str) -> None:
        """Let an alias stand for another collection, in one step."""
        with self._told():
            self._open().alter_alias(name, alias, timeout=self._ask_s)

    def drop_alias(self, alias: str) -> None:
        """Remove an alias, if it is there."""
        with self._told(absent=(ABSENT, NO_ALIAS)):
            self._open().drop_alias(alias, timeout=self._ask_s)

    def drop(self, name: str) -> None:
        """Remove a collection with what is stored in it and with its aliases, if it is there."""
        for alias in self.aliases(name):
            self.drop_alias(alias)
        with self._told(absent=(ABSENT,)):
            self._open().drop_collection(name, timeout=_BUILD_S)

    def make_vectors(self, name: str, dim: int) -> None:
        """Make a collection of vectors."""
        with self._told():
            kinds = self._types()
            schema = self._open().create_schema(auto_id=False)
            schema.add_field(ID, kinds.INT64, is_primary=True)
            schema.add_field(VIDEO, kinds.INT64)
            schema.add_field(VECTOR, kinds.FLOAT_VECTOR, dim=dim)
            self._make(name, schema)

    def make_texts(self, name: str) -> None:
        """Make a collection of texts."""
        with self._told():
            kinds = self._types()
            schema = self._open().create_schema(auto_id=False)
            schema.add_field(NUMBER, kinds.INT64, is_primary=True)
            schema.add_field(CONTENT, kinds.VARCHAR, max_length=TEXT_LIMIT)
            schema.add_field(_NOTHING, kinds.FLOAT_VECTOR, dim=_NOTHING_DIM)
            self._make(name, schema)

    def put_vectors(
        self,
        name: str,
        ids: NDArray[np.int64],
        videos: NDArray[np.int32],
        vectors: NDArray[np.float32],
    ) -> None:
        """Add int64 (N,) segments of int32 (N,) videos with vectors float32 (N, dim)."""
        rows = [
            {ID: number, VIDEO: video, VECTOR: vector}
            for number, video, vector in zip(ids.tolist(), videos.tolist(), vectors, strict=True)
        ]
        with self._told():
            self._open().insert(name, rows, timeout=_BUILD_S)

    def put_texts(self, name: str, first: int, texts: Sequence[str]) -> None:
        """Add texts, numbered from `first` on."""
        nothing = [1.0] + [0.0] * (_NOTHING_DIM - 1)
        rows = [
            {NUMBER: number, CONTENT: text, _NOTHING: nothing}
            for number, text in enumerate(texts, first)
        ]
        with self._told():
            self._open().insert(name, rows, timeout=_BUILD_S)

    def finish_texts(self, name: str) -> None:
        """Store the texts that were added, so that all of them can be read."""
        self._finish(name, _NOTHING, "FLAT", {})

    def finish_vectors(self, name: str, kind: str, parameters: Mapping[str, int]) -> None:
        """Store the vectors that were added, and build an index of a kind over them."""
        self._finish(name, VECTOR, kind, parameters)

    def _finish(self, name: str, field: str, kind: str, parameters: Mapping[str, int]) -> None:
        with self._told():
            client = self._open()
            client.flush(name, timeout=_BUILD_S)
            indexes = client.prepare_index_params()
            indexes.add_index(field, index_type=kind, metric_type="IP", params=dict(parameters))
            # pymilvus waits by half seconds; of FLAT nothing is built.
            client.create_index(name, indexes, timeout=_BUILD_S, sync=kind != "FLAT")
            client.load_collection(name, timeout=_BUILD_S)

    def load(self, name: str) -> None:
        """Load a collection to be searched, unless it is loaded."""
        with self._told():
            self._open().load_collection(name, timeout=_BUILD_S)

    def count(self, name: str) -> int:
        """Return how many rows a collection has, with all that was ever added."""
        (row,) = self._loaded(
            name,
            "query",
            filter="",
            output_fields=["count(*)"],
            timeout=self._ask_s,
            consistency_level="Strong",
        )
        return int(row["count(*)"])

    def texts(self, name: str, first: int, end: int) -> list[str]:
        """Return those of the texts numbered `first` to `end` that there are, in their order."""
        rows = self._query(name, f"{NUMBER} >= {first} and {NUMBER} < {end}", [NUMBER, CONTENT])
        return [row[CONTENT] for row in sorted(rows, key=lambda row: row[NUMBER])]

    def vectors(
        self, name: str, expression: str, dim: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the ids, ascending, int64 (N,), and the vectors (N, dim) that it lets through."""
        rows = sorted(self._query(name, expression, [ID, VECTOR]), key=lambda row: row[ID])
        ids = np.array([row[ID] for row in rows], np.int64)
        vectors = np.empty((len(rows), dim), np.float32)
        for place, row in enumerate(rows):
            vectors[place] = row[VECTOR]
        return ids, vectors

    def search(
        self,
        name: str,
        queries: NDArray[np.float32],
        limit: int,
        *,
        expression: str = "",
        parameters: Mapping[str, int] | None = None,
    ) -> list[Found]:
        """Find the nearest of float32 (Q, dim) among what an expression lets through."""
        answers = self._loaded(
            name,
            "search",
            data=list(queries),
            anns_field=VECTOR,
            filter=expression,
            limit=limit,
            output_fields=[VECTOR],
            search_params={"metric_type": "IP", "params": dict(parameters or {})},
            timeout=self._ask_s,
        )
        return [_found(hits, queries.shape[1]) for hits in answers]

    def _query(self, name: str, expression: str, fields: list[str]) -> list[dict[str, Any]]:
        return list(
            self._loaded(name, "query", filter=expression, output_fields=fields, timeout=_BUILD_S)
        )

    def _loaded(self, name: str, call: str, **arguments: Any) -> Any:
        """Ask a collection; if it is not loaded, as after a start of Milvus Lite, load it first."""
        try:
            with self._told():
                return getattr(self._open(), call)(name, **arguments)
        except NotLoaded:
            self.load(name)
        with self._told():
            return getattr(self._open(), call)(name, **arguments)

    def _make(self, name: str, schema: Any) -> None:
        self._open().create_collection(
            name, schema=schema, consistency_level="Bounded", timeout=_BUILD_S
        )

    def _types(self) -> Any:
        from pymilvus import DataType

        return DataType

    def _open(self) -> "MilvusClient":
        """Return the client, connected, whose server is of a version that is used."""
        with self._lock:
            if self._client is None:
                client = self._connected()
                try:
                    self._require_version(client.get_server_version(timeout=self._ask_s))
                except BaseException:
                    client.close()
                    raise
                self._client = client
            return self._client

    def _connected(self) -> "MilvusClient":
        address = self.address
        client = imported()
        if address.file is not None:
            return client(uri=str(address.file), timeout=self._ask_s)
        scheme = "https" if address.is_secure else "http"
        return client(
            uri=f"{scheme}://{address.host}:{address.port}",
            token=self._token or "",
            db_name=address.database,
            timeout=self._ask_s,
            dedicated=True,
        )

    def _require_version(self, version: str) -> None:
        self._is_lite = "lite" in version
        require_version(self.address, version)

    @contextmanager
    def _told(self, *, absent: Sequence[int] = ()) -> Iterator[None]:
        """Turn what pymilvus raises into a sentence; what is absent may be no failure."""
        refused, broken = errors()
        try:
            yield
        except refused as error:
            if error.code in absent:
                return
            # pymilvus says of every connection that failed the same; gRPC says why.
            why = error.__context__ if error.code == NO_CONNECTION else None
            if isinstance(why, broken):
                raise failure(self.address, self._token, why.code(), "") from error
            raise failure(
                self.address, self._token, error.code, error.message or str(error)
            ) from error
        except broken as error:
            raise failure(self.address, self._token, error.code(), str(error.details())) from error


def _found(hits: Sequence[Mapping[str, Any]], dim: int) -> Found:
    vectors = np.empty((len(hits), dim), np.float32)
    for place, hit in enumerate(hits):
        vectors[place] = hit["entity"][VECTOR]
    return Found(
        np.array([hit[ID] for hit in hits], np.int64),
        np.array([hit["distance"] for hit in hits], np.float32),
        vectors,
    )
