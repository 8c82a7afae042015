"""From an open_clip model in memory to a bundle on disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.onnx import OnnxExporterError

from clipseek.calibration import model_constants
from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import (
    ANY_LENGTH,
    BANK,
    DEFAULT_COHERENCE,
    TEXT,
    TOKENIZER,
    VISUAL,
    Bundle,
)
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.export.attention import written_out
from clipseek.embedding.export.check import check_export
from clipseek.embedding.export.patches import export_patches
from clipseek.embedding.export.properties import (
    context_length,
    logit_bias,
    logit_scale,
    recipe_of,
    vector_length,
)
from clipseek.embedding.export.text import AGREEMENT, WholeText, cut, differs
from clipseek.embedding.export.tokenizer import convert_tokenizer
from clipseek.embedding.export.tracing import plain_tracing, save, traced
from clipseek.embedding.openclip.weights import load_weights
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.words import Clean
from clipseek.errors import ConfigError
from clipseek.types import Relevance

# The bank can take minutes on a small machine, so report the progress.
_REPORT_EVERY = 256


class _Visual(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels)  # type: ignore[operator,no-any-return]


def export_bundle(
    architecture: str,
    out: Path,
    *,
    pretrained: str | None = None,
    checkpoint: Path | None = None,
    bank_captions: Sequence[str],
    name: str | None = None,
    licence: str = "unknown",
    source: str | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Export a model of open_clip's list, downloading its weights from the hub at first use.

    Args:
        architecture: As open_clip names it.
        out: The bundle's folder; it appears whole or not at all.
        pretrained: The tag of published weights.
        checkpoint: A local file of weights of this architecture instead (safetensors, or a
            PyTorch state dict).
        bank_captions: The sentences of the relevance bank.
        name: The model's name; None makes it of the architecture and the tag or file.
        licence: Of the weights.
        source: Where the weights come from; None says the hub's repository or the file's name.
        report: Is called with each step, in a few words.

    Raises:
        ConfigError: no such model, its weights are not available, or it cannot be exported.
    """
    tag = pretrained or (checkpoint.stem if checkpoint else "")
    name = name or f"{architecture}/{tag}"
    report(f"loading the weights of {name}")
    loaded = load_weights(architecture, pretrained=pretrained, checkpoint=checkpoint)
    length = context_length(loaded.model)
    tokenizer, clean = convert_tokenizer(loaded.tokenizer, length, bank_captions)
    return export_model(
        loaded.model,
        loaded.preprocess_cfg,
        tokenizer,
        out,
        name=name,
        bank_captions=bank_captions,
        licence=licence,
        source=source or loaded.source,
        clean=clean,
        report=report,
    )


def export_model(
    model: nn.Module,
    preprocess_cfg: Mapping[str, Any],
    tokenizer_json: str | Path | Tokenizer,
    out: Path,
    *,
    name: str,
    bank_captions: Sequence[str],
    licence: str,
    source: str,
    coherence: float = DEFAULT_COHERENCE,
    relevance: Relevance | None = None,
    clean: Clean = "none",
    report: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write an open_clip model (`CLIP` or `CustomTextCLIP`, fp32, on the CPU) as a bundle.

    Args:
        model: The model with its weights; put into eval mode.
        preprocess_cfg: open_clip's, as in `model.visual.preprocess_cfg`.
        tokenizer_json: A file in the format of Hugging Face `tokenizers`, or the tokenizer.
            Truncation and padding to the model's context length are added, with id 0 if it has no
            padding of its own.
        out: The bundle's folder; it appears whole or not at all.
        name: The model's name.
        bank_captions: The sentences of the relevance bank.
        licence: Of the weights.
        source: Where the weights come from.
        coherence: Cosine below which a frame does not belong to the running segment.
        relevance: The curve; None takes `calibration.model_constants`.
        clean: How a sentence is cleaned before the tokenizer (see `words.clean`).
        report: Is called with each step, in a few words.

    Raises:
        ConfigError: the bundle's towers do not give the vectors that the model gives, or the
            model cannot be put into this format.
    """
    model = model.eval().float()
    tokenizer = _fixed_length(tokenizer_json, context_length(model))
    recipe = recipe_of(preprocess_cfg)
    manifest = bundles.Manifest(
        name=name,
        dim=vector_length(model),
        image_size=recipe.image_size,
        mean=recipe.mean,
        std=recipe.std,
        interpolation=recipe.interpolation,
        resize=recipe.resize,
        fill=recipe.fill,
        context_length=context_length(model),
        clean=clean,
        logit_scale=logit_scale(model),
        logit_bias=logit_bias(model),
        coherence=coherence,
        relevance=relevance or model_constants(len(bank_captions), logit_bias(model)),
        licence=licence,
        source=source,
    )

    def fill(folder: Path) -> None:
        report("exporting the towers")
        tokenizer.save(str(folder / TOKENIZER), pretty=False)
        _export_towers(model, manifest, folder, report)
        embedder = on_cpu(bundles.draft(folder, manifest))
        report("comparing the towers with the model")
        report(f"cosine {check_export(model, preprocess_cfg, embedder):.6f} at worst")
        np.save(folder / BANK, _bank(embedder, bank_captions, report))

    return bundles.write(out, manifest, fill)


def _bank(
    embedder: BundleEmbedder, captions: Sequence[str], report: Callable[[str], None]
) -> NDArray[np.float16]:
    rows = np.empty((len(captions), embedder.dim), np.float16)
    for start in range(0, len(captions), _REPORT_EVERY):
        report(f"embedding sentence {start + 1} of {len(captions)} of the relevance bank")
        block = slice(start, start + _REPORT_EVERY)
        rows[block] = embedder.embed_texts(captions[block])
    return rows


def _fixed_length(tokenizer: str | Path | Tokenizer, length: int) -> Tokenizer:
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = Tokenizer.from_file(str(tokenizer))
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": tokenizer.id_to_token(0) or ""}
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        length=length, pad_id=padding["pad_id"], pad_token=padding["pad_token"]
    )
    return tokenizer


def _export_towers(
    model: nn.Module, manifest: bundles.Manifest, folder: Path, report: Callable[[str], None]
) -> None:
    side = manifest.image_size
    # Two rows, because the exporter treats a batch of one as a constant.
    pixels = torch.zeros(2, 3, side, side)
    try:
        with plain_tracing(), written_out(model):
            _export_tower(_Visual(model), pixels, {"pixels": {0: "N"}}, folder / VISUAL)
            export_patches(model, pixels, folder, report)
            _export_text(model, manifest, folder, report)
    except (OnnxExporterError, RuntimeError) as error:
        raise ConfigError(
            f"torch {torch.__version__} cannot export {manifest.name} to ONNX: {error}"
        ) from error


def _export_text(
    model: nn.Module, manifest: bundles.Manifest, folder: Path, report: Callable[[str], None]
) -> None:
    """Write the text tower cut at the end token, or whole if that gives other vectors."""
    tokens = torch.zeros(2, manifest.context_length, dtype=torch.long)
    if shorter := cut(model):
        _export_tower(shorter, tokens, {"tokens": {0: "N", 1: ANY_LENGTH}}, folder / TEXT)
        worst = differs(model, on_cpu(bundles.draft(folder, manifest)))
        if worst <= AGREEMENT:
            return report(f"sentences are cut at their end token ({worst:.1e} off at worst)")
        (folder / f"{TEXT}.data").unlink(missing_ok=True)
    report(f"sentences are padded to {manifest.context_length} tokens, as this model needs them")
    return _export_tower(WholeText(model), tokens, {"tokens": {0: "N"}}, folder / TEXT)


def _export_tower(
    tower: nn.Module, example: Tensor, axes: dict[str, dict[int, str]], file: Path
) -> None:
    """Write one file; `axes` names the input and those of its axes that may have any size."""
    save(traced(tower, example, axes, "vectors", file.parent), file)
