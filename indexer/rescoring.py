"""Scoring a collection again: the biases of its segments with the current bank of its model."""

from collections.abc import Callable
from functools import partial

from clipseek import calibration
from clipseek.model import Model
from clipseek.protocols import CatalogWriter
from clipseek.types import Collection
from indexer.output import counted


def rescore(catalog: CatalogWriter, name: str, model: Model, report: Callable[[str], None]) -> bool:
    """Make relevance what the model's bank and constants say now; return whether it was not.

    Nothing is decoded: biases are computed from the stored vectors, and stored as one change.
    `report` is told what is done and what it costs the user.
    """
    before = catalog.collection(name)
    if before.scoring == model.scoring:
        return False
    bias = partial(
        calibration.bias,
        bank=model.bank,
        logit_scale=model.logit_scale,
        logit_bias=model.logit_bias,
    )
    version = catalog.rescore(name, model.scoring, bias)
    segments = counted(catalog.counts(name)[1], "segment")
    report(
        f"relevance of collection {name}: the {_changed(before, model)} of model {model.name} "
        f"changed, so {segments} scored again (version {version})"
    )
    if before.relevance is not None and catalog.collection(name).relevance is None:
        report(
            "the constants that were fitted to your own queries belong to the previous scoring and "
            "are removed; fit them again with "
            f"`indexer calibrate CAPTIONS.jsonl --collection {name}`"
        )
    return True


def _changed(before: Collection, model: Model) -> str:
    """Name what is not as it was."""
    old, new = before.scoring, model.scoring
    if old is None:
        return "bank"
    parts = {
        "bank": old.bank != new.bank,
        "logit scale": old.logit_scale != new.logit_scale,
        "logit bias": old.logit_bias != new.logit_bias,
        "formula": old.formula != new.formula,
        "relevance constants": old.relevance != new.relevance,
    }
    return ", ".join(name for name, is_new in parts.items() if is_new)
