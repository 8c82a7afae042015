"""A model is chosen and checked in one place, for an ingest, a search and a snapshot alike."""

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from clipseek.assembly import build_snapshot, load_collection_model, load_model, open_writer
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, TOKENIZER, VISUAL
from clipseek.errors import ConfigError, ModelMismatch
from clipseek.types import PICTURE, FieldSegments, Put, Video

PICTURES = np.zeros((1, 8, 8, 3), np.uint8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a data folder of their own."""
    (tmp_path / "data").mkdir()
    return Settings(data_dir=tmp_path / "data", threads=1)


def damaged(folder: Path, name: str) -> str:
    """Copy the demo's bundle, one file of it with other bytes; return its path."""
    copy = folder / "bundle"
    shutil.copytree(models.resolve("demo", folder).path, copy)
    (copy / name).write_bytes(b"damaged")
    return str(copy)


def test_a_model_that_is_used_later_is_read_later(settings: Settings, tmp_path: Path) -> None:
    """An ingest with nothing new reads no tower and no tokenizer; the first picture does."""
    model = load_model(settings, damaged(tmp_path, VISUAL), when="used", report=print)

    assert model.embedder.dim == 384
    with pytest.raises(ConfigError, match=f"{VISUAL} is not the file"):
        model.embedder.embed_images(PICTURES)


def test_a_model_that_is_used_now_is_checked_now(settings: Settings, tmp_path: Path) -> None:
    """Before any video is decoded."""
    with pytest.raises(ConfigError, match=f"{VISUAL} is not the file"):
        load_model(settings, damaged(tmp_path, VISUAL), report=print)


@pytest.mark.parametrize("name", [TEXT, TOKENIZER])
def test_a_search_checks_what_reads_sentences(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    """Before the first query, and without the visual tower."""
    path = damaged(tmp_path, name)
    fingerprint = models.resolve(path, settings.data_dir).fingerprint
    with closing(open_writer(settings, create=True)) as service:
        found = service.catalog.ensure_collection("default", path, 384, fingerprint)

        with pytest.raises(ConfigError, match=f"{name} is not the file"):
            load_collection_model(settings, found)


def test_other_weights_tune_no_index(settings: Settings) -> None:
    """A snapshot is tuned with the bank of the very model that its vectors are of."""
    vectors = np.eye(2, 384, dtype=np.float32)
    spans = np.array([[0.0, 1.0], [1.0, 2.0]])
    with closing(open_writer(settings, create=True)) as service:
        catalog = service.catalog
        catalog.ensure_collection("default", "demo", 384, "of other weights")
        picture = FieldSegments(
            spans=spans,
            vectors=vectors,
            best_times=spans[:, 0],
            biases=np.zeros(2, np.float32),
            thumbnails=["none.jpg"] * 2,
        )
        video = Video("0" * 32, "/videos/a.mp4", "a", 2.0, 64, 48, 1)
        catalog.put("default", Put(video, {PICTURE: picture}))

        with pytest.raises(ModelMismatch, match="indexed with other weights"):
            build_snapshot(service, "default")
