"""Traces: what a collector of OpenTelemetry receives, decoded by its own format."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from api.app import create_app
from clipseek.cache import LocalCache
from clipseek.errors import ConfigError
from tests.api.library import Library

PARENT = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """Takes traces by OTLP over HTTP on the loopback address."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.services: set[str] = set()
        self.spans: list[Span] = []
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.receive(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def receive(self, path: str, body: bytes) -> None:
        """Take one export."""
        self.paths.append(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def requests(self) -> list[Span]:
        """Return the spans of requests."""
        return [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]

    def children(self, parent: Span) -> list[Span]:
        """Return the spans inside another one, by their begin."""
        inside = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return sorted(inside, key=lambda span: span.start_time_unix_nano)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Return a collector that runs."""
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def attributes(span: Span) -> dict[str, str | int]:
    """Return what is said of a span."""
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def ask(library: Library, collector: Collector, *queries: str, **headers: str) -> None:
    """Search one after the other; when this returns, the server has ended and sent its spans."""
    service = library.service(cache=LocalCache(100, 1 << 20), otlp_endpoint=collector.url)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.get("/readyz")
        for query in queries:
            client.post("/v1/search", json={"query": query}, headers=headers)


def test_a_search_is_a_span_with_its_stages_inside(library: Library, collector: Collector) -> None:
    """Under the name of its route; each stage within its bounds."""
    ask(library, collector, "red", **{"X-Request-ID": "mine"})
    (request,) = collector.requests()
    assert (set(collector.paths), collector.services) == ({"/v1/traces"}, {"clipseek"})
    assert request.name == "POST /v1/search"
    said = attributes(request)
    assert said["http.route"] == "/v1/search"
    assert said["http.response.status_code"] == 200
    assert (said["clipseek.request_id"], said["clipseek.cache"]) == ("mine", "miss")
    stages = collector.children(request)
    assert [stage.name for stage in stages] == ["cache", "embed", "search", "catalog"]
    for stage in stages:
        assert stage.trace_id == request.trace_id
        assert stage.start_time_unix_nano <= stage.end_time_unix_nano
        assert stage.end_time_unix_nano <= request.end_time_unix_nano


def test_a_ready_answer_has_no_stages(library: Library, collector: Collector) -> None:
    """Nothing was computed for it."""
    ask(library, collector, "red", "red")
    hit = next(span for span in collector.requests() if attributes(span)["clipseek.cache"] == "hit")
    assert not collector.children(hit)


def test_a_batch_has_the_stages_of_what_was_computed(
    library: Library, collector: Collector
) -> None:
    """Once, and whichever of its searches was ready."""
    service = library.service(cache=LocalCache(100, 1 << 20), otlp_endpoint=collector.url)
    with TestClient(create_app(service)) as client:
        client.get("/readyz")
        client.post("/v1/search", json={"query": "red"})
        searches = [{"query": query} for query in ("green", "blue", "red")]
        assert client.post("/v1/search/batch", json={"searches": searches}).status_code == 200
    (batch,) = (span for span in collector.requests() if span.name == "POST /v1/search/batch")
    stages = [stage.name for stage in collector.children(batch)]
    assert stages == ["cache", "embed", "search", "catalog"]


def test_the_trace_of_the_client_is_gone_on_with(library: Library, collector: Collector) -> None:
    """As the W3C's header names it."""
    ask(library, collector, "red", traceparent=f"00-{PARENT}-b7ad6b7169203331-01")
    (request,) = collector.requests()
    assert request.trace_id.hex() == PARENT
    assert request.parent_span_id.hex() == "b7ad6b7169203331"


def test_a_wrong_request_is_no_error_of_the_server(library: Library, collector: Collector) -> None:
    """Its status is told, and only 5xx count as errors."""
    ask(library, collector, "")
    (request,) = collector.requests()
    assert attributes(request)["http.response.status_code"] == 422
    assert request.status.code == Status.STATUS_CODE_UNSET


def test_the_standard_variable_names_the_collector_too(
    library: Library, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the setting is not given."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    with TestClient(create_app(library.service())) as client:
        client.get("/v1/videos")
    assert [span.name for span in collector.requests()] == ["GET /v1/videos"]


def test_a_collector_that_is_gone_fails_no_search(library: Library) -> None:
    """Its spans are lost."""
    service = library.service(otlp_endpoint="http://127.0.0.1:9")
    client = TestClient(create_app(service))
    assert client.post("/v1/search", json={"query": "red"}).status_code == 200


def test_without_the_package_an_endpoint_is_a_wrong_configuration(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what to install."""
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"pip install clipseek\[tracing\]"):
        create_app(library.service(otlp_endpoint="http://127.0.0.1:4318"))


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://"])
def test_an_endpoint_that_is_no_address_is_a_wrong_configuration(
    library: Library, endpoint: str
) -> None:
    """The sentence names the setting."""
    with pytest.raises(ConfigError, match="CLIPSEEK_OTLP_ENDPOINT"):
        create_app(library.service(otlp_endpoint=endpoint))
