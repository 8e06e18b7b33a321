"""Open the shop by its name, as a browser would whose DNS knows the app host."""

from __future__ import annotations

import ssl

import httpx

from tests.deploy.vm.machines import DOMAIN, Site
from tests.deploy.vm.mail import mail_with_link
from tests.support.shopper import PASSWORD, Shopper


class ByName(httpx.HTTPTransport):
    """Connect to an address in place of the name, which certificate and Host keep."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        # A connection for each request: a reload of NGINX closes kept ones, and where a browser
        # would ask again without a word, httpx raises.
        limits = httpx.Limits(max_keepalive_connections=0)
        super().__init__(verify=context, limits=limits)
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host=self._address)
        response = super().handle_request(request)
        request.url = request.url.copy_with(host=request.headers["Host"])
        return response


class Visitor(Shopper):
    """A shopper who trusts the test's authority and nothing else, and reads their mail."""

    def __init__(self, site: Site) -> None:
        super().__init__(f"https://{DOMAIN}")
        self.http.close()
        self.http = client(site)
        self._site = site

    def register(self) -> str:
        """Open an account by the link of the mail, which logs in, and return the address."""
        email = super().register()
        _, link = mail_with_link(self._site, email, "/auth/confirm/")
        self.submit(link, password=PASSWORD)
        return email


def client(site: Site, *, follow: bool = True) -> httpx.Client:
    """Give a client for the shop by both schemes."""
    context = ssl.create_default_context(cafile=str(site.root))
    return httpx.Client(
        base_url=f"https://{DOMAIN}",
        # As browsers tell it within a site; the shop refuses forms that come by HTTPS without it.
        headers={"Referer": f"https://{DOMAIN}/"},
        transport=ByName(site.app.address, context),
        follow_redirects=follow,
        timeout=15,
        trust_env=False,
    )
