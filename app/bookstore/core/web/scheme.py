"""Whether a reader came by https, as the proxies in front say or the port tells, and the way there.

A load balancer that ends TLS and passes the bytes on, such as AWS' Network Load Balancer, says
nothing of it and cannot redirect. It leads port 443 to ``HTTPS_PORT`` and port 80 to ``PORT``: what
comes in at the first came by https, and what comes in at the second is sent there.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import get_current_url
from werkzeug.wrappers import Response

from bookstore.core.config.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PERMANENT = 308


class HttpsPort:
    """Take what comes in at a port for https, from the very client that connects.

    :param at_port: the shop for that port, without proxies in front.
    :param elsewhere: the shop for every other port.
    """

    def __init__(self, at_port: "WSGIApplication", elsewhere: "WSGIApplication", port: int) -> None:
        self._at_port = at_port
        self._elsewhere = elsewhere
        self._port = str(port)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request by the port that it came in at."""
        if environ.get("SERVER_PORT") != self._port:
            return self._elsewhere(environ, start_response)
        environ["wsgi.url_scheme"] = "https"
        return self._at_port(environ, start_response)


def install(app: Flask, settings: Settings) -> None:
    """Let the app know the scheme and address of its readers."""
    shop = proxied = app.wsgi_app
    hops = settings.forwarded_hops
    if hops:
        # An AWS load balancer passes on X-Forwarded-Host as the client sent it: never trust it.
        proxied = ProxyFix(shop, x_for=hops, x_proto=hops, x_host=0)
    if settings.https_port:
        proxied = HttpsPort(shop, proxied, settings.https_port)
    app.wsgi_app = proxied  # type: ignore[method-assign]


def way_to_https(settings: Settings) -> Response | None:
    """Return the redirect of a reader who came by http to a shop whose address is https.

    Only who asks for the public address by its name is sent there, and only where something tells
    that this is not https already: nobody is sent in a circle.
    """
    public = urlsplit(settings.public_url or "")
    if public.scheme != "https" or request.is_secure:
        return None
    if request.host.partition(":")[0].lower() != public.hostname:
        return None
    said = request.headers.get("X-Forwarded-Proto")
    told = said is not None if settings.forwarded_hops else settings.https_port is not None
    # Where no proxy is expected, such a header can only keep its own sender from being redirected.
    if not told or said == "https":
        return None
    place = request.root_path, request.path, request.query_string
    return redirect(get_current_url("https", public.netloc, *place), PERMANENT)
