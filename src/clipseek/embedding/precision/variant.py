"""A model in another precision: made from its fp32 bundle, measured on real pictures, or chosen."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import MANIFEST, PATCHES, TEXT, VISUAL, Bundle, Manifest
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.models import bundle_folder
from clipseek.embedding.pixels import normalise
from clipseek.embedding.precision import (
    LEAST_COSINE,
    LEAST_PICTURES,
    PRECISIONS,
    Choice,
    Measured,
    Precision,
    Runtime,
    cosine,
    joined,
    overlap,
)
from clipseek.embedding.precision.quantise import quantise_text, quantise_visual
from clipseek.embedding.towers import on_cpu, openvino
from clipseek.errors import ConfigError

Pictures = Callable[[int], NDArray[np.uint8]]
"""Returns real pictures, uint8 (N, S, S, 3) of the model's size, N the argument at most."""

PICTURES = 128
"""How many are asked for; every fourth calibrates int8, the others measure."""
_EVERY = 4
_SENTENCES = 200
_WARM = 32


def resolve(
    bundle: Bundle,
    data_dir: Path,
    choice: Choice,
    *,
    captions: Sequence[str],
    pictures: Pictures,
    threads: int | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Return the model of an fp32 bundle in the chosen precision, made first if it is missing.

    Args:
        bundle: The model in fp32.
        data_dir: The variant is in its folder `models`.
        choice: A precision, or "auto": the fastest that is measured as good as fp32.
        captions: Sentences; some of them are what the precision is measured with.
        pictures: Real pictures of the user, read only if something has to be measured.
        threads: Of the model, as it will run.
        report: Is called with each step, in a few words.

    Raises:
        ConfigError: the processor or a missing package rules the precision out, or there are too
            few pictures to measure with.
    """
    if choice == "fp32":
        return bundle
    seen: list[NDArray[np.uint8]] = []

    def once(count: int) -> NDArray[np.uint8]:
        seen.append(seen[0] if seen else pictures(count))
        return seen[0]

    maker = _Maker(bundle, data_dir, captions[:: max(1, len(captions) // _SENTENCES)], threads)
    if choice == "auto":
        return _fastest(maker, once, report)
    made = maker.variant(choice, once, report)
    report(f"{made.name}: {made.measured}")
    return made


def _fastest(maker: "_Maker", pictures: Pictures, report: Callable[[str], None]) -> Bundle:
    """Return the fastest variant that is as good as fp32, or fp32 if none is."""
    found = []
    for precision in PRECISIONS[1:]:
        try:
            variant = maker.variant(precision, pictures, report)
        except ConfigError as error:
            report(f"no {precision}: {error}")
            continue
        report(f"{variant.name}: {variant.measured}")
        if variant.measured and variant.measured.is_as_good and variant.measured.speedup > 1:
            found.append((variant.measured.speedup, variant))
    if not found:
        report(f"using fp32: nothing faster is as good on these videos for {maker.base.name}")
        return maker.base
    chosen = max(found, key=lambda one: one[0])[1]
    report(f"taking {chosen.precision}")
    return chosen


class _Maker:
    """Makes and measures variants of one fp32 bundle."""

    def __init__(
        self, base: Bundle, data_dir: Path, sentences: Sequence[str], threads: int | None
    ) -> None:
        self.base = base
        self._data_dir = data_dir
        self._sentences = sentences
        self._threads = threads

    def variant(
        self, precision: Precision, pictures: Pictures, report: Callable[[str], None]
    ) -> Bundle:
        """Return the variant in the data folder, or make it.

        Raises:
            ConfigError: it cannot run here, or there are too few pictures.
        """
        runtimes = _runtimes(precision)
        name = joined(self.base.name, precision)
        folder = bundle_folder(self._data_dir, name)
        if (folder / MANIFEST).is_file():
            made = bundles.load(folder)
            if made.base == self.base.fingerprint and made.runtime in runtimes:
                return made
        shown = pictures(PICTURES)
        if len(shown) < LEAST_PICTURES:
            raise ConfigError(
                f"{precision} is measured on pictures of your videos, at least {LEAST_PICTURES}, "
                f"and {len(shown)} were found; name more videos, or use `--precision fp32`"
            )
        report(f"making {name} and measuring it on {len(shown)} pictures")
        manifest = replace(
            Manifest(**{each.name: getattr(self.base, each.name) for each in fields(Manifest)}),
            name=name,
            precision=precision,
            runtime=runtimes[0],
            base=self.base.fingerprint,
        )
        return bundles.write(folder, manifest, lambda work: self._fill(work, manifest, shown))

    def _fill(self, work: Path, manifest: Manifest, shown: NDArray[np.uint8]) -> Manifest:
        """Write the files of a variant, and return its manifest with what they were measured."""
        for file in self.base.files:
            _link(self.base.path / file, work / file)
        calibrating = np.arange(len(shown)) % _EVERY == 0
        if manifest.precision == "int8":
            _remove(work, VISUAL)
            _remove(work, PATCHES)  # its weights are those of the visual tower in fp32
            pixels = normalise(shown[calibrating], self.base.recipe)
            quantise_visual(self.base.path / VISUAL, work / VISUAL, pixels)
            manifest = self._with_int8_text(work, manifest)
        return self._measured(work, manifest, shown[~calibrating])

    def _with_int8_text(self, work: Path, manifest: Manifest) -> Manifest:
        """Add an int8 text tower to the int8 visual tower if it is as good as the one in fp32."""
        _remove(work, TEXT)
        quantise_text(self.base.path / TEXT, work / TEXT)
        tried = replace(manifest, text_precision="int8")
        embedder = on_cpu(bundles.draft(work, tried), threads=self._threads)
        if cosine(embedder.embed_texts(self._sentences), self._texts) >= LEAST_COSINE:
            return tried
        _remove(work, TEXT)
        for file in self.base.files:
            if file.startswith(TEXT):
                _link(self.base.path / file, work / file)
        return manifest

    def _measured(self, work: Path, manifest: Manifest, shown: NDArray[np.uint8]) -> Manifest:
        """Measure the variant on each runtime that has its precision, and return the best."""
        texts = on_cpu(bundles.draft(work, manifest), threads=self._threads).embed_texts(
            self._sentences
        )
        wanted, slow_s = _timed(self._embedder, shown)
        tried = []
        for runtime in _runtimes(manifest.precision):
            one = replace(manifest, runtime=runtime)
            embedder = on_cpu(bundles.draft(work, one), threads=self._threads)
            found, fast_s = _timed(embedder, shown)
            measured = Measured(
                images=cosine(found, wanted),
                texts=cosine(texts, self._texts),
                overlap=overlap(texts @ found.T, self._texts @ wanted.T),
                pictures=len(shown),
                speedup=slow_s / fast_s,
            )
            tried.append((measured.is_as_good, measured.speedup, replace(one, measured=measured)))
        return max(tried, key=lambda one: one[:2])[2]

    @cached_property
    def _embedder(self) -> BundleEmbedder:
        return on_cpu(self.base, threads=self._threads)

    @cached_property
    def _texts(self) -> NDArray[np.float32]:
        return self._embedder.embed_texts(self._sentences)


def _runtimes(precision: Precision) -> tuple[Runtime, ...]:
    """Return what a precision may run on here; which is the best is measured.

    For int8 the processor decides: a random ViT-B-32 on one thread of a processor with VNNI makes
    74 pictures a second on OpenVINO and 42 on onnxruntime; PE-Core-B-16 on two threads of one with
    AVX2 alone takes 588 ms of processor time for a picture on OpenVINO and 402 on onnxruntime, and
    its vectors are nearer to those in fp32 (cosine 0.9994 instead of 0.9893). In fp32 the same
    ViT-B-32 makes 11 and 14. onnxruntime has no bf16 for x86.

    Raises:
        ConfigError: nothing here runs it.
    """
    if precision == "int8" and not openvino.is_installed():
        return ("onnxruntime",)
    openvino.check_precision(precision)
    return ("openvino", "onnxruntime") if precision == "int8" else ("openvino",)


def _timed(embedder: BundleEmbedder, shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Embed pictures, and say how many seconds it takes once the tower is loaded."""
    embedder.embed_images(shown[:_WARM])  # also builds what fits the size of its blocks
    start = time.perf_counter()
    return embedder.embed_images(shown), time.perf_counter() - start


def _link(source: Path, out: Path) -> None:
    """Make the same file appear under another path; bundles are replaced, never changed."""
    try:
        os.link(source, out)
    except OSError:  # another file system, or a file of another user
        shutil.copyfile(source, out)


def _remove(folder: Path, tower: str) -> None:
    """Remove a tower and the file of its weights."""
    for file in folder.glob(f"{tower}*"):
        file.unlink()
