"""From the trained demo model to its bundle, with the curve of relevance fitted."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from clipseek import calibration
from clipseek.demo import tower
from clipseek.demo.measure import bank_captions, best_evidence, make_library
from clipseek.demo.otherworld import FOR_FITTING
from clipseek.demo.words import make_tokenizer
from clipseek.embedding.bundle import Bundle
from clipseek.embedding.export import export_model
from clipseek.embedding.towers import on_cpu
from clipseek.types import Relevance

_log = logging.getLogger(__name__)

# Cosine below which a frame begins another segment.
COHERENCE = 0.85
# Libraries with these seeds and numbers of videos are for fitting: small ones like those of the
# demo, and a larger one, in which the best of more segments is higher.
FIT_SEEDS = {6_000_001: 12, 6_000_002: 12, 6_000_003: 12, 6_000_004: 12, 6_000_005: 100}


def bundle_model(model: Any, out: Path) -> Bundle:
    """Write the trained open_clip model as a bundle, replacing one that is there.

    Raises:
        ConfigError: the model cannot be exported.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = _export(model, Path(folder) / "draft", relevance=None)
        relevance = fit_relevance(draft)
    return _export(model, out, relevance=relevance)


def fit_relevance(bundle: Bundle) -> Relevance:
    """Fit the curve on the best evidence of present and absent queries of made libraries."""
    embedder = on_cpu(bundle, threads=1)
    present, absent = [], []
    for seed, videos in FIT_SEEDS.items():
        library = make_library(embedder, seed=seed, videos=videos, coherence=COHERENCE)
        found = best_evidence(embedder, library, bundle, seed=seed, strangers=FOR_FITTING)
        present.append(found[0])
        absent.append(found[1])
    return calibration.fit(np.concatenate(present), np.concatenate(absent))


def _export(model: Any, out: Path, *, relevance: Relevance | None) -> Bundle:
    return export_model(
        model,
        tower.PREPROCESSING,
        make_tokenizer(),
        out,
        name="demo",
        bank_captions=bank_captions(),
        licence="Apache-2.0",
        source="python -m clipseek.demo.train",
        coherence=COHERENCE,
        relevance=relevance,
        report=_log.info,
    )
