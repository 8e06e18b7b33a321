"""Spans of a process, sent by OTLP over HTTP to a collector.

Imported where traces are wanted alone: who wants none does not wait for OpenTelemetry's import.
"""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

import bookstore
from bookstore.core.observability import trace
from bookstore.core.observability.trace import Attributes, Kind, Place

# Spans wait so long to be sent together. A worker that ends sends what it has.
SEND_EVERY_SECONDS, SEND_SECONDS = 2, 5
KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.CONSUMER: SpanKind.CONSUMER,
    Kind.INTERNAL: SpanKind.INTERNAL,
}


class Exporter:
    """Records the spans of a process, and sends them from a thread of its own.

    Made once the process has forked, for threads do not come along. What cannot be sent in time is
    dropped: no request waits for the collector.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        """Begin to record.

        :param endpoint: where the collector takes OTLP over HTTP, without ``/v1/traces``.
        :param service: the name of what runs here.
        """
        about = {
            "service.name": service,
            "service.namespace": "bookstore",
            "service.version": bookstore.__version__,
        }
        sent = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_SECONDS)
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(sent, schedule_delay_millis=SEND_EVERY_SECONDS * 1000)
        )
        self._tracer = self._provider.get_tracer("bookstore", bookstore.__version__)
        trace.record_with(self)

    def stop(self) -> None:
        """Send what there is, and record no more."""
        trace.record_with(None)
        self._provider.shutdown()

    def start(
        self, name: str, kind: Kind, parent: Place | None, attributes: Attributes
    ) -> "Recorded":
        """Begin a span."""
        above = set_span_in_context(NonRecordingSpan(_context(parent))) if parent else None
        return Recorded(
            self._tracer.start_span(name, above, kind=KINDS[kind], attributes=dict(attributes))
        )


class Recorded:
    """A span of OpenTelemetry's."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        context = span.get_span_context()
        self.place = Place(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}"
        )

    def note(self, attributes: Attributes) -> None:
        """Write down what became known of it."""
        self._span.set_attributes(dict(attributes))

    def fail(self, why: str) -> None:
        """Write down that it failed."""
        self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attribute("error.type", why)

    def end(self) -> None:
        """Write down that it has ended."""
        self._span.end()


def _context(place: Place) -> SpanContext:
    return SpanContext(
        int(place.trace_id, 16),
        int(place.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(place.flags, 16)),
    )
