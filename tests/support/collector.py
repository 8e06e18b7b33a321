"""A collector of traces: takes OTLP over HTTP, as protobuf, and gives what it was told."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A piece of work, and what was above it; moments in nanoseconds since 1970."""

    service: str
    name: str
    kind: str
    trace_id: str
    id: str
    parent_id: str
    start: int
    end: int
    attributes: dict[str, str | int]
    failed: bool


@dataclass
class Collector:
    """What has come so far."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def trace_of(self, name: str) -> list[Span]:
        """Return the spans of the one trace that began with such a span, the earliest first."""
        roots = [span for span in list(self.spans) if span.name == name and not span.parent_id]
        assert len(roots) == 1, [span.name for span in self.spans if not span.parent_id]
        found = [span for span in list(self.spans) if span.trace_id == roots[0].trace_id]
        return sorted(found, key=lambda span: span.start)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector while the block does."""
    collector = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            is_traces = self.path == PATH
            if is_traces:
                collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(sent)))
            self.send_response(200 if is_traces else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Log nothing of a request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = str(_attributes(resource.resource.attributes)["service.name"])
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=service,
                    name=span.name,
                    kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                )


def _attributes(told: Iterable[KeyValue]) -> dict[str, str | int]:
    pairs = {}
    for each in told:
        value = each.value
        pairs[each.key] = getattr(value, str(value.WhichOneof("value")))
    return pairs
