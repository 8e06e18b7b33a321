"""What the operator wrote, and when: from the API server's audit log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

CREATED = 201


@dataclass(frozen=True)
class Write:
    """One write that succeeded: when (seconds of the epoch), what, and whether it made it."""

    at: float
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    created: bool

    @property
    def sort(self) -> str:
        """Return what the write was for: ``children``, ``status``, ``finalizer`` or ``Events``."""
        if self.resource == "events":
            return "Events"
        if self.resource == "bookstores":
            return "status" if self.subresource == "status" else "finalizer"
        return "children"

    @property
    def path(self) -> str:
        """Return the path of the object in the API."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}{scope}/{self.resource}/{self.name}"


class Audit:
    """Read the log from a mark on; it is written as requests end, with no noteworthy delay."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def mark(self) -> int:
        return self._log.stat().st_size

    def since(self, mark: int) -> list[Write]:
        """Return the writes after a mark, in the order in which they ended."""
        with self._log.open("rb") as log:
            log.seek(mark)
            lines = log.read().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [write(event) for event in events if event["responseStatus"]["code"] < 300]


def write(event: dict[str, object]) -> Write:
    """Return the write that an event of audit.k8s.io/v1 tells of."""
    about: dict[str, str] = event["objectRef"]  # type: ignore[assignment]
    answer: dict[str, int] = event["responseStatus"]  # type: ignore[assignment]
    return Write(
        at=datetime.fromisoformat(str(event["stageTimestamp"])).timestamp(),
        group=about.get("apiGroup", ""),
        version=about["apiVersion"],
        resource=about["resource"],
        subresource=about.get("subresource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        created=answer["code"] == CREATED,
    )


def by_sort(writes: Iterable[Write]) -> Counter[str]:
    return Counter(write.sort for write in writes)


def made(writes: Iterable[Write]) -> list[Write]:
    """Return the writes that made a child."""
    return [write for write in writes if write.created and write.sort == "children"]
