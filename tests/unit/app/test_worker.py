"""A worker lets one that has fewer connections go first, and leaves nobody waiting at its end."""

from __future__ import annotations

import socket

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from bookstore.cli.worker import PATIENCE_SECONDS, ShopWorker

TURNS = 8


@pytest.mark.parametrize(
    ("connections", "share"), [(0, None), (1, 1 / 8), (4, 1 / 2), (8, 1), (1000, 1)]
)
def test_the_fuller_a_worker_the_later_it_takes_a_connection(
    monkeypatch: pytest.MonkeyPatch, connections: int, share: float | None
) -> None:
    happened: list[object] = []
    monkeypatch.setattr("time.sleep", happened.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda _self, listener: happened.append(listener))
    worker = ShopWorker.__new__(ShopWorker)
    worker.nr_conns = connections
    worker.turns = TURNS
    worker.accept("listener")
    waited = [] if share is None else [share * PATIENCE_SECONDS]
    assert happened == [*waited, "listener"]


def test_a_worker_that_ends_takes_who_waits_and_refuses_who_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = listener.getsockname()
        people = [socket.create_connection(address) for _ in range(3)]
        worker = ShopWorker.__new__(ShopWorker)
        worker.alive, worker.sockets = False, [listener]
        worker.nr_conns, worker.worker_connections = 0, 100
        monkeypatch.setattr(worker, "_accepting", False, raising=False)
        monkeypatch.setattr(worker, "cfg", Config(), raising=False)
        worker.turns = TURNS
        monkeypatch.setattr(worker, "enqueue_req", taken.append)
        worker.set_accept_enabled(False)
        assert len(taken) == len(people)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        for person in people:
            person.close()
