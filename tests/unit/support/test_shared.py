"""One server for several processes: started once, ended when nobody uses it any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.poll import eventually
from tests.support.shared import shared


class Server:
    """A server that writes down what becomes of it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        self.events.append("started")
        yield "its address"
        self.events.append("ended")


def gone(path: Path) -> None:
    assert not path.exists()


def test_a_server_is_started_by_the_first_and_ended_after_the_last(tmp_path: Path) -> None:
    server = Server()
    started, may_end = threading.Event(), threading.Event()

    def be_first() -> None:
        with shared(tmp_path, "server", server.running()):
            started.set()
            may_end.wait()

    first = threading.Thread(target=be_first)
    first.start()
    assert started.wait(30)
    with shared(tmp_path, "server", server.running()) as url:
        assert url == "its address"
        may_end.set()
        # The first takes the address away when it is about to end, and then waits for us.
        eventually(lambda: gone(tmp_path / "server.url"), within=30, every=0.01)
        assert server.events == ["started"]
    first.join(30)
    assert server.events == ["started", "ended"]


def test_who_comes_when_the_server_has_ended_starts_it_again(tmp_path: Path) -> None:
    server = Server()
    for _ in range(2):
        with shared(tmp_path, "server", server.running()) as url:
            assert url == "its address"
    assert server.events == ["started", "ended"] * 2
