"""Several servers of the shop on one database, and a balancer that goes where one is ready."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.support.keys import SECRET_KEY
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.shopper import Shopper

GIVE_UP_SECONDS = 60
LOOK_SECONDS = 0.1
TOLERATED = 3


class Replica:
    """One server: gunicorn's first process and its workers."""

    def __init__(
        self, uri: str, shared: Path, *, module: str = "bookstore", **settings: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._module = module
        self._log = shared / f"replica-{self.port}.log"
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SQLALCHEMY_DATABASE_URI": uri,
            "SECRET_KEY": SECRET_KEY,
            "INSTANCE_DIR": str(shared),
            "WEB_CONCURRENCY": "2",
            "WEB_THREADS": "4",
            "PAGE_CACHE_SECONDS": "0",
            **settings,
        }

    def start(self) -> None:
        """Start the server; ``ready`` tells when it serves."""
        bind = f"127.0.0.1:{self.port}"
        arguments = ["serve", "--bind", bind] if self._module == "bookstore" else [bind]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._module, *arguments],
                env=self.environment,
                stderr=log,
            )

    def ready(self) -> bool:
        """Ask ``/readyz``, as a load balancer does."""
        return self.state() == "ready"

    def state(self) -> str:
        """Return what ``/readyz`` says, or nothing when it does not answer in time."""
        try:
            answer = httpx.get(f"{self.url}readyz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return ""
        return answer.text.strip()

    def wait_ready(self) -> None:
        def is_ready() -> None:
            if self.process.poll() is not None:
                raise RuntimeError(self.log())
            assert self.ready(), self.log()

        eventually(is_ready, within=GIVE_UP_SECONDS, every=LOOK_SECONDS)

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        first = self.process.pid
        try:
            children = Path(f"/proc/{first}/task/{first}/children").read_text()
        except FileNotFoundError:
            return []
        return [int(child) for child in children.split()]

    def drain(self) -> None:
        """Tell the server by SIGTERM to end, once the balancer has left."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """End a server that drains, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GIVE_UP_SECONDS)

    def kill(self) -> None:
        """End all of the server at once."""
        workers = self.workers()
        self.process.kill()
        self.process.wait()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def log(self) -> str:
        return self._log.read_text()


class Balancer(httpx.BaseTransport):
    """Send each request, on a connection of its own, to a replica that is ready.

    It leaves a replica that drains at once, and any other when it was not ready several times, as
    a readiness probe's threshold has it. It never tries twice: what is dropped, a shopper sees.
    """

    def __init__(self, replicas: list[Replica]) -> None:
        self._replicas = replicas
        self._ready: list[Replica] = []
        self._busy: Counter[int] = Counter()
        self._failed: dict[int, int] = {}
        self._choosing = threading.Lock()
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._ready = [replica for replica in self._replicas if replica.ready()]
        self._looking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._ended.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for replica in self._replicas:
                self._judge(replica, replica.state())

    def _judge(self, replica: Replica, state: str) -> None:
        failed = self._failed.get(replica.port, 0) + 1
        self._failed[replica.port] = 0 if state == "ready" else failed
        with self._choosing:
            if state == "ready":
                if replica not in self._ready:
                    self._ready.append(replica)
            elif replica in self._ready and (state == "draining" or failed > TOLERATED):
                self._ready.remove(replica)

    def serves(self, replica: Replica) -> bool:
        """Tell whether requests go to a replica."""
        with self._choosing:
            return replica in self._ready

    def has_left(self, replica: Replica) -> bool:
        """Tell whether a replica has no request and gets none."""
        with self._choosing:
            return replica not in self._ready and not self._busy[replica.port]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._choosing:
            if not self._ready:
                raise httpx.ConnectError("no replica is ready", request=request)
            port = min((replica.port for replica in self._ready), key=self._busy.__getitem__)
            self._busy[port] += 1
        request.url = request.url.copy_with(port=port)
        try:
            with httpx.HTTPTransport() as connection:
                response = connection.handle_request(request)
                response.read()
            return response
        finally:
            with self._choosing:
                self._busy[port] -= 1

    def shopper(self) -> Shopper:
        """Return a new person who comes by this balancer."""
        person = Shopper("http://127.0.0.1")
        person.http.close()
        person.http = httpx.Client(
            base_url="http://127.0.0.1", transport=self, follow_redirects=True, timeout=30
        )
        return person
