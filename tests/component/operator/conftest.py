"""The whole operator in this process, on an API server in memory."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import kopf
import pytest
import pytest_asyncio
import yaml

import bookstore_operator.handlers  # noqa: F401 - it registers them with kopf
from bookstore_operator.config import Config
from tests.component.operator.over_http import listen
from tests.component.operator.server import Server
from tests.component.operator.stage import Stage, controlling, hurry, played_on, playing
from tests.component.operator.topologies import Moving, hurry_moves, kubelets


@asynccontextmanager
async def reached(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Let the kubeconfig lead to a server over HTTP."""
    runner, port = await listen(server)
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "x", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(path))
    yield
    await runner.cleanup()


@pytest_asyncio.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Lend a stage with the server and the controllers, and without an operator."""
    server = Server()
    hurry(monkeypatch)
    async with reached(server, tmp_path, monkeypatch), playing(server) as stage:
        yield stage


@pytest_asyncio.fixture
async def bare(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Lend a stage that is reached without a socket, for ``controlling``."""
    hurry(monkeypatch)
    async with playing(Server()) as stage:
        yield stage


@pytest_asyncio.fixture
async def moving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Moving]:
    """Lend a stage on which stores move between topologies, for ``controlling``."""
    hurry_moves(monkeypatch)
    async with played_on(Moving(Server())) as stage, kubelets(stage):
        yield stage


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let backups and restores look again at once at what brings no event."""
    for module in ("taskjobs", "make_backup", "restore", "standstill"):
        monkeypatch.setattr(f"bookstore_operator.components.{module}.SOON", 0.02)


@asynccontextmanager
async def operating(
    stage: Stage, memo: kopf.Memo | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """Run the whole operator while the block runs; whatever ends it early fails the test."""
    stop, ready = asyncio.Event(), asyncio.Event()
    memo = memo or kopf.Memo(config=Config())
    memo.stop = stop
    operator = asyncio.create_task(
        kopf.operator(
            registry=kopf.get_default_registry(),
            memo=memo,
            clusterwide=not memo.config.namespaces,
            namespaces=memo.config.namespaces,
            standalone=True,
            stop_flag=stop,
            ready_flag=ready,
        )
    )
    await stage.until(lambda: ready.is_set() or operator.done())
    try:
        yield operator
        assert not operator.done(), "the operator ended by itself"
    finally:
        stop.set()
        await operator


def operated(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run the operator for the length of a test.

    It is no fixture: kopf ends every task that began after it did, and the end of a fixture is one.
    """

    @functools.wraps(test)
    async def run(stage: Stage, **arguments: object) -> None:
        async with operating(stage):
            await test(stage, **arguments)

    return run


def controlled(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run the operator without kopf for the length of a test."""

    @functools.wraps(test)
    async def run(bare: Stage, **arguments: object) -> None:
        async with controlling(bare):
            await test(bare, **arguments)

    return run
