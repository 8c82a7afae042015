"""Whether ways to rank and to cut hits find the right moments better, and what cutting costs.

    python -m benchmarks.sharpening DATA_DIR [DATA_DIR …]
    python -m benchmarks.sharpening --scenes 1500
    python -m benchmarks.sharpening --cost

DATA_DIR has been ingested from `DATA_DIR/videos`, which `indexer demo` has drawn. For each way, and
each DATA_DIR, it prints R@1, R@1 at IoU 0.5, and the share of absent queries that are recognised.

`as it is`: hits are ordered by score. `hubs A`: by the score minus A times the mean score of the
segment with the 8 sentences of the bank that are nearest to it (NNN, Chowdhury et al. 2024,
"Nearest Neighbor Normalization Improves Multimodal Retrieval"). `bias A`: minus A times the bias of
the segment by the bank, also if the model was trained with a sigmoid. `templates`: the sentence is
the mean of itself in `TEMPLATES`. `watershed A`: on both sides of its best frame, the first hit is
cut where the curve falls below the median of the video plus A times what is from there to that
frame. `trimmed`: the first hit is cut by `ranking.trimmed`, as `sharpen` does.

The last table is of generated videos (`benchmarks.moments`): the mean IoU of the first hit with
the event and the whole scene that are asked for.

`--scenes` draws so many scenes, twice, asks for 1000 of them, and prints the share of sentences
whose first hit is right and the mean average precision, for the ways to rank.

`--cost` prints the time of a search over ten generated videos of 2 hours, plain and sharpened.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks import moments
from benchmarks.similar import embed, picture
from benchmarks.timeline import SCALE, _Generated
from benchmarks.vectors import made
from clipseek import calibration, ranking
from clipseek.assembly import open_existing
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.demo.captions import partial_caption
from clipseek.demo.measure import MODEL
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import sample_scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.evaluation import Caption, Found, evaluate
from clipseek.index import ExactIndex
from clipseek.library.collections import Collections
from clipseek.library.models import Models
from clipseek.library.views import Views
from clipseek.model import Model
from clipseek.publishing import FolderStore
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.types import (
    PICTURE,
    FieldSegments,
    FrameVectors,
    Neighbours,
    Put,
    SearchResult,
    Span,
    Video,
)
from indexer.captions import read_captions

TEMPLATES = ("{}", "a picture of {}", "a photo of {}", "a drawing of {}", "a scene with {}")
NEAREST, VIDEOS, FRAMES, EACH, TIMES = 512, 10, 7200, 8, 20
LOGIT_SCALE = 40.0
"""Of generated vectors, which belong to no model of their own."""

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Cut = Callable[[Span, Floats, Floats, Floats], Span]
"""Cuts a span by the times, the cosines and the relevance of all frames of its video."""


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Ways to rank and to cut hits.")
    parser.add_argument("data_dirs", nargs="*", type=Path, metavar="DATA_DIR")
    parser.add_argument("--scenes", type=int, metavar="N", help="rank so many drawn scenes")
    parser.add_argument("--cost", action="store_true", help="the time that cutting takes")
    options = parser.parse_args()
    if options.cost:
        for sharpen in (False, True):
            sys.stdout.write(f"sharpen {sharpen!s:6} {cost(sharpen=sharpen):8.1f} ms\n")
        return 0
    if options.scenes:
        for seed in (5151, 7373):
            _of_scenes(seed, options.scenes)
        return 0
    for data_dir in options.data_dirs:
        _of_library(_Library(data_dir))
    _of_generated()
    return 0


class _Library:
    """What a data folder has, and the sentences of its captions."""

    def __init__(self, data_dir: Path) -> None:
        with open_existing(Settings.load(data_dir=str(data_dir))) as service:
            name, catalog = service.settings.collection, service.catalog
            collection = catalog.collection(name)
            self.model = service.collections.models.get(collection)
            self.scoring = self.model.scoring_of(collection)
            blocks = list(catalog.blocks(name))
            self.ids = np.concatenate([each.ids for each in blocks])
            self.videos = np.concatenate([each.video_ids for each in blocks])
            spans = np.concatenate([each.spans for each in blocks])
            best = np.concatenate([each.best_times for each in blocks])
            self.biases = np.concatenate([each.biases for each in blocks])
            self.vectors = np.concatenate([each.vectors for each in blocks])
            names, owners = np.unique(self.videos, return_inverse=True)
            known = catalog.videos_by_id(name, names.tolist())
            self.files = {key: each.uri.rpartition("/")[2] for key, each in known.items()}
            self.frames = {key: catalog.frame_vectors(name, key) for key in known}
        self.rows = ranking.Rows(self.videos, owners, spans, best, self.biases)
        captions = read_captions(data_dir / "videos" / "captions.jsonl")
        self.captions: list[Caption] = [each for each in captions if each.kind == PICTURE]
        self.queries = self.model.embedder.embed_texts([each.query for each in self.captions])

    def in_templates(self) -> Rows:
        """Return the mean vector of each sentence in all templates."""
        texts = [form.format(each.query) for each in self.captions for form in TEMPLATES]
        rows = self.model.embedder.embed_texts(texts).reshape(
            len(self.captions), len(TEMPLATES), -1
        )
        return moments.unit(rows.mean(axis=1).astype(np.float64))

    def hubs(self) -> Rows:
        """Return the mean score of each segment with the sentences of the bank nearest to it."""
        scores = np.sort(self.vectors @ self.model.bank.T, axis=1)[:, -8:]
        return np.asarray(scores.mean(axis=1), np.float32)

    def answers(
        self, queries: Rows, *, minus: Rows | float = 0.0, cut: Cut | None = None
    ) -> list[list[Found]]:
        """Return the hits of each sentence by exact search; only the first one is cut."""
        return [self._answer(query, minus, cut) for query in queries]

    def _answer(self, query: Rows, minus: Rows | float, cut: Cut | None) -> list[Found]:
        scores = self.vectors @ query
        by = scores - minus
        first = np.lexsort((self.ids, -by))[:NEAREST]
        near = Neighbours(self.ids[first][None], by[first][None].astype(np.float32))
        hits = ranking.merge(near, self.rows.at(first), [len(first)], [100])[0]
        of = dict(zip(self.ids.tolist(), scores.tolist(), strict=True))
        found = [
            Found(
                self.files[hit.video_id],
                hit.span,
                float(self._relevance(np.array([of[hit.segment_id]]), hit.bias)[0]),
                hit.best_time,
            )
            for hit in hits
        ]
        if cut is not None:
            times, frames = self.frames[hits[0].video_id]
            cosines = (frames @ query).astype(np.float64)
            span = cut(hits[0].span, times, cosines, self._relevance(cosines, hits[0].bias))
            found[0] = Found(found[0].file, span, found[0].relevance, found[0].time)
        return found

    def _relevance(self, cosines: Floats, bias: float) -> Floats:
        evidence = calibration.evidence(
            cosines, np.full(len(cosines), bias), self.scoring.logit_scale
        )
        return calibration.relevance(evidence, self.scoring.relevance)


def watershed(share: float) -> Cut:
    """Return the way that cuts where the curve falls below a share of the peak."""

    def cut(span: Span, times: Floats, cosines: Floats, _: Floats) -> Span:
        inside = np.flatnonzero((times >= span.start - 1e-3) & (times < span.end - 1e-3))
        if not len(inside):
            return span
        curve, middle = cosines[inside], float(np.median(cosines))
        low = np.flatnonzero(curve < middle + share * (float(curve.max()) - middle))
        peak = int(curve.argmax())
        before, after = low[low < peak], low[low > peak]
        return Span(
            float(times[inside[before[-1] + 1]]) if len(before) else span.start,
            float(times[inside[after[0]]]) if len(after) else span.end,
        )

    return cut


def trimmed(span: Span, times: Floats, _: Floats, relevance: Floats) -> Span:
    """Cut as `sharpen` does."""
    return ranking.trimmed(span, times, relevance)


CUTS: dict[str, Cut | None] = {
    "as it is": None,
    "watershed 0.5": watershed(0.5),
    "watershed 0.8": watershed(0.8),
    "trimmed": trimmed,
}


def _of_library(library: _Library) -> None:
    hubs = library.hubs()
    scale = library.scoring.logit_scale
    biases = calibration.bias(library.vectors, library.model.bank, scale) / np.float32(scale)
    for share in (0.25, 0.5):
        _say(f"hubs {share:g}", library, library.answers(library.queries, minus=share * hubs))
    for share in (0.5, 1.0):
        _say(
            f"bias {share:g}",
            library,
            library.answers(library.queries, minus=np.float32(share) * biases),
        )
    _say("templates", library, library.answers(library.in_templates()))
    for name, cut in CUTS.items():
        _say(name, library, library.answers(library.queries, cut=cut))


def _say(name: str, library: _Library, answers: Sequence[Sequence[Found]]) -> None:
    found = evaluate(library.captions, answers)
    groups = (("video", "R@1"), ("moment", "R@1@0.5"), ("absent", "recognised"), ("absent", "auc"))
    figures = [figure[key] for group, key in groups if isinstance(figure := found[group], dict)]
    sys.stdout.write(f"{name:14}" + "".join(f"{each:8.3f}" for each in figures) + "\n")


def _of_scenes(seed: int, count: int) -> None:
    """Print how well the ways to rank find drawn scenes."""
    rng = Random(seed)
    scenes = [sample_scene(rng) for _ in range(count)]
    captions = [partial_caption(rng.choice(scenes), rng) for _ in range(1000)]
    right = truth([each.description for each in captions], Facts.of(scenes))
    bundle = bundles.load(MODEL)
    embedder, bank = on_cpu(bundle, threads=2), bundle.bank()
    vectors = embed(embedder, [picture(scene) for scene in scenes])
    biases = calibration.bias(vectors, bank, bundle.logit_scale) / bundle.logit_scale
    hubs = np.sort(vectors @ bank.T, axis=1)[:, -8:].mean(axis=1)
    texts = [form.format(each.text) for each in captions for form in TEMPLATES]
    formed = embedder.embed_texts(texts).reshape(len(captions), len(TEMPLATES), -1)
    scores = formed[:, 0] @ vectors.T
    ways = {"as it is": scores}
    ways |= {f"hubs {share:g}": scores - share * hubs for share in (0.25, 0.5)}
    ways |= {f"bias {share:g}": scores - share * biases for share in (0.5, 1.0)}
    ways["templates"] = moments.unit(formed.mean(axis=1).astype(np.float64)) @ vectors.T
    for name, by in ways.items():
        ranked = np.take_along_axis(right, np.argsort(-by, axis=1), axis=1)
        found = np.cumsum(ranked, axis=1) / np.arange(1, count + 1)
        precisions = [row[which].mean() for row, which in zip(found, ranked, strict=True)]
        sys.stdout.write(f"{name:14}{ranked[:, 0].mean():8.3f}{np.mean(precisions):8.3f}\n")


def _of_generated() -> None:
    """Print how well the hits of generated videos fit the events and scenes asked for."""
    videos = [moments.made(seed) for seed in range(40)]
    chance = np.random.default_rng(0)
    others = [each for seed in range(500, 512) for each in moments.made(seed).events]
    bank = np.concatenate([_sentence(meant, chance) for _, meant in others])
    for level in ("events", "scenes"):
        asked = [(n, *one) for n, video in enumerate(videos) for one in getattr(video, level)]
        asked = [asked[i] for i in chance.permutation(len(asked))[:300]]
        sentences = np.concatenate([_sentence(meant, chance) for _, _, meant in asked])
        for name, cut in CUTS.items():
            wanted = [(number, span) for number, span, _ in asked]
            iou = _iou(videos, wanted, sentences, bank, cut)
            sys.stdout.write(f"{name:14}  {level}  IoU {iou:.3f}\n")


def _sentence(meant: Floats, chance: np.random.Generator) -> Rows:
    noise = 0.7 * chance.normal(size=moments.DIM) / moments.DIM**0.5
    return moments.unit(moments.unit(meant) + noise - 0.3 * moments.CONE)[None]


def _iou(
    videos: Sequence[moments.Video],
    wanted: Sequence[tuple[int, Span]],
    sentences: Rows,
    bank: Rows,
    cut: Cut | None,
) -> float:
    formed = [video.formed() for video in videos]
    owners = np.repeat(np.arange(len(videos)), [len(each) for each in formed])
    spans, vectors = (np.concatenate([getattr(f, n) for f in formed]) for n in ("spans", "vectors"))
    biases = calibration.bias(vectors, bank, LOGIT_SCALE)
    rows = ranking.Rows(owners.astype(np.str_), owners, spans, spans[:, 0], biases)
    index, curve = (
        ExactIndex(np.arange(len(spans)), vectors),
        calibration.model_constants(len(bank)),
    )
    ious = []
    for (number, span), sentence in zip(wanted, sentences, strict=True):
        near = index.search(sentence[None], ranking.candidates(10))
        first = ranking.merge(near, rows.at(near.ids[0]), [near.ids.shape[1]], [1])[0][0]
        video, found = videos[int(first.video_id)], first.span
        if cut is not None:
            cosines = (video.vectors @ sentence).astype(np.float64)
            evidence = LOGIT_SCALE * cosines - first.bias
            found = cut(found, video.times, cosines, calibration.relevance(evidence, curve))
        ious.append(found.iou(span) if int(first.video_id) == number else 0.0)
    return float(np.mean(ious))


def cost(*, sharpen: bool) -> float:
    """Return the median time of a search in milliseconds, after the first one."""
    vectors, sentences = made(VIDEOS * FRAMES, 512)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SqlCatalog.open(f"sqlite:///{folder}/catalog.db")) as catalog,
    ):
        embedder = _Generated(sentences[-1])
        model = Model("made", embedder, SCALE, 0.85, calibration.model_constants(1000), sentences)
        catalog.ensure_collection("made", "made", 512, embedder.fingerprint)
        for number, frames in enumerate(np.split(vectors, VIDEOS)):
            _put(catalog, number, frames, model)
        views = Views(catalog, FolderStore(Path(folder) / "snapshots"), refresh_s=3600)
        searcher = Searcher(Collections(catalog, views, Models(lambda _: model)))
        query = Query.of("a sentence", collection="made", sharpen=sharpen)
        took = []
        for _ in range(TIMES + 1):
            started = time.perf_counter()
            (answer,) = searcher.search([query])
            took.append(time.perf_counter() - started)
            assert isinstance(answer, SearchResult)
    return 1e3 * median(took[1:])


def _put(catalog: SqlCatalog, number: int, frames: Rows, model: Model) -> None:
    means = moments.unit(frames.reshape(-1, EACH, 512).mean(axis=1).astype(np.float64))
    edges = np.arange(0, FRAMES + 1, EACH, dtype=np.float64)
    biases = calibration.bias(means, model.bank, SCALE)
    thumbnails = ["none.jpg"] * len(means)
    picture = FieldSegments(
        np.stack([edges[:-1], edges[1:]], axis=1), means, edges[:-1], biases, thumbnails
    )
    video = Video(f"v{number}", f"/{number}.mp4", f"{number}", float(FRAMES), 64, 48, 1)
    kept = FrameVectors(np.arange(float(FRAMES)), frames)
    catalog.put("made", Put(video, {PICTURE: picture}, frames=kept))


if __name__ == "__main__":
    raise SystemExit(main())
