"""The API server in memory, over HTTP."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from tests.component.operator.server import AnswerLostError, Request, Server


async def listen(server: Server) -> tuple[web.AppRunner, int]:
    """Serve on a free port, and return what ends it and the port."""

    async def respond(asked: web.Request) -> web.StreamResponse:
        body, headers = await asked.read(), dict(asked.headers)
        request = Request(asked.method, asked.path_qs, body, headers)
        try:
            answer = await server.answer(request)
        except AnswerLostError:
            if asked.transport is not None:
                asked.transport.close()
            return web.Response()
        if answer.events is None:
            return web.json_response(answer.body, status=answer.status, headers=answer.headers)
        response = web.StreamResponse()
        await response.prepare(asked)
        try:
            async for event in answer.events:
                await response.write(json.dumps(event).encode() + b"\n")
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            await answer.events.aclose()  # type: ignore[attr-defined]
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    # A watch whose client is gone ends at once: kopf, in this same loop, waits 5 s for every
    # task that began after it did, and takes our handlers for its own.
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]
