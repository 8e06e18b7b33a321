"""A worker lets few requests at once into the shop, and leaves nobody waiting at its end."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from bookstore.cli import worker as workers
from bookstore.cli.worker import LARGEST_BODY_BYTES, SMALL_BODY_BYTES, ShopWorker, Turns

TURNS = 2
GIVE_UP_SECONDS = 30


def request(path: str = "/", body: bytes = b"", **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    setup_testing_defaults(environ)
    sent = {"CONTENT_LENGTH": str(len(body))} if body else {}
    return {**environ, "wsgi.file_wrapper": FileWrapper, "gunicorn.socket": "c", **sent, **more}


def answer_of(shop: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> bytes:
    return b"".join(Turns(shop, TURNS, lambda *_: None)(environ, lambda *_: None))


def echo(environ: dict[str, Any], _start: object) -> Iterable[bytes]:
    yield environ["wsgi.input"].read()


class SlowShop:
    """A shop that answers once it is told to, and counts who is in it."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.most = self.now = 0

    def __call__(self, environ: dict[str, Any], _start: object) -> Iterable[bytes]:
        if environ["PATH_INFO"] in {"/healthz", "/readyz"}:
            return [b"ok"]
        self.now += 1
        self.most = max(self.most, self.now)
        self.inside.release()
        assert self.go_on.wait(GIVE_UP_SECONDS)
        self.now -= 1
        return [b"page"]


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY_BYTES, SMALL_BODY_BYTES + 1, 3 * 1024 * 1024])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_reaches_the_shop_as_it_was_sent(size: int, chunked: bool) -> None:
    body = bytes(number % 251 for number in range(size))
    how = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""} if chunked else {}
    assert answer_of(echo, request(body=body, **how)) == body


def test_a_body_that_is_far_too_large_is_left_to_the_shop_unread() -> None:
    environ = request(body=b"the beginning", CONTENT_LENGTH=str(LARGEST_BODY_BYTES + 1))
    assert answer_of(lambda given, _: [str(given["wsgi.input"].tell()).encode()], environ) == b"0"


def test_few_are_in_the_shop_at_once_and_probes_are_answered_meanwhile() -> None:
    shop = SlowShop()
    turns = Turns(shop, TURNS, lambda *_: None)
    with ThreadPoolExecutor(3 * TURNS) as pool:
        answers = [pool.submit(turns, request(), lambda *_: None) for _ in range(3 * TURNS)]
        for _ in range(TURNS):
            assert shop.inside.acquire(timeout=GIVE_UP_SECONDS)
        for probe in ("/healthz", "/readyz"):
            assert b"".join(turns(request(probe), lambda *_: None)) == b"ok"
        shop.go_on.set()
        assert [b"".join(answer.result(GIVE_UP_SECONDS)) for answer in answers] == (
            [b"page"] * 3 * TURNS
        )
    assert shop.most == TURNS


def test_calls_of_other_services_have_turns_of_their_own() -> None:
    shop = SlowShop()
    turns = Turns(shop, 1, lambda *_: None, internal_port=5001)
    with ThreadPoolExecutor(4) as pool:
        answers = [
            pool.submit(turns, request(SERVER_PORT=port), lambda *_: None)
            for port in ("5000", "5000", "5001", "5001")
        ]
        for _ in range(2):
            assert shop.inside.acquire(timeout=GIVE_UP_SECONDS)
        assert shop.now == 2
        shop.go_on.set()
        assert {b"".join(answer.result(GIVE_UP_SECONDS)) for answer in answers} == {b"page"}
    assert shop.most == 2


def test_a_request_takes_no_turn_until_it_is_there_whole() -> None:
    shop = SlowShop()
    shop.go_on.set()
    turns = Turns(shop, 1, lambda *_: None)
    reading, writing = socket.socketpair()
    with reading.makefile("rb") as half, ThreadPoolExecutor(1) as pool:
        writing.sendall(b"half")
        stalled = request(CONTENT_LENGTH="8") | {"wsgi.input": half}
        waiting = pool.submit(turns, stalled, lambda *_: None)
        assert b"".join(turns(request(), lambda *_: None)) == b"page"
        assert not waiting.done()
        writing.sendall(b"whole")
        writing.close()
        assert b"".join(waiting.result(GIVE_UP_SECONDS)) == b"page"
    reading.close()


def test_a_turn_ends_also_when_the_shop_fails() -> None:
    def fail(environ: dict[str, Any], _start: object) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fail":
            raise ZeroDivisionError
        return [b"page"]

    turns = Turns(fail, 1, lambda *_: None)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            turns(request("/fail"), lambda *_: None)
    assert b"".join(turns(request(), lambda *_: None)) == b"page"


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> ShopWorker:
    """Give a worker that runs no threads, whose clients have run out of time."""
    for inherited in ("enqueue_req", "finish_request", "handle_request", "murder_pending"):
        monkeypatch.setattr(ThreadWorker, inherited, lambda *_: None)
    for limit in ("HEADER_SECONDS", "TRANSFER_SECONDS"):
        monkeypatch.setattr(workers, limit, -1)
    shop = SimpleNamespace(wsgi=lambda: echo, turns=TURNS, internal_port=None)
    made = ShopWorker.__new__(ShopWorker)
    monkeypatch.setattr(made, "app", shop, raising=False)
    made.load_wsgi()
    return made


def is_dropped(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("step", ["headers", "body"])
def test_who_takes_too_long_to_send_a_request_is_dropped(worker: ShopWorker, step: str) -> None:
    served, client = socket.socketpair()
    with served, client:
        worker.enqueue_req(SimpleNamespace(sock=served))
        if step == "body":
            worker.handle_request(object(), SimpleNamespace(sock=served))
        assert not is_dropped(client)
        worker.murder_pending()
        assert is_dropped(client)


def test_who_waits_for_the_next_request_is_not_dropped(worker: ShopWorker) -> None:
    served, client = socket.socketpair()
    with served, client:
        worker.enqueue_req(SimpleNamespace(sock=served))
        worker.finish_request(SimpleNamespace(sock=served), object())
        worker.murder_pending()
        assert not is_dropped(client)


def test_a_client_that_is_gone_already_harms_no_other(worker: ShopWorker) -> None:
    gone, _ = socket.socketpair()
    served, client = socket.socketpair()
    with served, client:
        for sock in (gone, served):
            worker.enqueue_req(SimpleNamespace(sock=sock))
        gone.close()
        worker.murder_pending()
        assert is_dropped(client)


def test_a_file_is_answered_as_it_is_and_not_read_before() -> None:
    picture = FileWrapper(io.BytesIO(b"picture"))
    turns = Turns(lambda *_: picture, TURNS, lambda *_: None)
    assert turns(request(), lambda *_: None) is picture


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
