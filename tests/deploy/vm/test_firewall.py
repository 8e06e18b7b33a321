"""What a stranger on the network reaches, and what only the app host does."""

from __future__ import annotations

import pytest


def reaches(machine, address, port):
    probe = f"exec 3<>/dev/tcp/{address}/{port}"
    return machine.attempt("timeout", "3", "bash", "-c", probe).returncode == 0


@pytest.mark.parametrize("port", [80, 443, 22])
def test_a_stranger_reaches_the_proxy_and_ssh(site, port):
    assert reaches(site.stranger, site.app.address, port)


@pytest.mark.parametrize("port", [3306, 5000, 5001])
def test_a_stranger_reaches_nothing_else(site, port):
    assert not reaches(site.stranger, site.app.address, port)
    assert not reaches(site.stranger, site.database.address, port)


def test_only_the_app_host_reaches_the_database(site):
    assert reaches(site.app, site.database.address, 3306)
    # What keeps the stranger out is the firewall, not a server that does not listen.
    assert not reaches(site.stranger, site.database.address, 3306)
    assert reaches(site.stranger, site.database.address, 22)


def test_a_reload_of_the_rules_leaves_no_gap(site):
    site.database.run("systemctl", "reload", "nftables")
    assert reaches(site.app, site.database.address, 3306)
    assert not reaches(site.stranger, site.database.address, 3306)
