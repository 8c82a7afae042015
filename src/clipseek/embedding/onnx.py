"""OnnxEmbedder: runs a model bundle on the CPU, with onnxruntime or OpenVINO."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from clipseek.embedding.bundle import TEXT, TOKENIZER, VISUAL, Bundle
from clipseek.embedding.openvino import OpenVinoTower
from clipseek.embedding.pixels import fit, normalise
from clipseek.embedding.session import OnnxTower
from clipseek.embedding.words import clean, longest_read, says_something
from clipseek.errors import ConfigError

# Rows that go through a tower at once. More does not run faster on a CPU and costs memory: the
# activations of one picture of a base-sized tower take some 10 MB.
_BLOCK = 32
# OpenVINO takes fewer by itself: more here, so that its threads wait for each other less often.
_OPENVINO_BLOCK = 64

# A text tower of up to so many bytes runs in one thread: that of the demo has 4 MB, and with 100
# connections on two cores 1900 searches a second are answered, with two threads 1700.
_SMALL_BYTES = 16_000_000

# What a further run of a text tower costs, in tokens of one that runs anyway: a run reads all
# weights. ViT-B-32, one thread: 16 ms for a sentence of one token, 0.7 ms for each further one.
_RUN_TOKENS = 22


class OnnxEmbedder:
    """Embeds pictures and sentences with the two towers of a bundle.

    A tower is loaded when it is first used: who searches needs no visual tower, who ingests no
    text tower, and each can be more than a gigabyte. The visual tower runs where the bundle says.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        """Keep what is needed; `threads` None lets the runtime use all cores for a run."""
        self._bundle = bundle
        self._threads = threads or os.cpu_count() or 1
        self._visual = _visual(bundle, threads)
        self._text = OnnxTower(
            partial(bundle.file, TEXT),
            "tokens",
            [bundle.context_length],
            bundle.dim,
            1 if _is_small(bundle) else threads,
        )
        self._tokenizer = _tokenizer(bundle)
        self._empty = _empty_tokens(self._tokenizer)
        # `read` and `embed_texts` are asked about the same sentences, by a few threads.
        self._encoded = lru_cache(maxsize=8)(self._tokenized)

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
        vectors = np.empty((len(pixels), self.dim), np.float32)
        step = _OPENVINO_BLOCK if self._bundle.runtime == "openvino" else _BLOCK
        for start in range(0, len(pixels), step):
            block = fit(pixels[start : start + step], recipe, threads=self._threads)
            vectors[start : start + step] = _unit(self._visual(block))
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut.

        A tower that takes any length sees no padding past the longest sentence of a block, and
        sentences of like length share a block: a long one does not make short ones long.
        """
        tokens, lengths, _ = self._encoded(tuple(texts))
        vectors = np.empty((len(texts), self.dim), np.float32)
        if len(texts) and not self._text.takes_any_length:
            lengths = np.full(len(texts), self._bundle.context_length)
        for rows in blocks(lengths, self._together):
            vectors[rows] = _unit(self._text.run(tokens[rows, : lengths[rows].max()]))
        return vectors

    @property
    def _together(self) -> int:
        """How many sentences share a run.

        An int8 text tower takes the range of what it quantises from the rows of a run: a sentence
        beside another one would have another vector.
        """
        return 1 if self._bundle.text_precision == "int8" else _BLOCK

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the token ids of sentences, int64 (N, context_length)."""
        return self._encoded(tuple(texts))[0]

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads; see `protocols`."""
        tokens, _, is_cut = self._encoded(tuple(texts))
        has_words = [bool(row.any()) for row in np.isin(tokens, self._empty, invert=True)]
        ends = []
        for text, words, cut in zip(texts, has_words, is_cut, strict=True):
            if not words or not says_something(clean(text, self._bundle.clean)):
                ends.append(0)
            else:
                ends.append(longest_read(text, self._fits) if cut else len(text))
        return ends

    def _fits(self, text: str) -> bool:
        return not self._tokenizer.encode(clean(text, self._bundle.clean)).overflowing

    def _tokenized(
        self, texts: tuple[str, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[bool]]:
        """Return the token ids, how many of each row are no padding, int64 (N,), and what is cut.

        A sentence is cut where it has more tokens than a row.
        """
        cleaned = [clean(text, self._bundle.clean) for text in texts]
        encodings = self._tokenizer.encode_batch(cleaned)
        shape = len(texts), self._bundle.context_length
        ids = np.asarray([one.ids for one in encodings], np.int64).reshape(shape)
        seen = np.asarray([one.attention_mask for one in encodings], np.int64).reshape(shape)
        is_cut = [bool(one.overflowing) for one in encodings]
        return ids, np.maximum(seen.sum(axis=1), 1), is_cut


def blocks(lengths: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    """Return the rows that go through the tower together, shortest first, `most` at most.

    A block ends where its rows, padded to the next one's length, would cost more than a run of
    their own.
    """
    order = np.argsort(lengths, kind="stable")
    starts = [0] if len(order) else []
    for place, row in enumerate(order.tolist()):
        held = place - starts[-1]
        padding = held * int(lengths[row] - lengths[order[place - 1]]) if held else 0
        if held == most or padding > _RUN_TOKENS:
            starts.append(place)
    return np.split(order, starts[1:]) if starts else []


def _is_small(bundle: Bundle) -> bool:
    """Say whether the text tower is so small that its threads would only wait for each other."""
    files = [file for file in bundle.path.glob(f"{TEXT}*") if file.is_file()]
    return sum(file.stat().st_size for file in files) <= _SMALL_BYTES


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _visual(
    bundle: Bundle, threads: int | None
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return what turns fitted uint8 (N, S, S, 3) into float32 (N, dim), not normalised."""
    if bundle.runtime == "openvino":
        return OpenVinoTower(bundle, threads).run
    side, recipe = bundle.image_size, bundle.recipe
    tower = OnnxTower(partial(bundle.file, VISUAL), "pixels", [3, side, side], bundle.dim, threads)
    return lambda square: tower.run(normalise(square, recipe))


def _empty_tokens(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the ids of the tokens that any sentence has: start, end and padding."""
    return np.unique(np.array(tokenizer.encode("").ids, np.int64))


# The largest that open_clip's models have is of 33 MB (the 256 000 words of SigLIP 2).
_TOKENIZER_BYTES = 128 << 20


def _tokenizer(bundle: Bundle) -> Tokenizer:
    # Sentences are short: threads of the tokenizer's own cost more than they save (100 connections,
    # two cores: 2580 different searches a second with them, 2750 without).
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    file = bundle.file(TOKENIZER)
    if file.stat().st_size > _TOKENIZER_BYTES:
        raise ConfigError(f"{file} has more than {_TOKENIZER_BYTES} bytes; use another model")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ConfigError(f"{file} is not a tokenizer ({error}); export the model again") from error
    length = bundle.context_length
    padded = tokenizer.padding and tokenizer.padding["length"] == length
    if not padded or not tokenizer.truncation or tokenizer.truncation["max_length"] != length:
        raise ConfigError(
            f"{bundle.path / TOKENIZER} must cut and pad sentences to {length} tokens; "
            "export the model again"
        )
    return tokenizer
