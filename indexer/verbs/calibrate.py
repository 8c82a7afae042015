"""The verb `calibrate`: what turns a score into relevance, by the bank or by known answers."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clipseek import calibration
from clipseek.assembly import load_collection_model, open_writer
from clipseek.config import Settings
from clipseek.evaluation import Caption
from clipseek.service import WritingService
from clipseek.types import PICTURE, SearchResult
from indexer.captions import Asked, read_captions, search
from indexer.output import emit, note, say
from indexer.rescoring import rescore


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Judge by the model's bank as it is now; with captions, fit the constants to them too."""
    captions = None if options.captions is None else _about_pictures(options.captions)
    service = open_writer(settings)
    try:
        is_new = _judge_anew(service)
        record = None if captions is None else _fit(service, captions)
        collection = service.catalog.collection(settings.collection)
    finally:
        service.close()
    if record is None and not is_new:
        note(f"relevance of collection {collection.name} already uses this bank")
    about = {"collection": collection.name, "version": collection.version, "rescored": is_new}
    if options.json:
        emit({**about, **(record or {})})
    elif record is not None:
        say(
            f"relevance of collection {collection.name}: scale {record['scale']:.4f}, "
            f"offset {record['offset']:.4f}, fitted on {record['present']} present and "
            f"{record['absent']} absent queries (AUC {record['auc']:.3f})"
        )
    return 0


def _about_pictures(path: Path) -> list[Caption]:
    """Read the sentences whose answers are pictures: the constants turn their scores alone."""
    return [
        caption
        for caption in read_captions(path)
        if caption.kind == PICTURE and not isinstance(caption, Asked)
    ]


def _judge_anew(service: WritingService) -> bool:
    """Compute the biases again if the bank or the constants have changed; say whether."""
    name = service.settings.collection
    model = load_collection_model(service.settings, service.catalog.collection(name))
    return rescore(service.catalog, name, model, note)


def _fit(service: WritingService, captions: Sequence[Caption]) -> dict[str, float]:
    """Fit the two constants of relevance to the user's own queries and store them."""
    answers = search(service, captions)
    found = [i for i, answer in enumerate(answers) if answer.hits]
    best = np.array([_best_evidence(answers[i]) for i in found])
    absent = np.array([captions[i].absent for i in found], np.bool_)
    constants = calibration.fit(best[~absent], best[absent])
    service.catalog.set_relevance(service.settings.collection, constants)
    return {
        "scale": constants.scale,
        "offset": constants.offset,
        "auc": calibration.auc(best[~absent], best[absent]),
        "present": int((~absent).sum()),
        "absent": int(absent.sum()),
    }


def _best_evidence(answer: SearchResult) -> float:
    return max(hit.evidence for hit in answer.hits)
