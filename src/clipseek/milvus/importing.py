"""Imports pymilvus when a Milvus is asked for something, and keeps it from what it does by then."""

import logging
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymilvus import MilvusClient


@cache
def errors() -> tuple[Any, Any]:
    """Return what pymilvus raises: an answer that is an error, and a call that failed."""
    imported()
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    return MilvusException, RpcError


_importing = threading.Lock()


def imported() -> "type[MilvusClient]":
    """Import pymilvus, which reads a file `.env` and logs each failure with its requests: not here.

    Each failure is raised, and the environment is that of the command.
    """
    with _importing:
        import dotenv

        load = dotenv.load_dotenv
        dotenv.load_dotenv = lambda *_args, **_kwargs: False
        try:
            from pymilvus import MilvusClient
        finally:
            dotenv.load_dotenv = load
        for name in ("pymilvus", "pymilvus.milvus_client", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        imported: type[MilvusClient] = MilvusClient
        return imported
