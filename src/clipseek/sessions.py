"""Opens ONNX files with ONNX Runtime on the CPU; nothing else knows its options and errors."""

from pathlib import Path

import onnxruntime
from onnxruntime import InferenceSession as Session
from onnxruntime.capi import onnxruntime_pybind11_state as kinds

__all__ = ["FAILURES", "VERSION", "Session", "opened"]

VERSION: str = onnxruntime.__version__

FAILURES = (
    kinds.Fail,
    kinds.InvalidArgument,
    kinds.InvalidGraph,
    kinds.InvalidProtobuf,
    kinds.NoSuchFile,
    kinds.NotImplemented,
    kinds.RuntimeException,
)
"""What the runtime raises when a file cannot be loaded or run; these errors have no common base."""


def opened(
    model: Path | bytes, *, threads: int | None = None, spins: bool = True, packs: bool = True
) -> Session:
    """Open a session of a file, or of the bytes of one.

    Args:
        model: The file. One whose weights are in files beside it must be given by its path.
        threads: How many run one call; None takes all cores.
        spins: Whether threads that wait for each other within a run turn instead of sleeping. This
            saves a third of the time of a sentence (ViT-B-32 in int8, two cores: 2.3 ms instead of
            3.2), and takes processors from others meanwhile. Between runs they always sleep.
        packs: Whether weights are copied in the order that products read them in. It makes runs
            faster and loading slower: the text tower of PE-Core-B-16 in int8, one thread: 79 ms of
            processor time instead of 144 for a sentence, 1.1 s instead of 0.5 to load, and 336 MB
            that other processes cannot share. Results in int8 are the same to the bit; in fp32
            they are not (5e-6 in a number of a vector of that tower).

    Raises:
        FAILURES: the runtime cannot load it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    if spins:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    else:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not packs:
        options.add_session_config_entry("session.disable_prepacking", "1")
    options.log_severity_level = 4  # it also logs what it raises, and warns of unused weights
    given = model if isinstance(model, bytes) else str(model)
    return Session(given, options, providers=["CPUExecutionProvider"])
