"""Milvus, a database of vectors, asked by pymilvus (the extra `milvus`).

server.py     its collections and aliases, and what is stored in them
failures.py   what it refuses, as sentences
importing.py  pymilvus, imported when it is needed
"""

from clipseek.milvus.server import ID, TEXT_LIMIT, VIDEO, Found, Milvus

__all__ = ["ID", "TEXT_LIMIT", "VIDEO", "Found", "Milvus"]
