"""From an open_clip model in memory to a bundle on disk."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.onnx import OnnxExporterError

from clipseek.calibration import model_constants
from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import BANK, DEFAULT_COHERENCE, TEXT, TOKENIZER, VISUAL, Bundle
from clipseek.embedding.onnx import OnnxEmbedder
from clipseek.embedding.openclip.check import check_export
from clipseek.embedding.words import Clean
from clipseek.errors import ConfigError
from clipseek.types import Relevance

# Opset 17 is the first with LayerNormalization; onnxruntime reads it since 1.13.
_OPSET = 17


class _Visual(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels)  # type: ignore[operator,no-any-return]


class _Text(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.encode_text(tokens)  # type: ignore[operator,no-any-return]


def export_model(
    model: nn.Module,
    preprocess_cfg: Mapping[str, Any],
    tokenizer_json: str | Path,
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
        tokenizer_json: A file in the format of Hugging Face `tokenizers`. Truncation and, where
            it has none, padding with id 0 to the model's context length are added.
        out: The bundle's folder; it appears whole or not at all.
        name: The model's name.
        bank_captions: The sentences of the relevance bank.
        licence: Of the weights.
        source: Where the weights come from.
        coherence: Cosine below which a frame does not belong to the running segment.
        relevance: The curve; None takes `calibration.model_constants`.
        clean: How a sentence is cleaned before the tokenizer (see `words.clean`).
        report: Is told each step, in a few words.

    Raises:
        ConfigError: the bundle's towers do not give the vectors that the model gives, or the
            model cannot be put into this format.
    """
    model = model.eval().float()
    tokenizer = _fixed_length(tokenizer_json, _context_length(model))
    manifest = _manifest(
        model,
        preprocess_cfg,
        name=name,
        clean=clean,
        coherence=coherence,
        relevance=relevance or model_constants(len(bank_captions)),
        licence=licence,
        source=source,
    )

    def fill(folder: Path) -> None:
        report("exporting the towers")
        tokenizer.save(str(folder / TOKENIZER), pretty=False)
        _export_towers(model, manifest, folder)
        embedder = OnnxEmbedder(bundles.draft(folder, manifest))
        report("checking the export")
        check_export(model, preprocess_cfg, embedder)
        report(f"embedding {len(bank_captions)} sentences of the relevance bank")
        np.save(folder / BANK, embedder.embed_texts(list(bank_captions)).astype(np.float16))

    return bundles.write(out, manifest, fill)


def _manifest(
    model: nn.Module, preprocess_cfg: Mapping[str, Any], **facts: Any
) -> bundles.Manifest:
    size = preprocess_cfg["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ConfigError(f"{facts['name']} takes {width}x{height} pictures, not square ones")
    interpolation = preprocess_cfg.get("interpolation", "bicubic")
    return bundles.Manifest(
        dim=_dim(model),
        image_size=int(height),
        mean=_triple(preprocess_cfg["mean"]),
        std=_triple(preprocess_cfg["std"]),
        # open_clip takes anything but "bilinear" as bicubic (transform.py, image_transform).
        interpolation="bilinear" if interpolation == "bilinear" else "bicubic",
        resize=preprocess_cfg.get("resize_mode") or "shortest",
        fill=int(preprocess_cfg.get("fill_color", 0)),
        context_length=_context_length(model),
        logit_scale=float(model.logit_scale.detach().exp()),  # type: ignore[operator]
        **facts,
    )


def _triple(values: float | Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = [values] * 3 if isinstance(values, int | float) else values
    return float(red), float(green), float(blue)


def _context_length(model: nn.Module) -> int:
    length = getattr(model, "context_length", None)
    if not isinstance(length, int):
        raise ConfigError(f"{type(model).__name__} has no context_length and cannot be exported")
    return length


@torch.inference_mode()
def _dim(model: nn.Module) -> int:
    tokens = torch.zeros(1, _context_length(model), dtype=torch.long)
    return int(model.encode_text(tokens).shape[1])  # type: ignore[operator]


def _fixed_length(tokenizer_json: str | Path, length: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": tokenizer.id_to_token(0) or ""}
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        length=length, pad_id=padding["pad_id"], pad_token=padding["pad_token"]
    )
    return tokenizer


def _export_towers(model: nn.Module, manifest: bundles.Manifest, folder: Path) -> None:
    side = manifest.image_size
    # Two rows, because the exporter treats a batch of one as a constant.
    pixels = torch.zeros(2, 3, side, side)
    tokens = torch.zeros(2, manifest.context_length, dtype=torch.long)
    try:
        with _plain_tracing():
            _export_tower(_Visual(model), pixels, "pixels", folder / VISUAL)
            _export_tower(_Text(model), tokens, "tokens", folder / TEXT)
    except (OnnxExporterError, RuntimeError) as error:
        raise ConfigError(
            f"torch {torch.__version__} cannot export {manifest.name} to ONNX: {error}"
        ) from error


def _export_tower(tower: nn.Module, example: Tensor, name: str, file: Path) -> None:
    torch.onnx.export(
        tower.eval(),
        (example,),
        str(file),
        input_names=[name],
        output_names=["vectors"],
        dynamic_axes={name: {0: "N"}, "vectors": {0: "N"}},
        opset_version=_OPSET,
        # The tracing exporter: it needs no further package, and its files hold no source paths.
        dynamo=False,
    )


@contextlib.contextmanager
def _plain_tracing() -> Iterator[None]:
    """Trace ordinary operators, and keep the exporter's own notes off the user's terminal."""
    fast = torch.backends.mha.get_fastpath_enabled()
    # The fused attention kernel has no counterpart in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # They say that the trace may be wrong; `check_export` finds out whether it is.
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
