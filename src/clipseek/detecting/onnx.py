"""OnnxDetector: a detector in a file of the user's, run by onnxruntime on the CPU."""

import hashlib
import json
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipseek.detecting.heads import Facts, Head, UnknownHead, head_of
from clipseek.detections import Detections
from clipseek.errors import ConfigError
from clipseek.sessions import FAILURES, Session, opened

_KNOWN = {"classes", "strides", "mean", "std"}
_READ = "YOLOX, RT-DETR and RF-DETR are read; export the detector as one of these"


class OnnxDetector:
    """A `Detector`: an ONNX file, and beside it a JSON file of the same name with its classes."""

    def __init__(self, path: Path, *, threads: int | None = None, spins: bool = True) -> None:
        """Read both files; `threads` run the network, None takes all cores; see `sessions.opened`.

        Raises:
            ConfigError: a file is missing or damaged, or the network is of another kind.
        """
        self._path = path
        written = _bytes(path, "a detector is an ONNX file")
        beside = path.with_suffix(".json")
        said = _bytes(beside, 'write {"classes": [names in the order of the detector]} there')
        self._facts = _facts(beside, said)
        self.fingerprint = hashlib.sha256(hashlib.sha256(written).digest() + said).hexdigest()
        self._session = _session(path, written, threads, spins)
        inputs = {one.name: one.shape for one in self._session.get_inputs()}
        outputs = {one.name: one.shape for one in self._session.get_outputs()}
        try:
            self._head: Head = head_of(inputs, outputs, self._facts)
        except UnknownHead as error:
            raise ConfigError(f"the detector {path} cannot be read: {error}; {_READ}") from error
        first = next(iter(inputs.values()))[0]
        self._most = first if isinstance(first, int) else _AT_ONCE
        self._lock = Lock()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self._facts.classes

    def detect(self, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return what is seen in each of uint8 (N, H, W, 3) RGB, the surest first.

        Raises:
            ConfigError: the network does not run, or its answer has other shapes.
        """
        found: list[Detections] = []
        for start in range(0, len(frames), self._most):
            found += self._detected(frames[start : start + self._most])
        return found

    def _detected(self, frames: NDArray[np.uint8]) -> list[Detections]:
        """Run one batch, padded if the network takes no smaller ones."""
        count = len(frames)
        if self._most != _AT_ONCE and count < self._most:
            frames = np.concatenate([frames, np.repeat(frames[-1:], self._most - count, axis=0)])
        names = [one.name for one in self._session.get_outputs()]
        try:
            with self._lock:
                made = self._session.run(names, self._head.feeds(frames))
            found = self._head.detections(dict(zip(names, made, strict=True)), frames)
        except (*FAILURES, ValueError, IndexError) as error:
            raise ConfigError(
                f"the detector {self._path} does not run: {str(error).splitlines()[0]}; export it "
                "again"
            ) from error
        return found[:count]


_AT_ONCE = 8
"""Pictures of one run, if the network takes any number."""


def _bytes(path: Path, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); {hint}") from error


def _session(path: Path, written: bytes, threads: int | None, spins: bool) -> Session:
    try:
        return opened(written, threads=threads, spins=spins)
    except FAILURES as error:
        raise ConfigError(
            f"the detector {path} cannot be loaded: {str(error).splitlines()[0]}; {_READ}"
        ) from error


def _facts(path: Path, said: bytes) -> Facts:
    """Return what the JSON file says; raise ConfigError."""
    try:
        given = json.loads(said)
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}); write the classes into it") from error
    if not isinstance(given, dict) or not given.keys() <= _KNOWN:
        raise ConfigError(f"{path} must be an object of {sorted(_KNOWN)}; got other names")
    return Facts(
        _classes(path, given.get("classes")),
        **{
            name: _numbers(path, name, given[name])
            for name in sorted(_KNOWN & given.keys() - {"classes"})
        },
    )


def _classes(path: Path, names: Any) -> tuple[str, ...]:
    is_good = isinstance(names, list) and all(isinstance(each, str) and each for each in names)
    if not is_good or not names or len(set(names)) != len(names):
        raise ConfigError(f'{path}: "classes" must be a list of different names, got {names!r}')
    return tuple(names)


def _numbers(path: Path, name: str, given: Any) -> Any:
    """Return strides, or three numbers for the channels."""
    kind: type | tuple[type, ...] = int if name == "strides" else (int, float)
    is_good = isinstance(given, list) and all(
        isinstance(each, kind) and not isinstance(each, bool) for each in given
    )
    if is_good and name == "strides":
        is_good = bool(given) and min(given) > 0
    elif is_good:
        is_good = len(given) == 3 and (name != "std" or min(given) > 0)
    if not is_good:
        wanted = "whole numbers > 0" if name == "strides" else "three numbers"
        raise ConfigError(f'{path}: "{name}" must be a list of {wanted}, got {given!r}')
    return tuple(given)
