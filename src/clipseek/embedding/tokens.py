"""Tokens: what a model's text tower takes of a sentence, and how much of it that is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from clipseek.embedding.bundle import TOKENIZER
from clipseek.embedding.words import Clean, clean, longest_read, says_something
from clipseek.errors import ConfigError

# The largest that open_clip's models have is of 33 MB (the 256 000 words of SigLIP 2).
_TOKENIZER_BYTES = 128 << 20


class Tokenized(Protocol):
    """What has a tokenizer: a bundle of a model."""

    @property
    def path(self) -> Path:
        """Its folder."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens of a sentence."""
        ...

    @property
    def clean(self) -> Clean:
        """What is done to a sentence before the tokenizer."""
        ...

    def file(self, name: str) -> Path:
        """Return the path of a file, checked; raise ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """Sentences as token ids int64 (N, context_length).

    lengths: how many of each row are not padding, int64 (N,). is_cut: which sentences have more
    tokens than a row.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    is_cut: list[bool]


class Tokens:
    """Cleans and encodes sentences; the tokenizer is loaded when the first one comes."""

    def __init__(self, bundle: Tokenized) -> None:
        """Keep what is needed."""
        self._bundle = bundle
        # `read` and `encode` are asked about the same sentences, by a few threads.
        self._encoded = lru_cache(maxsize=8)(self._encode)

    def check(self) -> None:
        """Load the tokenizer.

        Raises:
            ConfigError: its file is damaged, or is not the tokenizer of this bundle.
        """
        _ = self._tokenizer

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Return the token ids of sentences; what is too long is cut."""
        return self._encoded(tuple(texts))

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads; see `protocols`."""
        encoded = self.encode(texts)
        has_words = [bool(row.any()) for row in np.isin(encoded.ids, self._empty, invert=True)]
        ends = []
        for text, words, cut in zip(texts, has_words, encoded.is_cut, strict=True):
            if not words or not says_something(clean(text, self._bundle.clean)):
                ends.append(0)
            else:
                ends.append(longest_read(text, self._fits) if cut else len(text))
        return ends

    def _fits(self, text: str) -> bool:
        return not self._tokenizer.encode(clean(text, self._bundle.clean)).overflowing

    def _encode(self, texts: tuple[str, ...]) -> Encoded:
        cleaned = [clean(text, self._bundle.clean) for text in texts]
        encodings = self._tokenizer.encode_batch(cleaned)
        shape = len(texts), self._bundle.context_length
        ids = np.asarray([one.ids for one in encodings], np.int64).reshape(shape)
        seen = np.asarray([one.attention_mask for one in encodings], np.int64).reshape(shape)
        is_cut = [bool(one.overflowing) for one in encodings]
        return Encoded(ids, np.maximum(seen.sum(axis=1), 1), is_cut)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return _load(self._bundle)

    @cached_property
    def _empty(self) -> NDArray[np.int64]:
        """The ids of the tokens that any sentence has: start, end and padding."""
        return np.unique(np.array(self._tokenizer.encode("").ids, np.int64))


def _load(bundle: Tokenized) -> Tokenizer:
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
