"""The runtimes of a model's two halves: each only runs rows that are prepared already."""

from functools import partial

from clipseek.embedding.bundle import PATCHES, TEXT, VISUAL, Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers.onnxruntime import OnnxPatches, OnnxTower
from clipseek.embedding.towers.openvino import OpenVinoTower
from clipseek.protocols import Tower

# A text tower of up to so many bytes runs in one thread: that of the demo has 4 MB, and with 100
# connections on two cores 1900 searches a second are answered, with two threads 1700.
_SMALL_BYTES = 16_000_000


def on_cpu(bundle: Bundle, *, threads: int | None = None, is_brief: bool = False) -> BundleEmbedder:
    """Return the embedder of a bundle whose towers run in this process, on the bundle's runtimes.

    `threads` None lets each runtime use all cores for a run. A process that `is_brief` embeds few
    sentences and soon, so that time spent on making each faster is lost, and the text tower is
    loaded while other things are; their vectors are the same.
    """
    return BundleEmbedder(
        bundle,
        visual_on_cpu(bundle, threads),
        text_on_cpu(bundle, threads, is_brief=is_brief),
        threads=threads,
        patches=patches_on_cpu(bundle, threads),
    )


def patches_on_cpu(bundle: Bundle, threads: int | None) -> OnnxPatches | None:
    """Return what says where in a picture something is, or None if the bundle has no such file.

    It has the weights of the visual tower, which are loaded again with the first picture.
    """
    if PATCHES not in bundle.files:
        return None
    return OnnxPatches(
        partial(bundle.file, PATCHES), bundle.image_size, bundle.dim, threads=threads
    )


def visual_on_cpu(bundle: Bundle, threads: int | None) -> Tower:
    """Return the visual tower of a bundle, on the runtime that the bundle names."""
    if bundle.runtime == "openvino":
        return OpenVinoTower(bundle, threads)
    side = bundle.image_size
    return OnnxTower(
        partial(bundle.file, VISUAL), "pixels", [3, side, side], bundle.dim, threads=threads
    )


def text_on_cpu(bundle: Bundle, threads: int | None, *, is_brief: bool = False) -> Tower:
    """Return the text tower of a bundle.

    An int8 tower takes its quantisation ranges from the rows of a run: a sentence would get another
    vector beside other sentences, so each sentence has its own run.
    """
    return OnnxTower(
        partial(bundle.file, TEXT),
        "tokens",
        [bundle.context_length],
        bundle.dim,
        threads=1 if _is_small(bundle) else threads,
        alone=bundle.text_precision == "int8",
        packs=not is_brief or bundle.text_precision == "fp32",
        ahead=is_brief,
    )


def _is_small(bundle: Bundle) -> bool:
    """Say whether the text tower is so small that its threads would only wait for each other."""
    files = [file for file in bundle.path.glob(f"{TEXT}*") if file.is_file()]
    return sum(file.stat().st_size for file in files) <= _SMALL_BYTES


__all__ = ["on_cpu", "patches_on_cpu", "text_on_cpu", "visual_on_cpu"]
