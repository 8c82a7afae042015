"""From the folder of a sentence-transformers model to one that runs without torch.

BERT (Devlin et al. 2018) and XLM-RoBERTa (Conneau et al. 2019) are known, which most models
of this kind are, the multilingual ones included. Their weights are read from model.safetensors.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from clipseek import calibration
from clipseek.embedding import sentences
from clipseek.embedding.bundle import TEXT, TOKENIZER
from clipseek.embedding.export.tracing import plain_tracing, save, traced
from clipseek.embedding.sentences import Manifest, SentenceBundle, SentenceModel
from clipseek.errors import ConfigError
from clipseek.types import Relevance

Pairs = list[tuple[str, str]]
_KINDS = ("bert", "xlm-roberta")
_MOST = 512
"""Tokens of a text: a passage has some twenty, so longer ones are not worth their tokens."""
_CLOSE = 1e-3
"""How far the exported model may be from torch in any component of a unit vector."""
_UNFITTED = Relevance(1.0, 0.0, fitted=False)


class Encoder(nn.Module):
    """A BERT or XLM-RoBERTa encoder with its pooling: tokens (N, L) to vectors (N, dim)."""

    def __init__(
        self, config: Mapping[str, Any], weights: Mapping[str, Tensor], pad: int, *, mean: bool
    ) -> None:
        """Take the configuration and the weights; `mean` or the first token is the vector."""
        super().__init__()
        self.dim = int(config["hidden_size"])
        self.heads = int(config["num_attention_heads"])
        self.eps = float(config["layer_norm_eps"])
        self.pad, self.mean = pad, mean
        # Positions of RoBERTa begin after that of the padding (fairseq, `make_positions`).
        self.first = pad + 1 if config["model_type"] == "xlm-roberta" else 0
        self.layers = int(config["num_hidden_layers"])
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "_"), tensor.float())

    def _weight(self, name: str) -> Tensor:
        return self.get_buffer(name.replace(".", "_"))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return functional.layer_norm(x, (self.dim,), weight, bias, self.eps)

    def _attended(self, name: str, x: Tensor, away: Tensor) -> Tensor:
        count, length, size = x.shape[0], x.shape[1], self.dim // self.heads
        query, key, value = (
            self._linear(f"{name}.self.{each}", x)
            .view(count, length, self.heads, size)
            .transpose(1, 2)
            for each in ("query", "key", "value")
        )
        fit = (query @ key.transpose(-1, -2) / size**0.5 + away).softmax(-1)
        heard: Tensor = (fit @ value).transpose(1, 2).reshape(count, length, self.dim)
        return heard

    def forward(self, tokens: Tensor) -> Tensor:
        """Return vectors, not normalised; padding is left out by its token."""
        seen = (tokens != self.pad).to(torch.float32)
        places = torch.arange(tokens.shape[1]) + self.first
        x = functional.embedding(tokens, self._weight("embeddings.word_embeddings.weight"))
        x = x + self._weight("embeddings.position_embeddings.weight")[places][None]
        x = x + self._weight("embeddings.token_type_embeddings.weight")[0]
        x = self._norm("embeddings.LayerNorm", x)
        away = (1.0 - seen[:, None, None]) * -1e4
        for layer in range(self.layers):
            of = f"encoder.layer.{layer}"
            heard = self._linear(
                f"{of}.attention.output.dense", self._attended(f"{of}.attention", x, away)
            )
            x = self._norm(f"{of}.attention.output.LayerNorm", x + heard)
            inner = functional.gelu(self._linear(f"{of}.intermediate.dense", x))
            x = self._norm(f"{of}.output.LayerNorm", x + self._linear(f"{of}.output.dense", inner))
        if not self.mean:
            return x[:, 0]
        return (x * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)


def export_sentences(source: Path, out: Path, known: Pairs | None = None) -> SentenceBundle:
    """Make a sentence model at `out` from a folder; it appears whole or not at all.

    Its curve is fitted to the `known` pairs, by default to those of `pairs`.

    Raises:
        ConfigError: the folder is not such a model, its kind is not known, the exported one gives
            other vectors, it tells no sentences apart, or `out` is there or cannot be written.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already; name another folder")
    config = _json(source, "config.json", required=True)
    pooling = _json(source, "1_Pooling/config.json")
    _require_known(source, config, pooling)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"cannot write a sentence model in {out.parent}: {error}") from error
    try:
        bundle = _made(source, work, config, known or pairs(), is_mean=_is_mean(pooling))
        work.chmod(0o755)
        work.replace(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return SentenceBundle(out, bundle.manifest)


def _made(
    source: Path, work: Path, config: Mapping[str, Any], known: Pairs, *, is_mean: bool
) -> SentenceBundle:
    length = _length(source, config)
    pad = int(config.get("pad_token_id") or 0)
    _write_tokenizer(source, work, length, pad)
    try:
        module = Encoder(config, _weights(source), pad, mean=is_mean).eval()
        example = torch.full((2, 8), max(3, pad + 1), dtype=torch.int64)
        with plain_tracing():
            graph = traced(module, example, {"tokens": {0: "N", 1: "L"}}, "vectors", work)
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise _wrong(source, f"its weights do not fit its config.json ({error})") from error
    save(graph, work / TEXT)
    prompts = _json(source, "config_sentence_transformers.json").get("prompts") or {}
    manifest = Manifest(
        name=str(config.get("_name_or_path") or source.resolve().name),
        dim=int(config["hidden_size"]),
        context_length=length,
        query=str(prompts.get("query") or ""),
        passage=str(prompts.get("passage") or prompts.get("document") or ""),
        relevance=_UNFITTED,
    )
    draft = sentences.sealed(work, manifest)
    _prove(draft, module, source, known)
    try:
        curve = fitted(SentenceModel(draft), known)
    except ConfigError as error:
        raise _wrong(
            source, "it finds sentences that mean the same no nearer than others"
        ) from error
    return sentences.sealed(work, manifest.model_copy(update={"relevance": curve}))


def pairs() -> Pairs:
    """Return what is asked and what is said, of which each pair means the same."""
    text = Path(__file__).with_name("pairs.txt").read_text("utf-8")
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            asked, said = line.split(" | ")
            found.append((asked, said))
    return found


def fitted(model: SentenceModel, known: Pairs) -> Relevance:
    """Fit the curve: 0.5 is as far above the best wrong passage as below the right one.

    The best of all wrong passages counts for each sentence, because the best one is what a search
    finds of what is not there.
    """
    cosines = (
        model.embed_texts([asked for asked, _ in known])
        @ model.embed_passages([said for _, said in known]).T
    )
    wrong: NDArray[np.float32] = np.where(np.eye(len(known), dtype=bool), -1, cosines).max(axis=1)
    return calibration.fit(cosines.diagonal(), wrong)


def _prove(bundle: SentenceBundle, module: nn.Module, source: Path, known: Pairs) -> None:
    """Compare what onnxruntime gives for texts of several lengths with torch, one by one."""
    model, texts = SentenceModel(bundle), [said for _, said in known[:8]]
    texts += ["word", "word " * bundle.context_length]
    got = model.embed_passages(texts)
    tokenizer = Tokenizer.from_file(str(bundle.file(TOKENIZER)))
    tokenizer.no_padding()
    with torch.no_grad():
        for text, vector in zip(texts, got, strict=True):
            ids = tokenizer.encode(bundle.manifest.passage + text).ids
            expected = functional.normalize(module(torch.tensor([ids])), dim=-1)[0].numpy()
            off = float(np.abs(expected - vector).max())
            if not off <= _CLOSE:
                raise _wrong(source, f"its export differs from torch by {off:g} for {text[:30]!r}")


def _write_tokenizer(source: Path, work: Path, length: int, pad: int) -> None:
    try:
        tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
    except Exception as error:  # tokenizers raises nothing narrower
        raise _wrong(source, f"{TOKENIZER} cannot be read ({error})") from error
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        length=length, pad_id=pad, pad_token=tokenizer.id_to_token(pad) or "[PAD]"
    )
    tokenizer.save(str(work / TOKENIZER))


def _weights(source: Path) -> dict[str, Tensor]:
    """Read the weights, by names without the prefix that some models have."""
    try:
        found = load_file(source / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise _wrong(source, f"model.safetensors cannot be read ({error})") from error
    plain = {name.removeprefix("bert.").removeprefix("roberta."): found[name] for name in found}
    return {
        name: tensor
        for name, tensor in plain.items()
        if name.startswith(("embeddings.", "encoder.")) and tensor.is_floating_point()
    }


def _length(source: Path, config: Mapping[str, Any]) -> int:
    own = _json(source, "sentence_bert_config.json").get("max_seq_length")
    places = int(config["max_position_embeddings"])
    if config["model_type"] == "xlm-roberta":
        places -= int(config.get("pad_token_id") or 0) + 1
    return min(int(own or places), places, _MOST)


def _require_known(source: Path, config: Mapping[str, Any], pooling: Mapping[str, Any]) -> None:
    """Raise unless this code runs the model as it was trained."""
    kind, act = config.get("model_type"), config.get("hidden_act", "gelu")
    if kind not in _KINDS or act != "gelu":
        raise _wrong(source, f"its kind must be one of {', '.join(_KINDS)}, got {kind!r} ({act})")
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise _wrong(source, "its positions are not absolute")
    modes = [name for name, is_on in pooling.items() if name.startswith("pooling_mode_") and is_on]
    if modes not in ([], ["pooling_mode_mean_tokens"], ["pooling_mode_cls_token"]):
        raise _wrong(source, f"its pooling must be that of mean or first token, got {modes}")
    modules = [str(each.get("type", "")) for each in _json(source, "modules.json") or []]
    unknown = [
        each for each in modules if not each.endswith(("Transformer", "Pooling", "Normalize"))
    ]
    if unknown:
        raise _wrong(source, f"it has a module that is not known, {unknown[0]}")


def _is_mean(pooling: Mapping[str, Any]) -> bool:
    return not pooling.get("pooling_mode_cls_token")


def _json(source: Path, name: str, *, required: bool = False) -> Any:
    try:
        return json.loads((source / name).read_text("utf-8"))
    except FileNotFoundError as error:
        if required:
            raise _wrong(source, f"it has no {name}") from error
        return {}
    except (OSError, ValueError) as error:
        raise _wrong(source, f"{name} cannot be read ({error})") from error


def _wrong(source: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{source} cannot be made a sentence model: {what}; name the folder of a "
        "sentence-transformers model that is a BERT or an XLM-RoBERTa"
    )
