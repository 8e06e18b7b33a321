"""versitygw, a server that speaks S3, as a program of this machine; and ways to it that fail."""

from __future__ import annotations

import fcntl
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from cluster import programs, settings
from cluster.programs import Program
from cluster.steps import Steps
from tests.support.certificates import Authority
from tests.support.poll import eventually
from tests.support.ports import free_port

PROGRAMS = (
    Program(
        "versitygw",
        "github.com/versity/versitygw/cmd/versitygw",
        Path(__file__).parents[1] / "real" / "parts" / "versitygw" / "go",
    ),
)
KEY, SECRET = "the-tests-key", "the-tests-secret-access-key"
REGION = "us-east-1"


@cache
def program() -> Path:
    """Return the program, which is compiled where the cache of `make up` lacks it."""
    known = settings.from_environment()
    built = known.cache / "go" / f"real-versitygw-{programs.inputs_digest(known, PROGRAMS)}"
    if built.is_dir():
        return built / "versitygw"
    known.cache.mkdir(parents=True, exist_ok=True)
    with (known.cache / "lock").open("ab") as lock, Steps().step("versitygw") as step:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return programs.build(known, "real-versitygw", PROGRAMS, step) / "versitygw"


@dataclass(frozen=True)
class ObjectStore:
    """A server that runs, and what a client has to know of it."""

    endpoint: str
    authority: Path
    folder: Path

    def variables(self, bucket: str, **more: str) -> dict[str, str]:
        """Return the shop's settings for a bucket; ``more`` wins."""
        return {
            "S3_BUCKET": bucket,
            "S3_PREFIX": "books/shop",
            "S3_REGION": REGION,
            "S3_ENDPOINT": self.endpoint,
            "S3_CA": str(self.authority),
            "S3_ACCESS_KEY_ID": KEY,
            "S3_SECRET_ACCESS_KEY": SECRET,
        } | more

    def client(self) -> Any:
        """Return a client of the tests' own."""
        return client(self.endpoint, str(self.authority))

    def bucket(self, name: str) -> str:
        """Make a bucket, and return its name."""
        self.client().create_bucket(Bucket=name)
        return name


def client(endpoint: str, authority: str | bool) -> Any:
    """Return a client of a server with the tests' keys."""
    return botocore.session.get_session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        verify=authority,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
    )


@contextmanager
def running(place: Path, *, encrypted: bool = True) -> Iterator[ObjectStore]:
    """Run a server on a folder while the block runs."""
    data, sidecar, authority = place / "data", place / "sidecar", place / "ca.crt"
    for folder in (data, sidecar):
        folder.mkdir(parents=True)
    signer, port = Authority("Whoever signs what versitygw serves"), free_port()
    pair = signer.sign("127.0.0.1", "localhost")
    for path, text in {
        authority: signer.pem,
        place / "tls.crt": pair.certificate,
        place / "tls.key": pair.key,
    }.items():
        path.write_text(text)
    tls = ["--cert", str(place / "tls.crt"), "--key", str(place / "tls.key")] if encrypted else []
    with (place / "versitygw.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(program(), "--access", KEY, "--secret", SECRET, "--region", REGION),
                *("--port", f"127.0.0.1:{port}", "--health", "/health", *tls),
                *("posix", "--sidecar", str(sidecar), str(data)),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: answers(port), within=20)
            scheme = "https" if encrypted else "http"
            yield ObjectStore(f"{scheme}://127.0.0.1:{port}", authority, data)
        finally:
            server.terminate()
            server.wait(20)


def answers(port: int) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError as error:
        raise AssertionError("it does not answer yet") from error


@dataclass
class Way:
    """A way to a server, on a port of its own, that fails as a test says.

    Attributes:
        port: Where it is.
        cut_after: Bytes after which a connection is cut, both directions taken together.
        cuts: How many connections are cut; the ones after them are left alone.
        changed: What is done to the bytes that go to the server.
        carried: How many bytes went to the server.
    """

    port: int
    cut_after: int = 0
    cuts: int = 0
    changed: Callable[[bytes], bytes] = bytes
    carried: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> int:
        """Return the bytes after which a new connection is cut; 0 where it is not."""
        with self._lock:
            if self.cuts == 0:
                return 0
            self.cuts -= 1
            return self.cut_after


@contextmanager
def way_to(store: ObjectStore) -> Iterator[tuple[Way, str]]:
    """Lead to a server through what may fail; yield that, and its URL."""
    scheme, _, rest = store.endpoint.partition("://")
    target = ("127.0.0.1", int(rest.rpartition(":")[2]))
    listener = socket.create_server(("127.0.0.1", 0))
    way = Way(listener.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=lead, args=(way, near, target), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield way, f"{scheme}://127.0.0.1:{way.port}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def lead(way: Way, near: socket.socket, target: tuple[str, int]) -> None:
    """Carry bytes both ways until one side ends, or the connection is cut."""
    limit, passed = way.take(), [0]
    with near, socket.create_connection(target) as far:

        def carry(source: socket.socket, sink: socket.socket, *, out: bool) -> None:
            with suppress(OSError):
                while block := source.recv(16384):
                    passed[0] += len(block)
                    if limit and passed[0] > limit:
                        break
                    if out:
                        way.carried += len(block)
                    sink.sendall(way.changed(block) if out else block)
            for one in (source, sink):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        back = threading.Thread(target=carry, args=(far, near), kwargs={"out": False}, daemon=True)
        back.start()
        carry(near, far, out=True)
        back.join()


def untrusted(place: Path) -> Path:
    """Return the certificate of an authority that signed nothing here."""
    path = place / "other.crt"
    path.write_text(Authority("Somebody else").pem)
    ssl.create_default_context(cafile=path)
    return path
