"""What the OpenAPI document calls operations, and how a key is sent."""

import re
from typing import Any

from fastapi import FastAPI

_CALLED = {"post_search": "search", "post_search_batch": "search_batch"}
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `indexer keys add`, or a token of the issuer; only if the server has "
    "keys.",
}

TAGS = [
    {"name": "search", "description": "A sentence goes in, moments come out."},
    {"name": "library", "description": "What is indexed, and its pictures and files."},
    {"name": "watches", "description": "Queries that keep watching, and their alerts."},
    {"name": "review", "description": "Tags by rules, and what people decide on them."},
    {"name": "cameras", "description": "Live sources, which a recorder indexes."},
    {"name": "jobs", "description": "Changes of the library, which a worker makes."},
    {"name": "operation", "description": "For those who run the server."},
]
"""The groups of endpoints, in their order."""


def operation_id(method: str, path: str) -> str:
    """Return the name that generated clients give an operation, such as `get_video_segments`.

    It consists of the method and of the words of the path; what is followed by an id is one thing.
    """
    words = [method.lower()]
    parts = path.removeprefix("/v1").strip("/").split("/")
    for part, after in zip(parts, [*parts[1:], ""], strict=True):
        if not part.startswith("{"):
            words.append(part.removesuffix("s") if after.startswith("{") else part)
    name = re.sub(r"\W+", "_", "_".join(words))
    return _CALLED.get(name, name)


class Documented(FastAPI):
    """An application whose document has names of its own."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, which is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    operation["operationId"] = operation_id(method, path)
            document["components"]["securitySchemes"] = {"key": _KEY}
            document["security"] = [{}, {"key": []}]
        return super().openapi()
