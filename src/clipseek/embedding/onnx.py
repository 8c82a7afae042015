"""OnnxEmbedder: runs a model bundle with onnxruntime on the CPU."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from tokenizers import Tokenizer

from clipseek.embedding.bundle import TEXT, TOKENIZER, VISUAL, Bundle
from clipseek.embedding.pixels import fit, normalise
from clipseek.embedding.words import clean
from clipseek.errors import ConfigError

# Rows that go through a tower at once. More does not run faster on a CPU and costs memory: the
# activations of one picture of a base-sized tower take some 10 MB.
_BLOCK = 32

_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class OnnxEmbedder:
    """Embeds pictures and sentences with the two towers of a bundle."""

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        """Load both towers.

        Args:
            bundle: The model.
            threads: CPU threads of one tower's run; None lets onnxruntime use all cores.

        Raises:
            ConfigError: onnxruntime cannot run the towers, or they are of other sizes.
        """
        self._bundle = bundle
        side, length = bundle.image_size, bundle.context_length
        self._visual = _session(bundle.path / VISUAL, threads)
        self._text = _session(bundle.path / TEXT, threads)
        _check(self._visual, bundle.path / VISUAL, "pixels", [3, side, side], bundle.dim)
        _check(self._text, bundle.path / TEXT, "tokens", [length], bundle.dim)
        self._tokenizer = _tokenizer(bundle)

    @property
    def model(self) -> str:
        """The bundle's name."""
        return self._bundle.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._bundle.dim

    @property
    def image_size(self) -> int:
        """Side of the square picture that the model sees, in pixels."""
        return self._bundle.image_size

    @property
    def fingerprint(self) -> str:
        """The bundle's fingerprint."""
        return self._bundle.fingerprint

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop uint8 (N, H, W, 3) by the model's recipe to (N, S, S, 3)."""
        return fit(pixels, self._bundle.recipe)

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows."""
        recipe = self._bundle.recipe

        def run(start: int) -> NDArray[np.float32]:
            block = fit(pixels[start : start + _BLOCK], recipe)
            return _run(self._visual, "pixels", normalise(block, recipe))

        return self._in_blocks(len(pixels), run)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut."""

        def run(start: int) -> NDArray[np.float32]:
            return _run(self._text, "tokens", self.tokens(texts[start : start + _BLOCK]))

        return self._in_blocks(len(texts), run)

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the token ids of sentences, int64 (N, context_length)."""
        cleaned = [clean(text, self._bundle.clean) for text in texts]
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        return np.asarray(rows, np.int64).reshape(len(texts), self._bundle.context_length)

    def _in_blocks(
        self, count: int, run: Callable[[int], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        vectors = np.empty((count, self.dim), np.float32)
        for start in range(0, count, _BLOCK):
            rows = run(start)
            vectors[start : start + _BLOCK] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return vectors


def _session(file: Path, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3  # errors only: they are raised as well
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except _LOAD_ERRORS as error:
        raise ConfigError(
            f"onnxruntime {onnxruntime.__version__} cannot load {file}: {error}; export the model "
            "again, or install the onnxruntime that the bundle was made with"
        ) from error


def _check(
    session: onnxruntime.InferenceSession, file: Path, name: str, shape: list[int], dim: int
) -> None:
    taken, given = session.get_inputs(), session.get_outputs()
    found = [(one.name, one.shape[1:]) for one in (*taken, *given)]
    if found != [(name, shape), ("vectors", [dim])]:
        raise ConfigError(
            f"{file} must take {name} (N, {shape}) and give vectors (N, {dim}), but has {found}; "
            "export the model again"
        )


def _tokenizer(bundle: Bundle) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(bundle.path / TOKENIZER))
    length = bundle.context_length
    fixed = tokenizer.padding and tokenizer.padding["length"] == length
    if not fixed or not tokenizer.truncation or tokenizer.truncation["max_length"] != length:
        raise ConfigError(
            f"{bundle.path / TOKENIZER} must cut and pad sentences to {length} tokens; "
            "export the model again"
        )
    return tokenizer


def _run(
    session: onnxruntime.InferenceSession, name: str, rows: NDArray[np.generic]
) -> NDArray[np.float32]:
    (vectors,) = session.run(["vectors"], {name: rows})
    return np.asarray(vectors, np.float32)
