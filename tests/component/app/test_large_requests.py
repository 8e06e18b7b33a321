"""A request that is too large is answered with its form, and its sender gets to read that."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO

import httpx
import pytest

from bookstore.core import largeforms
from bookstore.core.largeforms import FIRST_BYTES, drain
from tests.support.poll import eventually
from tests.support.ports import free_port

MB = 1024 * 1024
BOUNDARY = "a-boundary-of-a-browser"
TYPED = {"title": "Kept title", "author": "Ana", "description": "Kept words", "price": "25000"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a shop under gunicorn, on SQLite."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "INSTANCE_DIR": str(tmp_path_factory.mktemp("shop")),
        "LOG_LEVEL": "ERROR",
    }
    environment.pop("SQLALCHEMY_DATABASE_URI", None)
    command = [sys.executable, "-m", "bookstore", "serve", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, env=environment)
    try:

        def is_ready() -> None:
            assert server.poll() is None
            address = f"http://127.0.0.1:{port}/readyz"
            assert httpx.get(address, trust_env=False).status_code == 200

        eventually(is_ready, within=60, every=0.1)
        yield port
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def cookie(port: int) -> str:
    """Give the session's cookie of a person who is logged in."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as person:
        page = person.get("/auth/register").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        typed = {"name": "Ana Prueba", "email": "a@example.org", "password": "a long password 7"}
        answer = person.post("/auth/register", data={"csrf_token": token[1], **typed})
        assert answer.status_code == 303, answer.text
        return f"session={person.cookies['session']}"


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
    port: int, cookie: str, size: int
) -> None:
    page = send(port, cookie, size * MB)
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

    monkeypatch.setattr("bookstore.core.largeforms.time.monotonic", lambda: clock[0])
    body = Endless(pass_time)
    drain(body)  # type: ignore[arg-type]
    assert body.bytes == 3 * FIRST_BYTES

    def go() -> None:
        raise ConnectionResetError

    drain(Endless(go))  # type: ignore[arg-type]
