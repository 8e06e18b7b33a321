"""An API server that answers from recorded objects, and the way to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_bookstore.__main__ import main
from kubectl_bookstore.objects import Manifest

OBJECTS = Path(__file__).parent / "objects"
STORES = "/apis/bookstore.dev/v1/namespaces/books/bookstores"
Answer = Manifest | str | int


def recorded(name: str) -> Manifest:
    """Return an object as a cluster returned it."""
    found: Manifest = yaml.safe_load((OBJECTS / f"{name}.yaml").read_text())
    return found


@dataclass
class Api:
    """What is served, by path; a number is the status of a refusal, a text is a log.

    Attributes:
        served: The answers.
        written: What was sent: method, path and body.
    """

    served: dict[str, Answer] = field(default_factory=dict)
    written: list[tuple[str, str, Any]] = field(default_factory=list)

    def hold(self, *stores: Manifest) -> None:
        """Serve stores of the namespace ``books``."""
        self.served["/apis/bookstore.dev/v1"] = {"resources": []}
        self.served[STORES] = {"kind": "BookStoreList", "items": list(stores)}
        self.served["/apis/bookstore.dev/v1/bookstores"] = self.served[STORES]
        for store in stores:
            self.served[f"{STORES}/{store['metadata']['name']}"] = store

    def answer(self, path: str) -> tuple[int, bytes]:
        found = self.served.get(path, 404)
        if isinstance(found, int):
            refused = {"kind": "Status", "message": f"{path} is refused"}
            return found, json.dumps(refused).encode()
        return 200, found.encode() if isinstance(found, str) else json.dumps(found).encode()


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Serve recorded objects on a port, and let the kubeconfig lead there."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(*api.answer(self.path.partition("?")[0]))

        def do_PATCH(self) -> None:
            self.write()

        def do_POST(self) -> None:
            self.write()

        def write(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.written.append((self.command, self.path, body))
            self.respond(200, b"{}")

        def respond(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "books"}}],
        "clusters": [
            {"name": "x", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "x", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    yield api
    server.shutdown()
    server.server_close()


@pytest.fixture
def kubectl(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Type ``kubectl bookstore …``, and get the exit code and what was printed."""

    def typed(*arguments: str) -> tuple[int, str]:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return typed
