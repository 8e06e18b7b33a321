"""The certificate is renewed without a hand, and NGINX serves the new one."""

from __future__ import annotations

import socket
import ssl

from tests.deploy.vm.machines import DOMAIN
from tests.support.poll import eventually


def serial(site):
    context = ssl.create_default_context(cafile=str(site.root))
    with (
        socket.create_connection((site.app.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as secured,
    ):
        return secured.getpeercert()["serialNumber"]


def test_a_renewal_is_served_at_once(site):
    before = serial(site)
    assert "certbot.timer" in site.app.run("systemctl", "list-timers", "--no-pager")
    # The unit that the timer starts, made to find the certificate due.
    site.app.run("sed", "-i", "s/^# renew_before_expiry.*/renew_before_expiry = 9999 days/", RENEWAL)
    site.app.run("sed", "-i", "s/^renew_before_expiry.*/renew_before_expiry = 9999 days/", RENEWAL)
    site.app.run("systemctl", "start", "certbot.service")

    def renewed():
        assert serial(site) != before

    eventually(renewed, within=60)
    site.app.run("sed", "-i", "s/^renew_before_expiry.*/renew_before_expiry = 30 days/", RENEWAL)


RENEWAL = f"/etc/letsencrypt/renewal/{DOMAIN}.conf"
