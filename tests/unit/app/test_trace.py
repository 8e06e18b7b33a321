"""Spans: what is above what, what ends when, and that nothing is recorded that nobody asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bookstore.core.observability import trace
from bookstore.core.observability.trace import Attributes, Kind, Place

ABOVE = Place("ab" * 16, "cd" * 8, "01")


@dataclass
class Noted:
    name: str
    parent: str | None
    place: Place
    told: dict[str, str | int] = field(default_factory=dict)
    failed: str | None = None
    ended: bool = False

    def note(self, attributes: Attributes) -> None:
        self.told |= attributes

    def fail(self, why: str) -> None:
        self.failed = why

    def end(self) -> None:
        self.ended = True


class Notebook:
    """Records spans in a list, by numbers instead of random ids."""

    def __init__(self) -> None:
        self.spans: list[Noted] = []

    def start(self, name: str, kind: Kind, parent: Place | None, attributes: Attributes) -> Noted:
        assert kind in Kind
        trace_id = parent.trace_id if parent else "ef" * 16
        place = Place(trace_id, f"{len(self.spans):016x}", "01")
        span = Noted(name, parent.span_id if parent else None, place, dict(attributes))
        self.spans.append(span)
        return span


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    trace.record_with(notebook)
    yield notebook
    trace.record_with(None)


def test_what_is_done_in_a_request_is_below_it_and_all_of_it_ends(notebook: Notebook) -> None:
    trace.begin(ABOVE.header(), "GET /", attributes={"http.route": "/"})
    with trace.span("call"):
        header = trace.header()
        with trace.span("read"):
            pass
    with trace.span("write"):
        pass
    trace.answered(200)
    trace.end()
    request, call, *_ = notebook.spans
    assert [(span.name, span.parent) for span in notebook.spans] == [
        ("GET /", ABOVE.span_id),
        ("call", request.place.span_id),
        ("read", call.place.span_id),
        ("write", request.place.span_id),
    ]
    assert {span.place.trace_id for span in notebook.spans} == {ABOVE.trace_id}
    assert header == call.place.header()
    assert request.told == {"http.route": "/", "http.response.status_code": 200}
    assert all(span.ended and span.failed is None for span in notebook.spans)
    assert trace.trace_id() is None


def test_a_failure_is_told_by_its_type_alone(notebook: Notebook) -> None:
    trace.begin(None, "GET /")
    with pytest.raises(ValueError, match="ana@"), trace.span("call"):
        raise ValueError("ana@example.org")
    trace.answered(503)
    trace.end()
    request, call = notebook.spans
    assert (call.failed, call.ended, call.told) == ("ValueError", True, {})
    assert (request.failed, request.parent) == ("503", None)


def test_what_is_within_no_request_is_not_recorded(notebook: Notebook) -> None:
    with trace.span("a worker looks for jobs"):
        assert trace.recorded_place() is None
    assert notebook.spans == []


def test_a_request_within_another_gives_it_back(notebook: Notebook) -> None:
    trace.begin(None, "outer")
    before = trace.begin(trace.header(), "inner")
    trace.end(before)
    assert trace.recorded_place() == notebook.spans[0].place
    trace.end()
    assert [span.ended for span in notebook.spans] == [True, True]


def test_without_a_recorder_a_trace_has_an_id_and_no_spans() -> None:
    trace.begin(ABOVE.header(), "GET /")
    with trace.span("call"):
        trace.note({"a": 1})
        version, trace_id, span_id, flags = trace.header().split("-")
    assert (version, trace_id, flags) == ("00", ABOVE.trace_id, "01")
    assert span_id != ABOVE.span_id
    assert trace.recorded_place() is None
    trace.end()
    trace.begin("no header", "GET /")
    assert trace.trace_id() not in (None, ABOVE.trace_id)
    trace.end()


def test_who_wants_no_traces_does_not_import_opentelemetry() -> None:
    asked = (
        "import sys; import bookstore.cli.server, bookstore.standalone;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
