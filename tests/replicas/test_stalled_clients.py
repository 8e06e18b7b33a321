"""People who stall in the middle of a request or an answer keep nobody else waiting."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.replicas.conftest import Shop
from tests.support.poll import eventually
from tests.support.replicas import Replica

STALLED = 200
ANSWER_SECONDS = 20
KEPT = 32

on_mysql = pytest.mark.parametrize("shop", ["mysql"], indirect=True, scope="module")

HALF_A_HEADER = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: a"
HALF_A_BODY = (
    b"POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=ana"
)
HALF_A_PICTURE = HALF_A_BODY.replace(b"1000", b"9000000")
NOTHING_READ = b"GET /static/style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 40
WAYS = (HALF_A_HEADER, HALF_A_BODY, HALF_A_PICTURE, NOTHING_READ)


def stall(replica: Replica, way: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", replica.port))
    client.sendall(way)
    return client


@contextmanager
def stalled_clients(replica: Replica) -> Iterator[list[socket.socket]]:
    """Keep clients at a server that stall, each in one of the ways; who is dropped comes again."""
    clients = [stall(replica, WAYS[number % len(WAYS)]) for number in range(STALLED)]
    ended = threading.Event()

    def come_again() -> None:
        while not ended.wait(0.2):
            for number, client in enumerate(clients):
                if was_dropped(client):
                    client.close()
                    clients[number] = stall(replica, WAYS[number % len(WAYS)])

    again = threading.Thread(target=come_again)
    again.start()
    try:
        yield clients
    finally:
        ended.set()
        again.join()
        for client in clients:
            client.close()


def was_dropped(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


@on_mysql
def test_a_shopper_buys_and_probes_are_answered_beside_stalled_clients(shop: Shop) -> None:
    book = shop.seller.publish("La vorágine", 1)
    buyer = shop.buyers[0]
    first, second = shop.replicas
    with stalled_clients(first), stalled_clients(second):
        for replica in shop.replicas:
            for path in ("healthz", "readyz"):
                answer = httpx.get(f"{replica.url}{path}", timeout=ANSWER_SECONDS, trust_env=False)
                assert answer.status_code == 200
        assert buyer.buy(book)
    assert shop.copies_paid(book) == 1
    assert shop.stock(book) == 0


@on_mysql
def test_who_sends_no_whole_header_is_dropped(shop: Shop) -> None:
    client = stall(shop.replicas[0], HALF_A_HEADER)

    def dropped() -> None:
        assert was_dropped(client)

    eventually(dropped, within=60)
    client.close()


@on_mysql
def test_kept_connections_are_spread_over_the_workers(shop: Shop) -> None:
    replica = shop.replicas[0]
    before = {worker: sockets(worker) for worker in replica.workers()}
    with contextlib.ExitStack() as ends:
        for _ in range(KEPT):
            client = ends.enter_context(httpx.Client(base_url=replica.url, trust_env=False))
            assert client.get("healthz").status_code == 200
        kept = {worker: sockets(worker) - before[worker] for worker in replica.workers()}
    assert len(kept) == 2
    assert min(kept.values()) >= KEPT // 8


def sockets(process: int) -> int:
    """Return how many sockets a process has open."""
    count = 0
    for file in Path(f"/proc/{process}/fd").iterdir():
        # It may be closed meanwhile.
        with contextlib.suppress(FileNotFoundError):
            count += str(file.readlink()).startswith("socket:")
    return count
