"""A host name is reached at an address of the tests' choice, and its certificate is checked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support import resolved
from tests.support.certificates import Authority, Pair

HOST = "books.example.com"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_: object) -> None:
        """Log no request."""


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def port(authority: Authority, tmp_path: Path) -> Iterator[int]:
    """Serve HTTPS at 127.0.0.1 with a certificate of the host's name, and return the port."""
    pair: Pair = authority.sign(HOST)
    file = tmp_path / "pair.pem"
    file.write_text(pair.key + pair.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_host_is_asked_by_its_name_at_the_address(authority: Authority, port: int) -> None:
    with resolved.client(f"https://{HOST}:{port}", "127.0.0.1", authority.pem) as client:
        assert client.get("/").text == f"{HOST}:{port}"


def test_a_certificate_of_another_host_is_refused(authority: Authority, port: int) -> None:
    other = f"https://shop.example.com:{port}"
    with (
        resolved.client(other, "127.0.0.1", authority.pem) as client,
        pytest.raises(httpx.ConnectError, match="Hostname mismatch"),
    ):
        client.get("/")


def test_a_certificate_of_another_authority_is_refused(port: int) -> None:
    with (
        resolved.client(f"https://{HOST}:{port}", "127.0.0.1", Authority().pem) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("/")
