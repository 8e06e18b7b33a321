"""The trace that a request is part of, as W3C Trace Context has it: one id across all services.

Its id is handed on and stands in the logs. Where there is a recorder (see ``otlp``), what goes on
in a request or a job is recorded too, as spans that name the one above them.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

HEADER = "traceparent"
# Later versions begin with the same fields.
PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")

SERVER_ERRORS = 500

Attributes = Mapping[str, str | int]


class Kind(StrEnum):
    """What a span is to the one above it."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Place:
    """A span as others name it; the first of the flags says that it is recorded."""

    trace_id: str
    span_id: str
    flags: str

    def header(self) -> str:
        """Return the header of what goes on below the span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Span(Protocol):
    """A piece of work within a trace, from when it was begun."""

    @property
    def place(self) -> Place:
        """How others name it."""

    def note(self, attributes: Attributes) -> None:
        """Write down what became known of it; no secrets, and nobody's name."""

    def fail(self, why: str) -> None:
        """Write down that it failed, and why in a word."""

    def end(self) -> None:
        """Write down that it has ended."""


class Recorder(Protocol):
    """Records spans."""

    def start(self, name: str, kind: Kind, parent: Place | None, attributes: Attributes) -> Span:
        """Begin a span; without a parent that of a new trace."""


@dataclass(frozen=True)
class Unrecorded:
    """A span of which nobody is told."""

    place: Place

    def note(self, attributes: Attributes) -> None:
        """Do nothing."""

    def fail(self, why: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


_span: ContextVar[Span | None] = ContextVar("span", default=None)
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Have spans of this process recorded, or no more."""
    global _recorder  # noqa: PLW0603
    _recorder = recorder


def begin(
    parent: str | None, name: str, kind: Kind = Kind.SERVER, attributes: Attributes | None = None
) -> Span | None:
    """Go on with the trace of a header, or begin a new one where it is none.

    :return: what went on here before, for ``end``.
    """
    before, above = _span.get(), _read(parent)
    if _recorder is not None:
        _span.set(_recorder.start(name, kind, above, attributes or {}))
    else:
        trace_id, flags = (above.trace_id, above.flags) if above else (secrets.token_hex(16), "00")
        _span.set(Unrecorded(Place(trace_id, secrets.token_hex(8), flags)))
    return before


def end(before: Span | None = None) -> None:
    """Leave what was begun: the thread goes on with what it did before, or with nothing."""
    if (span := _span.get()) is not None:
        span.end()
    _span.set(before)


def span(
    name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes | None = None
) -> AbstractContextManager[Span | None]:
    """Record what a block does, as a part of what goes on here; nothing where nothing does.

    An exception that leaves the block ends the span as failed, by the exception's type.
    """
    above = _span.get()
    if _recorder is None or above is None:
        return nullcontext(above)
    return _recorded(_recorder, name, kind, above, attributes or {})


@contextmanager
def _recorded(
    recorder: Recorder, name: str, kind: Kind, above: Span, attributes: Attributes
) -> Iterator[Span]:
    below = recorder.start(name, kind, above.place, attributes)
    _span.set(below)
    try:
        yield below
    except BaseException as error:
        # Its words may name people.
        below.fail(type(error).__name__)
        raise
    finally:
        end(above)


def note(attributes: Attributes) -> None:
    """Write down what became known of what goes on here."""
    if (span := _span.get()) is not None:
        span.note(attributes)


def fail(why: str) -> None:
    """Write down that what goes on here failed, and why in a word."""
    if (span := _span.get()) is not None:
        span.fail(why)


def answered(status: int) -> None:
    """Write down the status of the answer to the request that goes on here."""
    note({"http.response.status_code": status})
    if status >= SERVER_ERRORS:
        fail(str(status))


def trace_id() -> str | None:
    """Return the id of the trace that goes on here, or None."""
    span = _span.get()
    return span.place.trace_id if span else None


def recorded_place() -> Place | None:
    """Return where in a trace this is, for what is done later; None where nobody records it."""
    span = _span.get()
    return span.place if span and _recorder is not None else None


def header() -> str:
    """Return the header of a call that is part of this trace, or of one of its own."""
    span = _span.get()
    place = span.place if span else Place(secrets.token_hex(16), secrets.token_hex(8), "00")
    return place.header()


def _read(parent: str | None) -> Place | None:
    found = PARENT.fullmatch(parent or "")
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Place(found[1], found[2], found[3])
