"""If the requested GPU is missing or cannot be used, one sentence says so."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.assembly import load_model
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.errors import ConfigError
from clipseek.index import gpus
from clipseek.library.view import View
from clipseek.publishing import FolderStore, Serving
from tests.api.library import toy_model
from tests.core.test_view import NAME, build, filled
from tests.searching import searcher_over

needs_no_gpu = pytest.mark.skipif(bool(gpus()), reason="there is a GPU")


def test_a_bundle_of_its_own_has_no_weights_for_torch(tmp_path: Path) -> None:
    """The demo model runs from its bundle only."""
    settings = Settings(data_dir=tmp_path, device="cuda")
    with pytest.raises(ConfigError, match=r"open_clip's list in fp32, and 'demo' is not one"):
        load_model(settings, "demo", report=lambda _: None)


@needs_no_gpu
def test_torch_without_a_gpu_is_said(tmp_path: Path) -> None:
    """Nothing is loaded where it could not run."""
    torch = pytest.importorskip("clipseek.embedding.towers.torch", reason="needs torch")
    bundle = replace(models.resolve("demo", tmp_path), name="ViT-B-32/openai")
    embedder = torch.on_torch(bundle, device="cuda")
    with pytest.raises(ConfigError, match="sees no GPU, but device cuda was asked for"):
        embedder.check_images()


@needs_no_gpu
def test_faiss_without_a_gpu_is_said(tmp_path: Path) -> None:
    """A view does not fall back to the CPU unasked."""
    catalog = filled()
    build(tmp_path, catalog)
    with pytest.raises(ConfigError, match="faiss sees 0 GPUs"):
        View.open(catalog, FolderStore(tmp_path, serving=Serving(on_gpu=True)), NAME)


@needs_no_gpu
def test_a_searcher_on_a_gpu_opens_views_there(tmp_path: Path) -> None:
    """What the setting CLIPSEEK_DEVICE=cuda gives the searcher reaches the snapshot."""
    catalog = filled()
    build(tmp_path, catalog)
    searcher = searcher_over(catalog, tmp_path, toy_model, on_gpu=True)
    with closing(searcher.collections), pytest.raises(ConfigError, match="faiss sees 0 GPUs"):
        searcher.collections.latest(NAME)
