"""A request that is too large is answered with its form, and its sender gets to read that."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from bookstore.core.web import largeforms
from bookstore.core.web.largeforms import FIRST_BYTES, drain
from tests.support.replicas import Replica
from tests.support.shopper import Shopper

MB = 1024 * 1024
BOUNDARY = "a-boundary-of-a-browser"
TYPED = {"title": "Kept title", "author": "Ana", "description": "Kept words", "price": "25000"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """Give a shop under gunicorn, on SQLite."""
    folder = tmp_path_factory.mktemp("shop")
    replica = Replica(f"sqlite:///{folder / 'shop.sqlite3'}", folder)
    replica.start()
    try:
        replica.wait_ready()
        yield replica
    finally:
        replica.stop()


@pytest.fixture(scope="module")
def cookie(server: Replica) -> str:
    """Give the session's cookie of a person who is logged in."""
    person = Shopper(server.url)
    person.register()
    return f"session={person.http.cookies['session']}"


def send(port: int, cookie: str, file_bytes: int) -> str:
    """Send a publication as a browser does: all of it, and only then look for the answer."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in TYPED.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="cover"; filename="a.jpg"\r\n\r\n'
    )
    start, end = "".join(parts).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST /sell HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}; lang=en\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(start) + file_bytes + len(end)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(head.encode() + start)
        for _ in range(file_bytes // MB):
            line.sendall(bytes(MB))
        line.sendall(end)
        with line.makefile("rb") as answer:
            return answer.read().decode()


@pytest.mark.parametrize("size", [30, 200])
def test_who_sends_too_much_reads_why_with_all_that_was_typed(
    server: Replica, cookie: str, size: int
) -> None:
    page = send(server.port, cookie, size * MB)
    assert page.startswith("HTTP/1.1 413 ")
    error = re.search(r'id="cover-error">([^<]+)<', page)
    assert error is not None
    assert str(size) in error[1]
    assert "10" in error[1]
    for text in TYPED.values():
        assert text in page
    assert page.rstrip().endswith("</html>")


class Endless:
    """Be a body that never ends; count what was read."""

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        self.bytes = 0
        self._each = each

    def read(self, size: int) -> bytes:
        assert size <= FIRST_BYTES
        self._each()
        self.bytes += size
        return bytes(size)


def test_no_more_is_drained_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    body = Endless()
    monkeypatch.setattr(largeforms, "MOST_DRAINED_BYTES", 3 * FIRST_BYTES + 5)
    drain(body)  # type: ignore[arg-type]
    assert body.bytes == 3 * FIRST_BYTES + 5
    rest = BytesIO(b"short")
    drain(rest)
    assert rest.read() == b""


def test_draining_ends_in_time_and_when_the_sender_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]

    def pass_time() -> None:
        clock[0] += 50

    monkeypatch.setattr("bookstore.core.web.largeforms.time.monotonic", lambda: clock[0])
    body = Endless(pass_time)
    drain(body)  # type: ignore[arg-type]
    assert body.bytes == 3 * FIRST_BYTES

    def go() -> None:
        raise ConnectionResetError

    drain(Endless(go))  # type: ignore[arg-type]
