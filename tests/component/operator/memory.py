"""The operator's client on the API server in memory, without a socket between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import Resource, rights
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.connect import Connection
from tests.component.operator.server import Answer, AnswerLostError, Request, Server

OVERTAKEN = 5
"""Turns of the event loop that the answer to a write comes late."""


def kube_of(server: Server, resource: Resource | None = None) -> Kube:
    """Return the operator's client, held to the rights that the kinds of a root declare."""
    return Kube(MemoryConnection(server), rights(resource or BookStores()))


class MemoryConnection(Connection):
    """Bring requests to a server in this process, within the limits of time that they have."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def close(self) -> None:
        """Close nothing."""

    @asynccontextmanager
    async def request(  # type: ignore[override]
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        data: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is the client's
    ) -> AsyncIterator[Sent]:
        request = Request(method, path, data or b"", headers)
        try:
            async with asyncio.timeout(timeout.total):
                answer = await self._server.answer(request)
        except AnswerLostError as error:
            raise aiohttp.ServerDisconnectedError from error
        if method != "GET":
            # The event of a write overtakes its answer, as it may on a network.
            for _ in range(OVERTAKEN):
                await asyncio.sleep(0)
        sent = Sent(answer, timeout.sock_read)
        try:
            yield sent
        finally:
            if answer.events is not None:
                await answer.events.aclose()  # type: ignore[attr-defined]


class Sent:
    """An answer, as the client reads one of aiohttp's."""

    def __init__(self, answer: Answer, silence: float | None) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.content = self
        self._answer = answer
        self._silence = silence

    async def read(self) -> bytes:
        return json.dumps(self._answer.body).encode()

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Return the events in pieces that end where they like, as a network's do."""
        assert self._answer.events is not None
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    event = await anext(self._answer.events)
            except StopAsyncIteration:
                return
            line = json.dumps(event).encode() + b"\n"
            yield line[: len(line) // 2]
            yield line[len(line) // 2 :]
