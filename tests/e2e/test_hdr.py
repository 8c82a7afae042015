"""A video of high dynamic range means to the model what its SDR original means."""

from pathlib import Path

import numpy as np
import pytest

from clipseek.assembly import load_model
from clipseek.config import Settings
from clipseek.sampling import grid
from clipseek.video import PyAVFrames
from tests import hdr
from tests.e2e.conftest import Library


@pytest.mark.parametrize("kind", hdr.KINDS)
def test_vectors_of_hdr_are_those_of_sdr(
    shared_library: Library, tmp_path: Path, kind: hdr.Kind
) -> None:
    """Each second of a demo video, as PQ and HLG, has the vector that it has as SDR."""
    source = sorted(shared_library.videos.glob("*.mp4"))[0]
    with PyAVFrames(source) as sdr:
        pixels = np.concatenate([batch.pixels for batch in sdr.read(grid(1))])
    path = tmp_path / "video.mp4"
    hdr.write(path, [picture for picture in pixels for _ in range(2)], kind)
    with PyAVFrames(path) as wide:
        found = np.concatenate([batch.pixels for batch in wide.read(grid(12.5))])
    settings = Settings.load(data_dir=tmp_path)
    embedder = load_model(settings, "demo", report=print).embedder
    cosines = (embedder.embed_images(pixels) * embedder.embed_images(found)).sum(axis=1)
    assert cosines.min() > 0.98
