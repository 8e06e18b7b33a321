"""Logs as one JSON object a line on standard error, with the request's id and no secrets."""

import logging
import re
import select
import sys
from typing import Any

from flask import g, has_request_context
from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

from bookstore.core.observability import trace

TOKEN = re.compile(r"[\w.~=%+-]{25,}")
# How much of a field stays when the line is too long: as much as lets the line fit.
CUTS = (2000, 1000, 400, 100, 20)


class LineFormatter(JsonFormatter):
    """Write a record and its extra fields as JSON, in a line that a pipe takes as a whole.

    All processes of a server write to one pipe. Each line is written by one system call, and
    POSIX promises that up to PIPE_BUF bytes of one are not mixed with another's. What is longer
    is cut, field by field, and says so.
    """

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            timestamp="time",
            json_ensure_ascii=False,
            json_default=str,
        )

    def process_log_record(self, log_data: LogData) -> LogData:
        """Write the moment and the level as elsewhere, and add the request's id."""
        log_data["time"] = log_data["time"].isoformat(timespec="milliseconds")
        log_data["level"] = str(log_data["level"]).lower()
        if has_request_context():
            log_data.setdefault("request_id", g.get("request_id"))
        if (traced := trace.trace_id()) is not None:
            log_data["trace_id"] = traced
        return log_data

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Return the line without its end."""
        line = super().jsonify_log_record(log_data)
        for most in CUTS:
            if len(line.encode(errors="backslashreplace")) < select.PIPE_BUF:
                return line
            cut = {name: shortened(value, most) for name, value in log_data.items()}
            line = super().jsonify_log_record(cut)
        # More fields than anybody reads.
        return super().jsonify_log_record(
            {name: cut[name] for name in ("time", "level", "logger", "message")}
        )


def without_tokens(text: str) -> str:
    """Return an address or a text without what may be the token of a link.

    Tokens are known by their length alone, for a link that was cut, or got a slash at its end,
    is at no address of the shop and may be tried again.
    """
    return TOKEN.sub("…", text)


def shortened(value: Any, most: int) -> Any:
    """Return a field as it is, or its beginning and its end where it is longer."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    over = len(text) - most
    if over <= 0:
        return text
    return f"{text[: most // 2]} … {over} characters are cut … {text[-most // 2 :]}"


def configure(level: str) -> None:
    """Send all logs of the process to standard error as JSON."""
    # Opened anew: what a log says is UTF-8 whatever the locale says.
    stream = open(  # noqa: SIM115
        sys.stderr.fileno(), "w", encoding="utf-8", errors="backslashreplace", closefd=False
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
