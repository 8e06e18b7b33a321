"""Each request as a span: of the trace that its caller is in, or the first of a new one."""

from flask import Flask, Response, g, request

from bookstore.core.observability import trace
from bookstore.core.web.http import QUIET


def install(app: Flask) -> None:
    """Trace the requests of an app, but for its probes.

    The first to be installed has the whole of a request: also what is asked before the page, such
    as who reads it.
    """
    app.before_request(_begin)
    app.after_request(_note)
    app.teardown_request(_end)


def _begin() -> None:
    if request.endpoint in QUIET:
        return
    # The rule, and not the path: a path may hold the token of a link.
    route = request.url_rule.rule if request.url_rule else ""
    about = {"http.request.method": request.method, "http.route": route}
    name = f"{request.method} {route}".strip()
    g.before = trace.begin(request.headers.get(trace.HEADER), name, attributes=about)


def _note(response: Response) -> Response:
    trace.answered(response.status_code)
    return response


def _end(_error: BaseException | None) -> None:
    if "before" in g:
        trace.end(g.pop("before"))
