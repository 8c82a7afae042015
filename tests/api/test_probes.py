"""Health, readiness, metrics, and the pages with their headers."""

import json
import re
import threading
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.app import create_app
from api.pages import STATIC
from clipseek.cache import LocalCache, TieredCache
from clipseek.errors import ServiceUnavailable
from clipseek.model import Model
from clipseek.publishing import FolderStore, build
from clipseek.testing import DictCache, MemoryCatalog, ToyEmbedder
from clipseek.types import Collection
from tests.api.library import Library, toy_model
from tests.api.server import serving
from tests.searching import searcher_over

PAGES = ["/", "/docs"]


class GoneCatalog(MemoryCatalog):
    """A catalog whose database is gone."""

    def check(self) -> None:
        """Fail."""
        raise ServiceUnavailable("the database is gone; start it")


def ask(url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON that a real server answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def series(text: str) -> dict[str, float]:
    """Parse Prometheus text into values by name and labels."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_a_server_with_nothing_indexed_is_ready(empty_client: TestClient) -> None:
    """A new server may get requests."""
    assert empty_client.get("/readyz").json() == {"status": "ok"}


def test_a_server_without_its_database_lives_but_is_not_ready(empty: Library) -> None:
    """So it is not restarted, and gets no requests."""
    client = TestClient(create_app(empty.service(GoneCatalog())))
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/service-unavailable")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/"])
def test_probes_may_ask_by_head(client: TestClient, path: str) -> None:
    """Some load balancers do."""
    assert client.head(path).status_code == 200


def test_a_search_under_way_holds_nobody_up(library: Library) -> None:
    """Searches run in worker threads, so the process answers meanwhile."""
    begun, released = threading.Event(), threading.Event()

    class SlowEmbedder(ToyEmbedder):
        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            begun.set()
            assert released.wait(20)
            return super().embed_texts(texts)

    def slow_model(collection: Collection) -> Model:
        return replace(toy_model(collection), embedder=SlowEmbedder())

    service = library.service()
    searcher = searcher_over(library.catalog, library.folder / "snapshots", slow_model)
    app = create_app(replace(service, searcher=searcher))
    with serving(app) as url, ThreadPoolExecutor() as pool:
        search = pool.submit(ask, f"{url}/v1/search", {"query": "red"})
        assert begun.wait(20)
        healthy = ask(f"{url}/healthz")
        released.set()
        assert healthy == {"status": "ok"}
        assert len(search.result()["hits"]) > 0


def test_requests_are_counted_by_template(client: TestClient) -> None:
    """Ids and unknown paths make no series of their own."""
    client.get("/v1/videos/sea")
    client.get("/v1/videos/none")
    client.get("/wp-login.php")
    client.request("BREW", "/v1/videos/sea")
    values = series(client.get("/metrics").text)
    name = "clipseek_http_requests_total"
    route = "/v1/videos/{video_id}"
    assert values[f'{name}{{method="GET",route="{route}",status="200"}}'] == 1
    assert values[f'{name}{{method="GET",route="{route}",status="404"}}'] == 1
    assert values[f'{name}{{method="GET",route="unmatched",status="404"}}'] == 1
    assert values[f'{name}{{method="other",route="{route}",status="405"}}'] == 1
    assert not any("none" in name or "wp-login" in name for name in values)


def test_searches_are_counted_by_their_path(client: TestClient) -> None:
    """Those that another method asks for, too."""
    client.post("/v1/search", json={"query": "red"})
    client.get("/v1/search")
    values = series(client.get("/metrics").text)
    name = "clipseek_http_requests_total"
    assert values[f'{name}{{method="POST",route="/v1/search",status="200"}}'] == 1
    assert values[f'{name}{{method="GET",route="/v1/search",status="405"}}'] == 1


def test_times_are_counted_by_template(client: TestClient) -> None:
    """The histogram has one observation per request."""
    client.get("/v1/collections")
    values = series(client.get("/metrics").text)
    labels = '{method="GET",route="/v1/collections"}'
    assert values[f"clipseek_http_request_seconds_count{labels}"] == 1


def test_requests_in_flight_are_counted(client: TestClient) -> None:
    """The one for the metrics itself, and none of those that are over, failed ones included."""
    client.get("/v1/collections")
    client.get("/v1/videos/none")
    client.post("/v1/search", content=b"{", headers={"Content-Type": "application/json"})
    values = series(client.get("/metrics").text)
    assert values["clipseek_http_requests_in_flight"] == 1


def test_searches_are_counted_by_outcome(client: TestClient) -> None:
    """Singles and batches count alike."""
    client.post("/v1/search", json={"query": "red"})
    client.post("/v1/search", json={"query": "red", "collection": "none"})
    client.post("/v1/search/batch", json={"searches": [{"query": "red"}, {}]})
    values = series(client.get("/metrics").text)
    assert values['clipseek_searches_total{outcome="answered"}'] == 2
    assert values['clipseek_searches_total{outcome="refused"}'] == 2
    # A collection that is not there reaches no batch.
    assert values["clipseek_search_batch_size_count"] == 2
    assert values["clipseek_search_batch_size_sum"] == 2
    assert values['clipseek_search_answers_total{source="miss"}'] == 3


def test_the_index_is_shown_by_collection(client: TestClient) -> None:
    """Gauges are read from the searcher when they are asked for."""
    client.post("/v1/search", json={"query": "red"})
    values = series(client.get("/metrics").text)
    assert values['clipseek_index_version{collection="default"}'] == 3
    assert values['clipseek_index_segments{collection="default"}'] == 6
    assert values['clipseek_index_objects{collection="default"}'] == 0
    assert values['clipseek_index_delta_segments{collection="default"}'] == 6


def test_the_stages_of_a_search_are_timed(client: TestClient) -> None:
    """Each once more per batch of those who ask; the search that warms up is not counted."""
    before = series(client.get("/metrics").text)
    client.post("/v1/search", json={"query": "red"})
    after = series(client.get("/metrics").text)
    for stage in ("embed", "search", "catalog"):
        name = f'clipseek_search_stage_seconds_count{{stage="{stage}"}}'
        assert after[name] == before.get(name, 0) + 1


def test_the_tiers_of_the_cache_are_shown(library: Library) -> None:
    """Hits and misses of each, and whether it is used."""
    cache = TieredCache(LocalCache(100, 1 << 20), DictCache())
    client = TestClient(create_app(library.service(cache=cache)))
    for _ in range(2):
        client.post("/v1/search", json={"query": "red"})
    values = series(client.get("/metrics").text)
    assert values['clipseek_cache_hits_total{tier="local"}'] == 1
    assert values['clipseek_cache_misses_total{tier="dict"}'] == 1
    assert values['clipseek_cache_up{tier="local"}'] == 1


def test_the_age_of_a_snapshot_is_shown(library: Library) -> None:
    """Where there is one."""
    build(library.catalog, FolderStore(library.folder / "snapshots"), "default")
    client = TestClient(create_app(library.service()))
    client.get("/readyz")
    values = series(client.get("/metrics").text)
    assert 0 <= values['clipseek_index_snapshot_age_seconds{collection="default"}'] < 3600


def test_the_process_is_measured(client: TestClient) -> None:
    """How much memory and how many seconds of CPU it takes, where the system tells."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc on this system")
    values = series(client.get("/metrics").text)
    assert values["process_resident_memory_bytes"] > 1 << 20
    assert values["process_cpu_seconds_total"] > 0


def test_the_names_of_the_metrics_are_pinned(client: TestClient) -> None:
    """Dashboards and alerts use them."""
    client.post("/v1/search", json={"query": "red"})
    names = set(re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE))
    # Only Linux has those of the process.
    names -= {name for name in names if name.startswith("process_")}
    assert {name for name in names if not name.endswith("_created")} == {
        "clipseek_http_requests_total",
        "clipseek_http_request_seconds",
        "clipseek_http_requests_in_flight",
        "clipseek_searches_total",
        "clipseek_search_answers_total",
        "clipseek_search_batch_size",
        "clipseek_search_queue",
        "clipseek_searches_shed_total",
        "clipseek_index_version",
        "clipseek_index_objects",
        "clipseek_index_segments",
        "clipseek_index_delta_segments",
        "clipseek_index_snapshot_version",
        "clipseek_index_snapshot_age_seconds",
        "clipseek_search_stage_seconds",
        "clipseek_recall_at_10",
        "clipseek_recall_samples_total",
        "clipseek_thread_age_seconds",
        "clipseek_audit_dropped_total",
        "clipseek_uploads_total",
        "clipseek_upload_bytes_total",
        "clipseek_uploads_receiving",
        "clipseek_jobs",
        "clipseek_jobs_oldest_seconds",
        "clipseek_catalog_lag_seconds",
        "clipseek_index_view_age_seconds",
        "clipseek_stale_answers_total",
        "clipseek_shard_questions_total",
        "clipseek_incomplete_answers_total",
        "clipseek_shard_requests_total",
        "clipseek_alerts_total",
        "clipseek_alert_deliveries",
        "clipseek_alert_deliveries_oldest_seconds",
        "clipseek_watch_lag_seconds",
        "clipseek_drift_fault",
        "clipseek_drift_distance",
        "clipseek_drift_brightness",
        "clipseek_drift_still",
    }


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/v1/videos", "/none", "/static/app.js"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    """Pages may load from here only, and nobody may frame them."""
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    """No inline script or style, no other host, and all that it names is there."""
    page = client.get(path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)|https?://", page.text)
    named = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)
    assert len(named) >= 3
    assert [client.get(f"/{name}").status_code for name in named] == [200] * len(named)


SCRIPTS = [path for path in sorted(STATIC.rglob("*.js")) if path.parent.name != "vendor"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_scripts_never_write_html(path: Path) -> None:
    """Titles and problems are text, whatever stands in them."""
    script = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_pages_are_asked_for_again_after_a_release(client: TestClient) -> None:
    """Browsers revalidate, and an unchanged file is not sent again."""
    first = client.get("/static/app.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
