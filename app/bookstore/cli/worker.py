"""The worker that serves the shop: a thread for each client, and few of them in the shop at once.

gunicorn's threads read requests and write answers, for as long as that takes; a client that sends
half a request keeps one of them. They are many and cheap. What is dear, the shop's own work,
begins when a request is there whole and ends when its answer is, so that it waits for nobody.
"""

import contextlib
import io
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO, Any, cast

from gunicorn.workers.gthread import ThreadWorker

# How many clients of a worker can be in the middle of a request or an answer.
CLIENTS = 256
# Within these a request's headers are there; then its body is sent, and then its answer taken.
HEADER_SECONDS, TRANSFER_SECONDS = 10, 120
# What is larger, as pictures are, waits for a place of its own and on the disk.
SMALL_BODY_BYTES = 64 * 1024
# What is larger is answered unread.
LARGEST_BODY_BYTES = 32 * 1024 * 1024
HEALTH = frozenset({"/healthz", "/readyz"})
# Longer than it takes another process to wake up, and short beside a page.
PATIENCE_SECONDS = 0.0005

Allow = Callable[[object, float | None], None]
Shop = Callable[[Any, Any], Iterable[bytes]]


class Turns:
    """A WSGI application that lets few requests at once into the shop, each read whole before.

    Probes go past them: a shop that is busy is alive.

    :param shop: the application.
    :param turns: how many requests it works on at once.
    :param allow: told of a client's socket how many seconds it has for what it does next, or
        None while it waits for the shop.
    :param internal_port: where other services call, which have as many turns of their own: two
        services whose readers' requests all wait for each other would wait for ever.
    """

    def __init__(
        self, shop: Shop, turns: int, allow: Allow, internal_port: int | None = None
    ) -> None:
        self._shop = shop
        self._allow = allow
        self._turns = threading.Semaphore(turns)
        self._internal_turns = threading.Semaphore(turns)
        self._internal_port = str(internal_port) if internal_port else None
        self._large_bodies = threading.Semaphore(turns)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer a request; the answer is whole, but for a file's."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if environ["PATH_INFO"] in HEALTH or length > LARGEST_BODY_BYTES:
            return self._shop(environ, start_response)
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        large = chunked or length > SMALL_BODY_BYTES
        with self._large_bodies if large else contextlib.nullcontext(), self._file(large) as body:
            if chunked or length:
                _copy(environ["wsgi.input"], body)
                environ["wsgi.input"] = body
            self._allow(environ["gunicorn.socket"], None)
            internal = environ.get("SERVER_PORT") == self._internal_port
            with self._internal_turns if internal else self._turns:
                answer = self._shop(environ, start_response)
                if not isinstance(answer, environ["wsgi.file_wrapper"]):
                    answer = _whole(answer)
            self._allow(environ["gunicorn.socket"], TRANSFER_SECONDS)
            return answer

    def _file(self, large: bool) -> Any:
        return tempfile.TemporaryFile() if large else io.BytesIO()


def _copy(sent: Any, body: IO[bytes]) -> None:
    left = LARGEST_BODY_BYTES
    while left > 0 and (block := sent.read(min(left, SMALL_BODY_BYTES))):
        body.write(block)
        left -= len(block)
    body.seek(0)


def _whole(answer: Iterable[bytes]) -> list[bytes]:
    try:
        return list(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


class ShopWorker(ThreadWorker):
    """gunicorn's worker of threads, with deadlines for clients and a fair share of connections.

    It drops who is too slow to send a request or to take its answer, leaves a new connection to a
    worker that has fewer, and refuses connections as soon as it ends.
    """

    turns: int

    def load_wsgi(self) -> None:
        """Take the shop from gunicorn's application, and let requests in by turns."""
        super().load_wsgi()
        server = cast("Any", self.app)
        self.turns = server.turns
        self._deadlines: dict[object, float] = {}
        self.wsgi = Turns(self.wsgi, self.turns, self._allow, server.internal_port)

    def enqueue_req(self, conn: Any) -> None:
        """Read a request in a thread; its headers are awaited until a deadline."""
        self._allow(conn.sock, HEADER_SECONDS)
        super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose headers are there."""
        self._allow(conn.sock, TRANSFER_SECONDS)
        return super().handle_request(req, conn)

    def _allow(self, client: object, seconds: float | None) -> None:
        if seconds is None:
            self._deadlines.pop(client, None)
        else:
            self._deadlines[client] = time.monotonic() + seconds

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Wait for the next request, or for the first one where none has begun."""
        self._allow(conn.sock, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Drop who did not send a request in time; the thread that reads it sees it end."""
        super().murder_pending()
        now = time.monotonic()
        for client, deadline in list(self._deadlines.items()):
            if deadline < now and isinstance(client, socket.socket):
                self._allow(client, None)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def accept(self, listener: Any) -> None:
        """Accept a connection, the later the more there are already for each turn.

        All workers wake up for it and the quickest takes it. Balancers keep their connections, so
        that a worker which once took most of them would serve alone while the others are idle.
        """
        if self.nr_conns:
            time.sleep(min(self.nr_conns / self.turns, 1) * PATIENCE_SECONDS)
        super().accept(listener)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or cease to accept; a worker that ends closes the listener.

        What waits there is taken before. gunicorn leaves it open until the last request is
        answered, and who connects meanwhile waits for an answer that never comes.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            taken = -1
            while taken < self.nr_conns < self.worker_connections:
                taken = self.nr_conns
                super().accept(listener)
            listener.close()
