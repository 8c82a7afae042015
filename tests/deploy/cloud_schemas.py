"""JSON Schemas of what three clouds accept, made from the descriptions that their own clients use.

Amazon's are the service models of botocore, Google's the discovery documents of
google-api-python-client, Microsoft's the typed dictionaries of azure-mgmt-appcontainers. None of
them needs a network or an account. Properties that a description does not know are refused.
"""

import gzip
import json
import typing
from collections.abc import Iterator
from enum import Enum
from functools import cache
from importlib import resources
from types import NoneType
from typing import Any

from azure.mgmt.appcontainers import types as azure_types
from azure.mgmt.appcontainers.models import _enums as azure_enums

Schema = dict[str, Any]

_PLAIN: dict[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_AMAZON = {
    "string": "string",
    "integer": "integer",
    "long": "integer",
    "double": "number",
    "float": "number",
    "boolean": "boolean",
    "timestamp": "string",
}


@cache
def amazon(service: str, operation: str) -> Schema:
    """Return the schema of an operation's request, for example ("ecs", "RunTask")."""
    folder = resources.files("botocore").joinpath("data", service)
    newest = max(entry.name for entry in folder.iterdir())
    packed = folder.joinpath(newest, "service-2.json.gz").read_bytes()
    model = json.loads(gzip.decompress(packed))
    shapes = {name: _amazon(shape) for name, shape in model["shapes"].items()}
    return _over(shapes, model["operations"][operation]["input"]["shape"])


def _amazon(shape: Schema) -> Schema:
    """Translate one shape; `min` and `max` count characters, elements or the number itself."""
    kind = shape["type"]
    if kind == "structure":
        properties = {name: _to(each["shape"]) for name, each in shape["members"].items()}
        return _object(properties, shape.get("required", []))
    if kind == "list":
        return {"type": "array", "items": _to(shape["member"]["shape"])} | _bounds(shape, "Items")
    if kind == "map":
        return {"type": "object", "additionalProperties": _to(shape["value"]["shape"])}
    plain: Schema = {"type": _AMAZON[kind]}
    if "enum" in shape:
        plain["enum"] = shape["enum"]
    return plain | (_bounds(shape, "Length") if kind == "string" else {})


def _bounds(shape: Schema, what: str) -> Schema:
    return {f"{end}{what}": shape[end] for end in ("min", "max") if end in shape}


@cache
def google(api: str, kind: str) -> Schema:
    """Return the schema of a message, for example ("run.v1", "Service")."""
    path = f"discovery_cache/documents/{api}.json"
    document = json.loads(resources.files("googleapiclient").joinpath(path).read_text("utf-8"))
    shapes = {name: _google(shape) for name, shape in document["schemas"].items()}
    return _over(shapes, kind)


def _google(shape: Schema) -> Schema:
    """Translate one schema; a 64-bit number may be text (protobuf, "ProtoJSON")."""
    if "$ref" in shape:
        return _to(shape["$ref"])
    if "properties" in shape:
        return _object({name: _google(each) for name, each in shape["properties"].items()}, [])
    if shape["type"] == "array":
        return {"type": "array", "items": _google(shape["items"])}
    if shape["type"] == "object":
        inner = shape.get("additionalProperties")
        return {"type": "object", "additionalProperties": _google(inner) if inner else False}
    if shape["type"] == "any":
        return {}
    kinds = ["string", "integer"] if shape.get("format") == "int64" else shape["type"]
    return {"type": kinds} | ({"enum": shape["enum"]} if "enum" in shape else {})


@cache
def azure(kind: str) -> Schema:
    """Return the schema of a resource of Azure Container Apps, for example "ContainerApp"."""
    shapes = {name: _typed(each) for name, each in _typed_dictionaries()}
    return _over(shapes, kind)


def _typed_dictionaries() -> Iterator[tuple[str, Any]]:
    for name, each in vars(azure_types).items():
        if typing.is_typeddict(each) or hasattr(each, "__required_keys__"):
            yield name, each


def _typed(dictionary: Any) -> Schema:
    """Translate one typed dictionary: only what is marked as required is."""
    names = {**vars(azure_enums), **vars(azure_types)}
    hints = typing.get_type_hints(dictionary, names, names, include_extras=True)
    required = [name for name, hint in hints.items() if _is_required(hint)]
    return _object({name: _hint(hint) for name, hint in hints.items()}, required)


def _is_required(hint: Any) -> bool:
    return getattr(typing.get_origin(hint), "_name", "") == "Required"


def _hint(hint: Any) -> Schema:
    """Translate one type; text "or" an enumeration is one of the enumeration's values."""
    parts, origin = typing.get_args(hint), typing.get_origin(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "__required_keys__"):
        return _to(hint.__name__)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [str(each.value) for each in hint]}
    if _is_required(hint):
        return _hint(parts[0])
    if origin is list:
        return {"type": "array", "items": _hint(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _hint(parts[1])}
    if origin is typing.Literal:
        return {"enum": [getattr(part, "value", part) for part in parts]}
    if origin is typing.Union:
        known = [part for part in parts if isinstance(part, type) and issubclass(part, Enum)]
        return {"anyOf": [_hint(part) for part in known or parts]}
    return {}


def _to(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _over(shapes: dict[str, Schema], root: str) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": shapes, **_to(root)}
