"""Sentence models: what a text means, as a vector that is compared with those of other texts.

A sentence model runs from a folder, which `indexer models sentences` makes, of these files:

    sentences.json   the manifest, below
    text.onnx        input "tokens" int64 (N, L), any L; output "vectors" (N, dim)
    tokenizer.json   Hugging Face `tokenizers` format, with truncation and padding in it
    *.onnx.data      the weights of a large model, beside its graph

`sentences.json` contains:

    format           1; a reader refuses any other
    name             of the model, for people
    dim              length of a vector
    context_length   tokens of a text at most
    query, passage   what is put before a sentence that is asked for, and before a passage
    relevance        {scale, offset, fitted}: the curve from cosine to relevance
    files            {file name: SHA-256 in hex} of every other file
"""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipseek.embedding.bundle import TEXT, TOKENIZER
from clipseek.embedding.embedder import blocks
from clipseek.embedding.tokens import Tokens
from clipseek.embedding.towers.onnxruntime import OnnxTower
from clipseek.embedding.words import Clean
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.types import Relevance

FORMAT: Literal[1] = 1
MANIFEST = "sentences.json"
_MANIFEST_BYTES = 1 << 20


class Manifest(BaseModel):
    """What a sentence model says about itself; the fields are explained at the top of this file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    name: str
    dim: int = Field(ge=1, le=8192)
    context_length: int = Field(ge=2, le=8192)
    query: str = ""
    passage: str = ""
    relevance: Relevance
    files: dict[str, str] = Field(default_factory=dict)


class SentenceBundle:
    """A sentence model on disk. A file is checked when it is read."""

    clean: Clean = "none"

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """Keep what is needed."""
        self.path = path
        self.manifest = manifest

    @property
    def context_length(self) -> int:
        """Tokens of a text at most."""
        return self.manifest.context_length

    @property
    def fingerprint(self) -> str:
        """Hash of what determines a vector: equal fingerprints, equal vectors."""
        facts = self.manifest.model_dump(exclude={"name", "relevance"})
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def file(self, name: str) -> Path:
        """Return the path of a file that is about to be read, checked with its weights.

        Raises:
            ConfigError: it is not the file that the manifest describes.
        """
        for each, expected in self.manifest.files.items():
            if each.startswith(name) and _sha256(self.path / each) != expected:
                raise damaged(self.path, f"{each} is not the file that {MANIFEST} describes")
        return self.path / name


def load(path: Path) -> SentenceBundle:
    """Open a sentence model; its files are hashed when they are read.

    Raises:
        ConfigError: it is not one, or it is damaged.
    """
    try:
        with open_regular(path / MANIFEST) as opened:
            text = opened.read(_MANIFEST_BYTES)
    except OSError as error:
        raise ConfigError(
            f"{path} is not a sentence model: it has no readable {MANIFEST}; make one from the "
            f"folder of a model with `indexer models sentences FOLDER {path}`"
        ) from error
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise damaged(path, f"{MANIFEST}: {where or 'it'}: {first['msg']}") from error
    for name in {TEXT, TOKENIZER} | manifest.files.keys():
        if name not in manifest.files or Path(name).name != name or not (path / name).is_file():
            raise damaged(path, f"{name} is missing")
    return SentenceBundle(path, manifest)


def sealed(path: Path, manifest: Manifest) -> SentenceBundle:
    """Write the manifest of a folder that has all other files, with their hashes."""
    files = {file.name: _sha256(file) for file in sorted(path.iterdir()) if file.name != MANIFEST}
    whole = manifest.model_copy(update={"files": files})
    (path / MANIFEST).write_text(whole.model_dump_json(indent=2) + "\n", "utf-8")
    return SentenceBundle(path, whole)


class SentenceModel:
    """A SentenceEmbedder of a bundle, on onnxruntime. Thread-safe."""

    def __init__(self, bundle: SentenceBundle, *, threads: int | None = None) -> None:
        """Keep what is needed; `threads` None uses all cores for a run."""
        self._bundle = bundle
        self._tokens = Tokens(bundle)
        self._tower = OnnxTower(
            partial(bundle.file, TEXT),
            "tokens",
            [bundle.context_length],
            bundle.manifest.dim,
            threads=threads,
        )

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._bundle.manifest.dim

    @property
    def fingerprint(self) -> str:
        """The bundle's fingerprint."""
        return self._bundle.fingerprint

    @property
    def relevance(self) -> Relevance:
        """The curve from the cosine of a sentence and a passage to relevance."""
        return self._bundle.manifest.relevance

    def check(self) -> None:
        """Load the model.

        Raises:
            ConfigError: a file is damaged, or cannot be loaded.
        """
        self._tokens.check()
        _ = self._tower.intake

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences that are asked for; return float32 (N, dim), unit rows."""
        return self._embed([self._bundle.manifest.query + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; return float32 (N, dim), unit rows. What is too long is cut."""
        return self._embed([self._bundle.manifest.passage + text for text in texts])

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence are read: all, or 0 of what has no letter.

        What is cut is not said: words are searched for in all of the sentence beside this.
        """
        return [len(text) if any(map(str.isalnum, text)) else 0 for text in texts]

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dim), np.float32)
        if not texts:
            return vectors
        encoded, most = self._tokens.encode(texts), self._tower.intake.most
        for rows in blocks(encoded.lengths, most):
            ids = encoded.ids[rows, : encoded.lengths[rows].max()]
            vectors[rows] = self._tower.run(ids)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise damaged(self._bundle.path, f"{TEXT} gives a vector that is zero or not finite")
        unit: NDArray[np.float32] = vectors / lengths
        return unit


def opened(path: Path | None, threads: int | None) -> SentenceModel | None:
    """Return the model of a folder, which is loaded with the first sentence, or None without one.

    Raises:
        ConfigError: as `load` does.
    """
    return None if path is None else SentenceModel(load(path), threads=threads)


def damaged(path: Path, what: str) -> ConfigError:
    """Return the error for a folder that cannot be used."""
    return ConfigError(
        f"the sentence model {path} cannot be used: {what}; make it again with `indexer models "
        "sentences`"
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
