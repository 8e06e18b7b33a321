"""Answer the kubelet: ``/healthz`` whether to restart the pod, ``/readyz`` whether it can act."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

Check = Callable[[], None]
"""Raises a RuntimeError that says what is wrong."""


@asynccontextmanager
async def served(port: int, checks: Mapping[str, Check]) -> AsyncIterator[None]:
    """Serve checks by their paths, on all addresses, while the block runs."""
    runner = web.AppRunner(_application(checks), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    try:
        yield
    finally:
        await runner.cleanup()


def _application(checks: Mapping[str, Check]) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        try:
            checks[request.path]()
        except RuntimeError as error:
            return web.Response(status=500, text=f"{error}\n")
        return web.Response(text="ok\n")

    application = web.Application()
    application.add_routes([web.get(path, answer) for path in checks])
    return application
