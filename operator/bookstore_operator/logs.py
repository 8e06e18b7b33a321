"""Structured logs: one JSON object a line, without bodies of objects."""

import json
import logging
from datetime import UTC, datetime

QUIET = ("kopf", "aiohttp", "asyncio", "kubernetes")
"""Libraries whose debug logs hold whole objects, Secrets too; they never go below INFO."""

CHATTY = ("kopf.objects", "kopf.activities.probe", "aiohttp.access")
"""Loggers that tell every success of a handler or a probe."""


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; fields of ``extra`` that we know are kept, all others dropped."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        reason = getattr(record, "reason", None)
        if reason:
            line["reason"] = str(reason)
        reference = getattr(record, "k8s_ref", None)
        if reference:
            line["object"] = f"{reference.get('namespace')}/{reference.get('name')}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: int) -> None:
    """Send every log to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.INFO))
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
