"""Talk to the bench's API server: plain requests over kept connections, in one event loop."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.cluster.support.kube import ApiError, Manifest, path

CONNECTIONS = 64
Objects = list[Manifest]  # The client has a method of the name `list`.
FOREVER = aiohttp.ClientTimeout(total=None, sock_connect=10)


class Api:
    """A client with the account of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._cluster, self._user = config["clusters"][0]["cluster"], config["users"][0]["user"]

    async def __aenter__(self) -> Self:
        headers = {"Accept": "application/json"}
        if "token" in self._user:
            headers["Authorization"] = f"Bearer {self._user['token']}"
        self._http = aiohttp.ClientSession(
            base_url=self._cluster["server"],
            headers=headers,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=self._tls()),
            read_bufsize=2**21,  # A line of a watch is a whole object.
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._http.close()

    def _tls(self) -> ssl.SSLContext:
        authority = base64.b64decode(self._cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        if "client-certificate-data" in self._user:
            with tempfile.NamedTemporaryFile() as pair:
                pair.write(base64.b64decode(self._user["client-certificate-data"]))
                pair.write(base64.b64decode(self._user["client-key-data"]))
                pair.flush()
                context.load_cert_chain(pair.name)
        return context

    async def call(
        self,
        method: str,
        where: str,
        body: object = None,
        content: str = "application/json",
        **params: str,
    ) -> Manifest:
        """Return what the server answers; raises ApiError with its sentence."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if body is None else {"Content-Type": content}
        async with self._http.request(
            method, where, data=data, headers=headers, params=params
        ) as response:
            answer: Manifest = json.loads(await response.read())
            if response.status >= 300:
                raise ApiError(response.status, answer.get("message", str(answer)))
            return answer

    async def text(self, where: str) -> str:
        async with self._http.get(where) as response:
            return await response.text()

    async def list(self, kind: str, namespace: str = "", labels: str = "") -> Objects:
        found = await self.call("GET", path(kind, namespace), labelSelector=labels)
        items: Objects = found["items"]
        return items

    async def apply(self, manifest: Manifest) -> Manifest:
        meta = manifest["metadata"]
        where = path(manifest["kind"], meta.get("namespace", ""), meta["name"])
        return await self.apply_at(where, manifest)

    async def apply_at(self, where: str, manifest: Manifest) -> Manifest:
        """Apply a manifest of any kind on the server's side, at its path."""
        return await self.call(
            "PATCH",
            where,
            manifest,
            "application/apply-patch+yaml",
            fieldManager="bench",
            force="true",
        )

    async def merge(self, kind: str, namespace: str, name: str, patch: Manifest) -> Manifest:
        content = "application/merge-patch+json"
        where = path(kind, namespace, name)
        return await self.call("PATCH", where, patch, content, fieldManager="a-person")

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        await self.call("DELETE", path(kind, namespace, name))

    async def watch(
        self, kind: str, namespace: str = "", labels: str = ""
    ) -> tuple[Objects, AsyncIterator[Manifest]]:
        """Return what there is, and every event after that until the server ends the watch."""
        where = path(kind, namespace)
        listed = await self.call("GET", where, labelSelector=labels)
        params: dict[str, Any] = {
            "watch": "true",
            "labelSelector": labels,
            "resourceVersion": listed["metadata"]["resourceVersion"],
            "timeoutSeconds": "7200",
        }

        async def events() -> AsyncIterator[Manifest]:
            async with self._http.get(where, params=params, timeout=FOREVER) as response:
                async for line in response.content:
                    yield json.loads(line)

        return listed["items"], events()


async def in_parallel(works: Iterable[Any], at_once: int) -> None:
    """Await coroutines, so many at a time; the first failure ends all."""
    queue = iter(works)

    async def worker() -> None:
        for work in queue:
            await work

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
