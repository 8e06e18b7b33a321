"""The certificate is renewed without a hand, and NGINX serves the new one."""

from __future__ import annotations

import json
import socket
import ssl

from tests.deploy.vm.machines import DOMAIN
from tests.support.poll import eventually

RENEWAL = f"/etc/letsencrypt/renewal/{DOMAIN}.conf"


def serial(site):
    """Give the number of the certificate that is served."""
    context = ssl.create_default_context(cafile=str(site.root))
    with (
        socket.create_connection((site.app.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as secured,
    ):
        certificate = secured.getpeercert()
        assert certificate
        return certificate["serialNumber"]


def test_a_renewal_is_served_at_once(site):
    before = serial(site)
    listed = site.app.run("systemctl", "list-timers", "--output=json", "certbot.timer")
    assert [timer["activates"] for timer in json.loads(listed)] == ["certbot.service"]
    # A certificate that is not due stays.
    site.app.run("systemctl", "start", "certbot.service")
    assert serial(site) == before

    # The unit that the timer starts, told that every certificate is due.
    site.app.run("sed", "-i", "1i renew_before_expiry = 9999 days", RENEWAL)
    site.app.run("sed", "-i", "2,${/renew_before_expiry/d}", RENEWAL)
    site.app.run("systemctl", "start", "certbot.service")
    site.app.run("sed", "-i", "1s/.*/# renew_before_expiry = 30 days/", RENEWAL)

    def renewed():
        assert serial(site) != before

    eventually(renewed, within=30)
