"""A stage: the API server in memory, and what people and the cluster's controllers do there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.controller import Controller
from bookstore_operator.engine.reconciler import Outcome
from bookstore_operator.engine.resource import Resource
from bookstore_operator.kube.informer import Informer
from bookstore_operator.kube.objects import Manifest, Ref
from tests.component.operator.controllers import Statuses, play
from tests.component.operator.memory import kube_of
from tests.component.operator.server import Server

POLL = 0.01
QUIET = 0.25
"""Seconds without a request after which nothing more is to come: longer than all of ``PACE``."""

PACE: dict[str, dict[str, Any]] = {
    "bookstore_operator.engine.reconciler": {
        "FIRST_RETRY": 0.05,
        "LONGEST_RETRY": 0.2,
    },
    "bookstore_operator.engine.status": {"PROGRESS_INTERVAL": 0.05},
    "bookstore_operator.engine.controller": {
        "FIRST_RETRY": 0.05,
        "LONGEST_RETRY": 0.2,
        "NOTICED_WITHIN": 0.05,
        "ORPHANED_AFTER": 0.1,
    },
    "bookstore_operator.engine.workqueue": {"FIRST_SPACING": 0.02, "LONGEST_SPACING": 0.1},
    "bookstore_operator.kube.client": {"PAUSES": (0.01, 0.02, 0.04)},
    "bookstore_operator.kube.informer": {
        "RECONNECT": 0.01,
        "FIRST_PAUSE": 0.02,
        "LONGEST_PAUSE": 0.1,
        "LOOKED_FOR": 0.05,
    },
}
"""The pauses of the operator, as short as a test likes them."""

PATIENCE = 30.0
"""Seconds after which a test gives up; nothing is ever asserted of the time it took."""

SPEC: Manifest = {
    "image": "bookstore/app:1",
    "replicas": 2,
    "database": {"external": {"host": "db", "credentialsSecretRef": {"name": "login"}}},
    "storage": {"efs": {"fileSystemId": "fs-01234567"}},
}


class Stage:
    """Hold the server, and do what people and the cluster's controllers do."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cluster = server.cluster
        self.held: set[str] = set()
        self.statuses: Statuses = {}
        self.passes = 0
        self.is_busy: Callable[[], bool] = lambda: False

    async def secret(self, name: str = "login", namespace: str = "books", **values: str) -> None:
        data = values or {"username": "c2hvcA==", "password": "czNjcmV0"}
        body: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": data}
        self.cluster.apply(("secrets", namespace, name), body, "somebody")
        await self.cluster.tell()

    async def store(self, name: str = "shop", namespace: str = "books", **spec: object) -> None:
        body: Manifest = {
            "apiVersion": "bookstore.dev/v1",
            "kind": "BookStore",
            "metadata": {},
            "spec": SPEC | spec,
        }
        self.cluster.apply(("bookstores", namespace, name), body, "somebody")
        await self.cluster.tell()

    async def edit(self, plural: str, name: str, patch: Manifest) -> None:
        self.cluster.merge((plural, "books", name), patch, "kubectl-edit")
        await self.cluster.tell()

    async def made(self, name: str = "shop", namespace: str = "books", **spec: object) -> None:
        """Make a store, and wait until it is ready and nothing more is asked."""
        await self.made_soon(name, namespace, **spec)
        await self.until_quiet()

    async def made_soon(self, name: str = "shop", namespace: str = "books", **spec: object) -> None:
        """Make a store, and wait until it is ready."""
        await self.secret(namespace=namespace)
        await self.store(name, namespace, **spec)
        await self.until_ready(name, namespace)

    async def delete(self, plural: str, name: str, namespace: str = "books") -> None:
        self.cluster.delete((plural, namespace, name))
        await self.cluster.tell()

    def find(self, plural: str, name: str, namespace: str = "books") -> Manifest | None:
        return self.cluster.objects.get((plural, namespace, name))

    def get(self, plural: str, name: str, namespace: str = "books") -> Manifest:
        return self.cluster.get((plural, namespace, name))

    def named(self, plural: str, prefix: str) -> str:
        """Return the name of the one object whose name begins so, such as that of a revision."""
        names = [place[2] for place in self.cluster.objects if place[0] == plural]
        (name,) = [name for name in names if name.startswith(prefix)]
        return name

    def condition(self, kind: str, name: str = "shop", namespace: str = "books") -> tuple[str, str]:
        """Return status and reason of a condition that was told for the spec as it is now."""
        live = self.get("bookstores", name, namespace)
        for told in live.get("status", {}).get("conditions", []):
            if (
                told["type"] == kind
                and told["observedGeneration"] == live["metadata"]["generation"]
            ):
                return told["status"], told["reason"]
        return "", ""

    def message(self, kind: str, name: str = "shop") -> str:
        told = self.get("bookstores", name)["status"]["conditions"]
        return next(str(c["message"]) for c in told if c["type"] == kind)

    def notes(self, reason: str) -> list[str]:
        """Return the sentences of the Events with a reason."""
        found = [live for place, live in self.cluster.objects.items() if place[0] == "events"]
        return [live["note"] for live in found if live["reason"] == reason]

    def events(self) -> list[tuple[str, str]]:
        return [
            (live["type"], live["reason"])
            for place, live in self.cluster.objects.items()
            if place[0] == "events"
        ]

    async def play(self) -> None:
        """Run the cluster's controllers for ever; kinds in ``held`` are left as they are.

        Objects in ``statuses`` get the status that is said there.
        """
        seen = None
        while True:
            if seen != (self.cluster.version, self.held):
                seen = (self.cluster.version, set(self.held))
                play(self.cluster, frozenset(self.held), self.statuses)
                await self.cluster.tell()
            await asyncio.sleep(POLL)

    async def until(self, check: Callable[[], bool]) -> None:
        """Poll until something is so."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not check():  # noqa: ASYNC110 - what is polled has no event
                    await asyncio.sleep(POLL)
        except TimeoutError:
            told = self.find("bookstores", "shop")
            raise AssertionError((told or {}).get("status", "no store")) from None

    async def until_ready(self, name: str = "shop", namespace: str = "books") -> None:
        wanted = ("True", "Reconciled")
        await self.until(lambda: self.condition("Ready", name, namespace) == wanted)

    async def until_told(self, reason: str, name: str = "shop", namespace: str = "books") -> None:
        wanted = ("True", reason)
        await self.until(lambda: self.condition("Degraded", name, namespace) == wanted)

    async def until_quiet(self) -> None:
        """Wait until a while goes by in which nothing is asked."""
        count = -1
        async with asyncio.timeout(PATIENCE):
            while count != len(self.server.requests) or self.is_busy():
                count = len(self.server.requests)
                await asyncio.sleep(QUIET)

    async def until_passes(self, more: int = 3) -> None:
        """Wait until more passes ended, over a store that is looked at again and again."""
        before = self.passes
        await self.until(lambda: self.passes >= before + more)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses of the operator."""
    for module, pauses in PACE.items():
        for name, pause in pauses.items():
            monkeypatch.setattr(f"{module}.{name}", pause)


Played = TypeVar("Played", bound=Stage)


@asynccontextmanager
async def playing(server: Server) -> AsyncIterator[Stage]:
    """Lend a stage on which the cluster's controllers play."""
    async with played_on(Stage(server)) as stage:
        yield stage


@asynccontextmanager
async def played_on(stage: Played) -> AsyncIterator[Played]:
    """Let the cluster's controllers play on a stage of any kind."""
    controllers = asyncio.create_task(stage.play())
    try:
        yield stage
    finally:
        controllers.cancel()
        with suppress(asyncio.CancelledError):
            await controllers


@asynccontextmanager
async def controlling(
    stage: Stage,
    *namespaces: str,
    resource: Resource | None = None,
    server: Server | None = None,
) -> AsyncIterator[Controller]:
    """Run the operator of a kind of root without kopf and without a socket while the block runs.

    It goes by a way of its own to the server where one is given.
    """
    resource = resource or BookStores()
    kube = kube_of(server or stage.server, resource)
    controller = Controller(resource, kube, namespaces, "test")
    reconcile = controller._reconciler.reconcile

    async def counted(key: Ref, body: Manifest | None) -> Outcome:
        outcome = await reconcile(key, body)
        stage.passes += 1
        return outcome

    controller._reconciler.reconcile = counted  # type: ignore[method-assign]
    others = stage.is_busy
    stage.is_busy = lambda: bool(len(controller.queue) or controller._passes) or others()
    roots = [
        asyncio.create_task(Informer(kube, resource.kind, namespace, "", controller.cache).run())
        for namespace in namespaces or ("",)
    ]
    await controller.start()
    controller.act()
    try:
        yield controller
        assert controller.dead() == []
    finally:
        for task in roots:
            task.cancel()
        stage.is_busy = others
        await asyncio.gather(*roots, return_exceptions=True)
        await controller.stop()
