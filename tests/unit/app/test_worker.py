"""A worker lets one that has fewer connections go first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from bookstore.cli.worker import PATIENCE_SECONDS, FairWorker

THREADS = 8


@pytest.mark.parametrize(
    ("connections", "share"), [(0, None), (1, 1 / 8), (4, 1 / 2), (8, 1), (1000, 1)]
)
def test_the_fuller_a_worker_the_later_it_takes_a_connection(
    monkeypatch: pytest.MonkeyPatch, connections: int, share: float | None
) -> None:
    happened: list[object] = []
    monkeypatch.setattr("time.sleep", happened.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda _self, listener: happened.append(listener))
    worker = FairWorker.__new__(FairWorker)
    worker.nr_conns = connections
    monkeypatch.setattr(worker, "cfg", SimpleNamespace(threads=THREADS), raising=False)
    worker.accept("listener")
    waited = [] if share is None else [share * PATIENCE_SECONDS]
    assert happened == [*waited, "listener"]
