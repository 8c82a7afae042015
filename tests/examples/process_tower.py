"""ProcessTower: a tower that runs in a process beside, over its standard input and output.

It stands for a tower on another machine: everything that it takes is this file and the one line of
`assembly._embedder` that names `beside`. Each message is 8 bytes of length and an array as NumPy
writes it to a file. The child first says how it wants its rows; then each array of rows is answered
with an array of vectors.
"""

import io
import json
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers import text_on_cpu, visual_on_cpu
from clipseek.errors import ServiceUnavailable
from clipseek.protocols import Intake, Tower

_LENGTH = struct.Struct("<Q")


def beside(bundle: Bundle, *, threads: int | None = None, **_: bool) -> BundleEmbedder:
    """Return the embedder of a bundle whose towers run in two processes beside this one.

    How long this process lives is nothing to them.
    """
    visual, text = ProcessTower(bundle.path, "visual"), ProcessTower(bundle.path, "text")
    return BundleEmbedder(bundle, visual, text, threads=threads)


class ProcessTower:
    """Starts its process with the first rows, and another one after the first has ended."""

    def __init__(self, bundle: Path, half: str) -> None:
        self._command = [sys.executable, __file__, str(bundle), half]
        self._lock = Lock()  # one question at a time: answers come in their order
        self._process: subprocess.Popen[bytes] | None = None
        self._intake = Intake()

    @property
    def intake(self) -> Intake:
        """How the tower in the process wants its rows."""
        with self._lock:
            self._started()
            return self._intake

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim); raise ServiceUnavailable where the process has ended."""
        with self._lock:
            process = self._started()
            try:
                _send(_pipe(process.stdin), rows)
                return np.asarray(_receive(_pipe(process.stdout)), np.float32)
            except (OSError, EOFError) as error:
                raise self._ended(process) from error

    def check(self) -> None:
        """Start the process where it does not run; raise as `run` does."""
        with self._lock:
            self._started()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.communicate()
                self._process = None

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                said = _receive(_pipe(process.stdout))
            except (OSError, EOFError) as error:
                raise self._ended(process) from error
            self._intake = Intake(**json.loads(said.tobytes()))
            self._process = process
        return self._process

    def _ended(self, process: "subprocess.Popen[bytes]") -> ServiceUnavailable:
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # rows that were not sent are sent when it is closed
                _pipe(pipe).close()
        self._process = None
        command = " ".join(self._command)
        return ServiceUnavailable(
            f"the process `{command}` has ended with code {code}; see what it printed. The next "
            "rows start it again"
        )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _send(pipe: IO[bytes], rows: NDArray[Any]) -> None:
    written = io.BytesIO()
    np.save(written, rows, allow_pickle=False)
    pipe.write(_LENGTH.pack(written.tell()) + written.getbuffer())
    pipe.flush()


def _receive(pipe: IO[bytes]) -> NDArray[Any]:
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    found: NDArray[Any] = np.load(io.BytesIO(_exactly(pipe, length)), allow_pickle=False)
    return found


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) < count:
        raise EOFError
    return found


def serve(tower: Tower, source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer rows with vectors until the other end is closed."""
    intake = tower.intake
    said = {
        "most": intake.most,
        "normalised": intake.normalised,
        "any_length": intake.any_length,
    }
    _send(sink, np.frombuffer(json.dumps(said).encode(), np.uint8))
    while True:
        try:
            rows = _receive(source)
        except (EOFError, struct.error):
            return
        _send(sink, tower.run(rows))


if __name__ == "__main__":
    bundle = bundles.load(Path(sys.argv[1]))
    make = visual_on_cpu if sys.argv[2] == "visual" else text_on_cpu
    serve(make(bundle, None), sys.stdin.buffer, sys.stdout.buffer)
