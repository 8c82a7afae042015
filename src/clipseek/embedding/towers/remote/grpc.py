"""GrpcServer: the Open Inference Protocol over gRPC; rows are sent as they are in memory."""

from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.towers.remote.exchange import (
    Answer,
    Failure,
    Metadata,
    Tensor,
    Wanted,
    as_array,
    datatype,
    gone,
    late,
    refused,
)
from clipseek.embedding.towers.remote.messages import message

_SERVICE = "/inference.GRPCInferenceService/"
# Bytes of an answer: 512 vectors of 4096 numbers have 8 MB.
_MOST_BYTES = 64 << 20
_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", _MOST_BYTES),
    # What is sent again is decided in one place, for gRPC and HTTP.
    ("grpc.enable_retries", 0),
    # The server is named by a setting; a proxy of the environment is not asked for it.
    ("grpc.enable_http_proxy", 0),
    # A name may have several servers, as that of a headless service in Kubernetes has.
    ("grpc.lb_policy_name", "round_robin"),
    # A server that was away is tried again at once when it is asked, not after two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class GrpcServer:
    """Asks one server over one connection, which is made with the first request."""

    def __init__(self, url: str, *, authorities: bytes | None, token: str | None) -> None:
        """Keep what is needed; `authorities` are certificates in PEM."""
        self.url = url
        self._authorities = authorities
        self._sent = [("authorization", f"Bearer {token}")] if token else []
        self._lock = Lock()
        self._opened: grpc.Channel | None = None

    def metadata(self, tower: Wanted, timeout_s: float) -> Metadata:
        """Ask what the server says of a tower; raise Failure."""
        request = message("ModelMetadataRequest")(name=tower.name, version=tower.version)
        said = self._asked("ModelMetadata", request, timeout_s)
        return Metadata(
            said.name, tuple(said.versions), _tensors(said.inputs), _tensors(said.outputs)
        )

    def infer(self, tower: Wanted, rows: NDArray[Any], timeout_s: float) -> Answer:
        """Have rows embedded; raise Failure."""
        request = message("ModelInferRequest")(model_name=tower.name, model_version=tower.version)
        request.inputs.add(name=tower.taken.name, datatype=datatype(rows), shape=rows.shape)
        little = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
        request.raw_input_contents.append(np.ascontiguousarray(little).tobytes())
        said = self._asked("ModelInfer", request, timeout_s)
        raw = list(said.raw_output_contents)
        if raw and len(raw) != len(said.outputs):
            raise Failure(f"answered with {len(raw)} contents for {len(said.outputs)} outputs")
        outputs = {
            one.name: as_array(tensor, raw[place] if raw else one.contents.fp32_contents)
            for place, (one, tensor) in enumerate(
                zip(said.outputs, _tensors(said.outputs), strict=True)
            )
        }
        return Answer(said.model_name, said.model_version, outputs)

    def _asked(self, method: str, request: Any, timeout_s: float) -> Any:
        call = self._channel().unary_unary(
            _SERVICE + method,
            request_serializer=_bytes_of,
            response_deserializer=message(f"{method}Response").FromString,
        )
        try:
            return call(request, timeout=timeout_s, metadata=self._sent)
        except grpc.RpcError as error:
            raise _failure(error, timeout_s) from error

    def _channel(self) -> grpc.Channel:
        with self._lock:
            if self._opened is None:
                parts = urlsplit(self.url)
                if parts.scheme == "grpcs":
                    trusted = grpc.ssl_channel_credentials(self._authorities)
                    self._opened = grpc.secure_channel(parts.netloc, trusted, _OPTIONS)
                else:
                    self._opened = grpc.insecure_channel(parts.netloc, _OPTIONS)
            return self._opened


def _bytes_of(request: Any) -> bytes:
    written: bytes = request.SerializeToString()
    return written


def _failure(error: Any, timeout_s: float) -> Failure:
    """Translate an error of gRPC (its status codes are explained in the documentation of gRPC)."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return late(timeout_s)
    said = f"{code.name}: {error.details() or 'no details'}"
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return gone(said)
    return refused(said)


def _tensors(said: Any) -> tuple[Tensor, ...]:
    return tuple(Tensor(one.name, one.datatype, tuple(one.shape)) for one in said)
