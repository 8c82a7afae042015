"""A model that is slower than the cameras: the newest frame of each wins, and nothing piles up."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.testing import ToyEmbedder
from tests.cameras.http import HttpCameras
from tests.live.recorders import Site, a_site, wait_for


class GatedEmbedder(ToyEmbedder):
    """A model that embeds nothing until its gate is opened."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.taken = 0

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures behind the gate."""
        self.taken += len(pixels)
        assert self.gate.wait(120)
        return super().embed_images(pixels)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a data folder with a catalog and cameras."""
    with a_site(tmp_path) as site:
        yield site


def test_a_slow_model_gets_the_newest_frames(site: Site, http: HttpCameras) -> None:
    """One frame of a camera is embedded, one waits, and all others are dropped and counted."""
    embedder = GatedEmbedder()
    object.__setattr__(site.model, "embedder", embedder)
    for name in ("one", "two"):
        site.add(name, http.show_stills(name, fps=20), fps=20.0)
    with site.recording() as recorder:
        wait_for("drops", lambda: _least(recorder.states, "dropped") >= 40)
        assert embedder.taken <= 2
        assert len(recorder._line) <= 2
        embedder.gate.set()
        wait_for("moments", lambda: _least(recorder.states, "embedded") >= 20)


def _least(states: object, name: str) -> int:
    counts = [getattr(state, name) for state in states.values()]  # type: ignore[attr-defined]
    return min(counts) if len(counts) == 2 else 0
