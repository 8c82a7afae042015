"""The messages of the Open Inference Protocol over gRPC, as far as they are sent or read here.

They are made from their fields when they are first used, and not generated into files: generated
code runs with some releases of protobuf alone, and other packages in the same environment choose
theirs. The numbers are those of the protocol's specification; what is missing here is skipped.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "inference"
_KINDS = descriptor_pb2.FieldDescriptorProto
_TEXT, _BYTES = _KINDS.TYPE_STRING, _KINDS.TYPE_BYTES
_INT64, _FLOAT = _KINDS.TYPE_INT64, _KINDS.TYPE_FLOAT

# {message: {field: (number, type or message, whether it is repeated)}}
_FIELDS: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "ModelMetadataRequest": {"name": (1, _TEXT, False), "version": (2, _TEXT, False)},
    "TensorMetadata": {
        "name": (1, _TEXT, False),
        "datatype": (2, _TEXT, False),
        "shape": (3, _INT64, True),
    },
    "ModelMetadataResponse": {
        "name": (1, _TEXT, False),
        "versions": (2, _TEXT, True),
        "inputs": (4, "TensorMetadata", True),
        "outputs": (5, "TensorMetadata", True),
    },
    "InferTensorContents": {"fp32_contents": (6, _FLOAT, True)},
    "InferTensor": {
        "name": (1, _TEXT, False),
        "datatype": (2, _TEXT, False),
        "shape": (3, _INT64, True),
        "contents": (5, "InferTensorContents", False),
    },
    "ModelInferRequest": {
        "model_name": (1, _TEXT, False),
        "model_version": (2, _TEXT, False),
        "inputs": (5, "InferTensor", True),
        "raw_input_contents": (7, _BYTES, True),
    },
    "ModelInferResponse": {
        "model_name": (1, _TEXT, False),
        "model_version": (2, _TEXT, False),
        "outputs": (5, "InferTensor", True),
        "raw_output_contents": (6, _BYTES, True),
    },
}


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """Return a pool of its own: another package may have the whole protocol in the common one."""
    file = descriptor_pb2.FileDescriptorProto(
        name="clipseek_inference.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, is_repeated) in fields.items():
            label = _KINDS.LABEL_REPEATED if is_repeated else _KINDS.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = _KINDS.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


@cache
def message(name: str) -> Any:
    """Return the class of a message."""
    found = _pool().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)
