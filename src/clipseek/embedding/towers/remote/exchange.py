"""What is asked of an inference server and what it answers (Open Inference Protocol, version 2).

Nothing here sends anything. `http` and `grpc` do, and each answer is checked here: a vector of
another model must never be stored or compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.bundle import TEXT, VISUAL, Bundle

# A request is sent so often in all. Embedding changes nothing, so it may be repeated.
ATTEMPTS = 3
# Before the second attempt, in seconds; the pause doubles with each one. A server that is started
# again refuses connections for longer: the breaker is for that.
_FIRST_PAUSE_S = 0.1

_NAME_DIGITS, _VERSION_DIGITS = 16, 7
_HALVES = {VISUAL: "visual", TEXT: "text"}
_DATATYPES = {"float32": "FP32", "int64": "INT64"}


class Failure(Exception):
    """A server gave no vectors.

    reason: What happened, as the end of a sentence about the server.
    may_repeat: The same request may succeed now: the server did not answer at all.
    is_silent: The server did not answer, or not in time.
    is_late: It did not answer in time.
    """

    def __init__(
        self,
        reason: str,
        *,
        may_repeat: bool = False,
        is_silent: bool = False,
        is_late: bool = False,
    ) -> None:
        self.reason = reason
        self.may_repeat = may_repeat
        self.is_silent = is_silent
        self.is_late = is_late
        super().__init__(reason)


def gone(reason: str) -> Failure:
    """Return the failure of a server that cannot be reached."""
    return Failure(f"cannot be reached ({_line(reason)})", may_repeat=True, is_silent=True)


def late(deadline_s: float) -> Failure:
    """Return the failure of a server that is too slow; the same request would be too slow again."""
    return Failure(f"has not answered in {deadline_s:.3g} s", is_silent=True, is_late=True)


def refused(reason: str) -> Failure:
    """Return the failure of a server that answers with an error."""
    return Failure(f"refuses the request ({_line(reason)})")


def _line(text: str) -> str:
    """Return text of a server as one short line without control characters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= 200 else f"{plain[:200]}…"


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output: its name, its type, and its shape, -1 for any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a server says of a model."""

    name: str
    versions: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers: which model it ran, and its outputs by their names."""

    name: str
    version: str
    outputs: dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tower that must answer: its name and version carry the fingerprint of the model.

    Every server of the protocol has names and versions, and says both in each answer. Some accept
    whole numbers alone as versions, so the version is made of the first 28 bits; the name has 64.
    """

    name: str
    version: str
    taken: Tensor
    given: Tensor

    @property
    def path(self) -> str:
        """Where the protocol's HTTP form has this version."""
        return f"v2/models/{self.name}/versions/{self.version}"


def wanted(bundle: Bundle, file: str) -> Wanted:
    """Return what a server must run for VISUAL or TEXT of a bundle."""
    side, fingerprint = bundle.image_size, bundle.fingerprint
    taken = (
        Tensor("pixels", "FP32", (-1, 3, side, side))
        if file == VISUAL
        else Tensor("tokens", "INT64", (-1, bundle.context_length))
    )
    return Wanted(
        f"clipseek-{_HALVES[file]}-{fingerprint[:_NAME_DIGITS]}",
        # Version 0 is not a version for some servers.
        str(1 + int(fingerprint[:_VERSION_DIGITS], 16)),
        taken,
        Tensor("vectors", "FP32", (-1, bundle.dim)),
    )


def takes_any_length(tower: Wanted, found: Metadata) -> bool:
    """Check what a server says of a tower; return whether rows of tokens may be cut.

    The protocol lets a server leave the versions out, as MLServer does; each answer has its own.

    Raises:
        Failure: it is another model, another version, or has other inputs or outputs.
    """
    if found.name != tower.name or (found.versions and tower.version not in found.versions):
        versions = ", ".join(map(_line, found.versions)) or "unknown"
        raise Failure(
            f"must have version {tower.version} of {tower.name}, and says it has version "
            f"{versions} of {_line(found.name)}"
        )
    cut = Tensor(tower.taken.name, tower.taken.datatype, (-1, -1))
    layouts = [(tower.taken,), *([(cut,)] if tower.taken.name == "tokens" else [])]
    if found.inputs not in layouts or found.outputs != (tower.given,):
        raise Failure(
            f"must take {_shown([tower.taken])} and give {_shown([tower.given])}, and takes "
            f"{_shown(found.inputs)} and gives {_shown(found.outputs)}"
        )
    return found.inputs == (cut,)


def _shown(tensors: Sequence[Tensor]) -> str:
    named = (f"{_line(one.name)} {_line(one.datatype)} {list(one.shape)}" for one in tensors)
    return ", ".join(named) or "nothing"


def vectors(tower: Wanted, answer: Answer, rows: int) -> NDArray[np.float32]:
    """Return the vectors of an answer, float32 (N, dim).

    Raises:
        Failure: another model or version ran, or what came back is not a vector for each row.
    """
    if (answer.name, answer.version) != (tower.name, tower.version):
        raise Failure(
            f"was asked for version {tower.version} of {tower.name}, and ran version "
            f"{_line(answer.version) or 'unknown'} of {_line(answer.name)}"
        )
    found = answer.outputs.get(tower.given.name)
    shape = (rows, tower.given.shape[1])
    if found is None or found.shape != shape or found.dtype != np.float32:
        shown = "nothing" if found is None else f"{found.dtype} of shape {found.shape}"
        raise Failure(f"must answer with float32 of shape {shape}, and answered with {shown}")
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(found, axis=1)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise Failure("answered with a vector that is zero or is not finite")
    return found


def as_array(tensor: Tensor, content: bytes | Sequence[float]) -> NDArray[Any]:
    """Return the numbers of an output; raise Failure if they do not fit its shape."""
    if tensor.datatype != "FP32" or any(size < 0 for size in tensor.shape):
        raise Failure(f"must answer with FP32, and answered with {_shown([tensor])}")
    try:
        flat = (
            np.frombuffer(content, "<f4")
            if isinstance(content, bytes)
            else np.asarray(content, np.float32)
        )
        return flat.reshape(tensor.shape)
    except (TypeError, ValueError) as error:
        raise Failure(f"answered with numbers that are not of {_shown([tensor])}") from error


def datatype(rows: NDArray[Any]) -> str:
    """Return the protocol's name of the type of rows."""
    return _DATATYPES[rows.dtype.name]


def pause_s(failure: Failure, attempt: int, left_s: float) -> float | None:
    """Return how long to wait before a request is sent again, or None if it is not.

    Args:
        failure: Of the last attempt.
        attempt: How many there were.
        left_s: Until the deadline.
    """
    pause = _FIRST_PAUSE_S * 2 ** (attempt - 1)
    repeats = failure.may_repeat and attempt < ATTEMPTS and pause < left_s
    return pause if repeats else None


class Server(Protocol):
    """Sends requests to one inference server. Thread-safe."""

    @property
    def url(self) -> str:
        """Its address, for messages."""
        ...

    def metadata(self, tower: Wanted, timeout_s: float) -> Metadata:
        """Ask what the server says of a tower; raise Failure."""
        ...

    def infer(self, tower: Wanted, rows: NDArray[Any], timeout_s: float) -> Answer:
        """Have rows embedded; raise Failure."""
        ...


__all__ = [
    "ATTEMPTS",
    "Answer",
    "Failure",
    "Metadata",
    "Server",
    "Tensor",
    "Wanted",
    "as_array",
    "datatype",
    "gone",
    "late",
    "pause_s",
    "refused",
    "takes_any_length",
    "vectors",
    "wanted",
]
