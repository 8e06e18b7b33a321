"""How the bench reads the API server's audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bench.audit import Audit, by_sort, made


def event(code: int = 200, **about: str) -> dict[str, Any]:
    return {
        "stageTimestamp": "2026-11-28T19:00:00.500000Z",
        "objectRef": {"apiVersion": "v1", "namespace": "space", "name": "shop", **about},
        "responseStatus": {"code": code},
    }


def log(folder: Path, *events: dict[str, Any]) -> Audit:
    file = folder / "audit.log"
    file.write_text("".join(json.dumps(one) + "\n" for one in events))
    return Audit(file)


def test_writes_are_told_apart_by_what_they_are_for(tmp_path: Path) -> None:
    store: dict[str, Any] = {"apiGroup": "bookstore.dev", "resource": "bookstores"}
    audit = log(
        tmp_path,
        event(**store),
        event(**store, subresource="status"),
        event(201, resource="configmaps"),
        event(apiGroup="apps", resource="deployments"),
        event(201, apiGroup="events.k8s.io", resource="events"),
        event(409, resource="configmaps"),
    )
    writes = audit.since(0)
    assert by_sort(writes) == {"finalizer": 1, "status": 1, "children": 2, "Events": 1}
    (child,) = made(writes)
    assert child.path == "/api/v1/namespaces/space/configmaps/shop"
    assert [write.path for write in writes if write.group == "apps"] == [
        "/apis/apps/v1/namespaces/space/deployments/shop"
    ]


def test_only_what_came_after_a_mark_counts_and_no_half_line(tmp_path: Path) -> None:
    audit = log(tmp_path, event(201, resource="configmaps"))
    mark = audit.mark()
    later = json.dumps(event(201, resource="secrets"))
    with (tmp_path / "audit.log").open("a") as file:
        file.write(later + "\n" + later[:40])
    assert [write.resource for write in audit.since(mark)] == ["secrets"]
