"""With a detector of the user's, redacted collections show no plates, and others show all."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.app import create_app
from clipseek.catalog import SqlCatalog
from clipseek.errors import ConfigError
from clipseek.testing import MemoryCatalog, ToyEmbedder
from tests.api.library import Library
from tests.api.test_redaction import redact
from tests.faces import drawn, frames, jpeg_of
from tests.plates import BESIDE, PLATE, detector, is_clear, street

THUMBNAIL, PREVIEW = "/v1/segments/1/thumbnail", "/v1/videos/sea/preview"


@pytest.fixture
def streets(tmp_path: Path) -> Library:
    """Return a library whose collection is redacted, with a plate in each picture."""
    library = Library(tmp_path, MemoryCatalog())
    library.add("sea.mp4", ["blue"], content=drawn(tmp_path / "a.mp4", [street()] * 10))
    for path in (tmp_path / "thumbnails").rglob("*.jpg"):
        path.write_bytes(jpeg_of(street()))
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as catalog:
        catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    redact(library, "faces")
    return library


@contextmanager
def asking(library: Library, **settings: Any) -> Iterator[TestClient]:
    """Open a client of an API with some settings."""
    with TestClient(create_app(library.service(**settings))) as client:
        yield client


def shown(client: TestClient, folder: Path) -> list[tuple[bool, bool]]:
    """Return whether the plate and what is beside it are seen, in a picture and in each frame."""
    answers = [client.get(path) for path in (THUMBNAIL, PREVIEW)]
    assert [answer.status_code for answer in answers] == [200, 200]
    (folder / "got.jpg").write_bytes(answers[0].content)
    with Image.open(folder / "got.jpg") as picture:
        pictures = [np.asarray(picture.convert("RGB"), np.uint8), *frames(answers[1].content)]
    assert len(pictures) == 11
    return [(is_clear(each, PLATE), is_clear(each, BESIDE)) for each in pictures]


def test_plates_are_blurred_from_the_next_start_on(streets: Library, tmp_path: Path) -> None:
    """Also in previews that were kept before; without the setting, only faces are blurred."""
    with asking(streets) as client:
        assert shown(client, tmp_path) == [(True, True)] * 11
        tag = client.get(THUMBNAIL).headers["etag"]
    path = detector(tmp_path / "plates.onnx")
    with asking(streets, redact_detector=path, redact_classes="plate") as client:
        assert shown(client, tmp_path) == [(False, True)] * 11
        assert client.get(THUMBNAIL, headers={"If-None-Match": tag}).status_code == 200
        (found,) = client.get("/v1/collections").json()["collections"]
        assert found["redacts"] == ["faces"]
        redact(streets)
        assert client.get(THUMBNAIL).content == jpeg_of(street())


def test_a_detector_that_fails_sends_nothing(streets: Library, tmp_path: Path) -> None:
    """One that is taken away before the first picture is asked for."""
    path = detector(tmp_path / "plates.onnx")
    with asking(streets, redact_detector=path) as client:
        path.unlink()
        for asked in (THUMBNAIL, PREVIEW):
            answer = client.get(asked)
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/redaction-unavailable"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"nothing", "cannot be loaded")],
    ids=["none", "damaged"],
)
def test_a_wrong_file_is_told_at_the_start(
    library: Library, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Before anything could be shown, by the name of the file."""
    path = tmp_path / "plates.onnx"
    if content is not None:
        path.write_bytes(content)
        path.with_suffix(".json").write_text('{"classes": ["plate"]}')
    with pytest.raises(ConfigError, match=rf"plates\.onnx {said}"):
        create_app(library.service(redact_detector=path))
