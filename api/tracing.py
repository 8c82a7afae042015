"""Traces for OpenTelemetry: a span for each request, and in it one for each stage of its search.

Searches are computed in batches, in a thread that belongs to no request. So a batch returns its
stages with its answers, and each request draws them into its own trace.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipseek import __version__
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.stages import Stage

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The standard variable, which applies if the setting is not given."""
_TIMEOUT_S = 5.0
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class Tracing(Protocol):
    """Where spans go."""

    def draw(self, stages: Sequence[Stage]) -> None:
        """Draw stages into the trace of the request that is being answered."""
        ...


class NoTracing:
    """Traces nothing."""

    def draw(self, stages: Sequence[Stage]) -> None:
        """Do nothing."""


class OtlpTracing:
    """Sends spans to a collector by OTLP over HTTP, in batches, in a separate thread.

    The other standard variables apply too, such as `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and
    `OTEL_EXPORTER_OTLP_HEADERS`: the SDK reads them. If a collector cannot be reached,
    its spans are lost, and nothing else happens.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace

        self._provider = provider
        self._trace = trace
        self.tracer = provider.get_tracer("clipseek", __version__)

    @classmethod
    def to(cls, endpoint: str) -> Self:
        """Prepare the connection to a collector; nothing is sent yet.

        Raises:
            ConfigError: the endpoint is not an address, or OpenTelemetry is not installed.
        """
        if not _is_address(endpoint):
            # The given text may contain a password, so it is not repeated.
            raise ConfigError(
                "the endpoint of traces must be as http://HOST:4318; "
                f"correct CLIPSEEK_OTLP_ENDPOINT or {ENDPOINT}"
            )
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise ConfigError(
                f"traces need the package {error.name}; `pip install clipseek[tracing]`, "
                f"or unset CLIPSEEK_OTLP_ENDPOINT and {ENDPOINT}"
            ) from error
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_TIMEOUT_S)
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "clipseek"}
        resource = Resource.create({**named, "service.version": __version__})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def draw(self, stages: Sequence[Stage]) -> None:
        """Draw stages as children of the current span."""
        for stage in stages:
            self.tracer.start_span(stage.name, start_time=stage.began_ns).end(stage.ended_ns)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()

    @contextmanager
    def request(self, scope: Scope) -> Iterator["_Answered"]:
        """Open the span of a request, in the trace that the client named, if any.

        Names and attributes are those of the semantic conventions for HTTP server spans.
        """
        from opentelemetry.propagate import extract

        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with self.tracer.start_as_current_span(
            scope["method"],
            context=extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        ) as span:
            answered = _Answered()
            yield answered
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
            span.set_attribute("clipseek.request_id", scope["state"]["request_id"])
            span.set_attribute("http.response.status_code", answered.status)
            if answered.source:
                span.set_attribute("clipseek.cache", answered.source)
            if answered.status >= 500:
                span.set_status(self._trace.StatusCode.ERROR)


@dataclass(slots=True)
class _Answered:
    """What is known of an answer once it has been begun."""

    status: int = 0
    source: str = ""


class Traced:
    """The outermost middleware where traces are asked for; probes are not traced."""

    def __init__(self, app: ASGIApp, tracing: OtlpTracing) -> None:
        self.app = app
        self.tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self.app(scope, receive, send)
            return
        with self.tracing.request(scope) as answered:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered.status = message["status"]
                    answered.source = dict(message["headers"]).get(b"x-cache", b"").decode()
                await send(message)

            await self.app(scope, receive, sent)


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def opened(settings: Settings) -> OtlpTracing | NoTracing:
    """Return where spans go by the setting, or by the standard variable; else nowhere.

    Raises:
        ConfigError: see `OtlpTracing.to`.
    """
    given = settings.otlp_endpoint
    endpoint = os.environ.get(ENDPOINT) if given is None else given.get_secret_value()
    return OtlpTracing.to(endpoint) if endpoint else NoTracing()
