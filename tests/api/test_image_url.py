"""POST /v1/search with `image_url`: a picture that the server fetches, by the rules for videos."""

import io
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api import picture_urls
from api.looking import Looking
from api.picture_urls import PictureUrls
from clipseek.sources.fetching import FetchLimits
from tests.api.test_image import _image
from tests.sites import Answer, Site, answer, loopback, redirect, running

BLUE = b64decode(_image("blue"))


@pytest.fixture(scope="module")
def client(shared_client: TestClient) -> TestClient:
    """Return a client that all tests of this file share."""
    return shared_client


@pytest.fixture
def site(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a running site that the application may fetch from as a.example."""
    limits = FetchLimits(size_bytes=4096, total_s=5.0, stall_s=2.0)
    monkeypatch.setattr(picture_urls, "LIMITS", limits)
    with Site() as started:
        running(started)
        state: Any = client.app.state  # type: ignore[attr-defined]  # of an app that is any
        urls = PictureUrls(loopback(f"a.example:{started.port}"))
        before, state.looking = state.looking, Looking(state.metrics, urls.fetch)
        yield started
        started.shutdown()
        state.looking.close()
        state.looking = before


def _url(site: Site, path: str = "/a.png") -> str:
    return f"http://a.example:{site.port}{path}"


def test_a_picture_is_fetched_and_searched_for(client: TestClient, site: Site) -> None:
    """With the answer that its bytes have; also as a part, and after a redirect."""
    site.paths["/a.png"] = answer(BLUE, kind="image/png")
    site.paths["/there"] = redirect(_url(site))
    sent = client.post("/v1/search", json={"image": _image("blue")}).json()
    for path in ("/a.png", "/there"):
        found = client.post("/v1/search", json={"image_url": _url(site, path)}).json()
        assert found["hits"] == sent["hits"]
    parts = [{"image_url": _url(site)}, {"text": "red", "weight": -1}, {"image": _image("blue")}]
    hits = client.post("/v1/search", json={"parts": parts}).json()["hits"]
    assert hits[0]["video"]["id"] in ("sea", "traffic")


def _png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            answer(b"", 404), "image_url was not fetched: the server answered 404", id="missing"
        ),
        pytest.param(
            answer(BLUE, kind="text/html"),
            "image_url was not fetched: it is not a picture: the server says that it is text/html",
            id="a page",
        ),
        pytest.param(
            answer(BLUE, kind="video/mp4"),
            "image_url was not fetched: it is not a picture: the server says that it is video/mp4",
            id="a video",
        ),
        pytest.param(
            answer(bytes(5000), kind="image/png"),
            "image_url was not fetched: it must have at most 4096 bytes",
            id="too large",
        ),
        pytest.param(
            answer(b"hello", kind="image/png"),
            "image must be a whole JPEG, PNG or WebP that is not too large",
            id="no picture",
        ),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, site: Site, given: Answer, said: str) -> None:
    """In one sentence, as a problem of the request."""
    site.paths["/a.png"] = given
    refused = client.post("/v1/search", json={"image_url": _url(site)})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-query")
    assert refused.json()["detail"].startswith(said)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://b.example/a.png",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:secret@a.example/a.png",
    ],
)
def test_other_hosts_are_not_asked(client: TestClient, site: Site, url: str) -> None:
    """Neither directly nor by a redirect; a password is not repeated."""
    site.paths["/there"] = redirect(url)
    for asked in (url, _url(site, "/there")):
        refused = client.post("/v1/search", json={"image_url": asked})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/url-not-allowed")
        assert "secret" not in refused.text
    assert [path for path, _ in site.asked] == ["/there"]


def test_no_host_is_allowed_by_default(client: TestClient) -> None:
    """The operator lists those that may be asked."""
    refused = client.post("/v1/search", json={"image_url": "https://a.example/a.png"})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/url-not-allowed")
    assert "CLIPSEEK_FETCH_HOSTS" in refused.json()["detail"]


def test_a_batch_takes_none(client: TestClient) -> None:
    """As with pictures that are sent."""
    searches = [{"image_url": "https://a.example/a.png"}]
    (result,) = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert result["problem"]["detail"] == (
        "image_url must be sent in a request of its own, to POST /v1/search"
    )


def test_many_pixels_in_few_bytes_are_refused_before_they_are_decoded(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 megapixels of one colour: a bomb."""
    monkeypatch.setattr(picture_urls, "LIMITS", FetchLimits(1 << 20, 5.0, 2.0))
    site.paths["/a.png"] = answer(_png(10_000), kind="image/png")
    refused = client.post("/v1/search", json={"image_url": _url(site)})
    assert refused.status_code == 422
    assert "4096 x 4096 pixels" in refused.text or "10000 x 10000" in refused.text


@pytest.mark.parametrize("page", ["api/README.md", "docs/security.md"])
def test_the_documents_have_the_limits(page: str) -> None:
    """A client waits for the picture, and the server has it in memory."""
    limits = picture_urls.LIMITS
    said = f"at most {limits.size_bytes >> 20} MiB in {limits.total_s:g} seconds"
    assert said in (Path(__file__).parents[2] / page).read_text()
