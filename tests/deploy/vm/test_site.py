"""What a shopper and a stranger find on the two machines after `ansible-playbook site.yml`."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.deploy.vm.browser import client
from tests.deploy.vm.machines import DOMAIN


def test_a_shopper_buys_over_https(site, shopper):
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("Pedro Páramo", 3)
    buyer.register()
    buyer.buy(book, 2)
    assert len(buyer.orders()) == 1
    assert buyer.stock(book) == 1
    cookies = [cookie for cookie in buyer.http.cookies.jar if "session" in cookie.name]
    assert cookies
    assert all(cookie.secure for cookie in cookies)


def test_a_second_run_changes_nothing(site):
    counts = site.play("site.yml")
    assert {host: count["changed"] for host, count in counts.items()} == {
        "app-1": 0,
        "database-1": 0,
    }


def test_plain_http_leads_to_https(site):
    with client(site, follow=False) as visitor:
        answer = visitor.get(f"http://{DOMAIN}/books?q=a")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{DOMAIN}/books?q=a"


def test_headers_are_those_of_an_a_plus(site):
    """The rules of Mozilla's HTTP Observatory, https://developer.mozilla.org/observatory."""
    with client(site) as visitor:
        for path in ("/", "/auth/login", "/nothing-here"):
            headers = visitor.get(path).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            seconds = int(headers["Strict-Transport-Security"].partition("max-age=")[2].split(";")[0])
            assert seconds >= 15768000
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] in {"no-referrer", "same-origin", "strict-origin"}
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert len(headers.get_list("Strict-Transport-Security")) == 1
            assert "/" not in headers["Server"], "the server tells its version"


def handshake(site, version, *, ciphers="DEFAULT:@SECLEVEL=0", name=DOMAIN):
    """Give protocol, cipher and ALPN of a handshake that offers one version only."""
    context = ssl.create_default_context(cafile=str(site.root))
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((site.app.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.version(), secured.cipher()[0], secured.selected_alpn_protocol()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_protocols_are_spoken_with_http2(site, version):
    _, cipher, protocol = handshake(site, version)
    assert protocol == "h2"
    assert "GCM" in cipher or "CHACHA20" in cipher


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_protocols_are_refused(site, version):
    with pytest.raises(ssl.SSLError):
        handshake(site, version)


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused(site, ciphers):
    with pytest.raises(ssl.SSLError):
        handshake(site, ssl.TLSVersion.TLSv1_2, ciphers=f"{ciphers}:@SECLEVEL=0")


def test_another_name_gets_no_handshake(site):
    with pytest.raises(ssl.SSLError):
        handshake(site, ssl.TLSVersion.TLSv1_3, name="other.example.com")


def reaches(machine, address, port):
    probe = f"exec 3<>/dev/tcp/{address}/{port}"
    return machine.attempt("timeout", "3", "bash", "-c", probe).returncode == 0


@pytest.mark.parametrize("port", [80, 443])
def test_a_stranger_reaches_the_proxy(site, port):
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


def test_static_files_are_cached_and_pages_compressed(site):
    with client(site) as visitor:
        page = visitor.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["Content-Encoding"] == "gzip"
        style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        answers = [visitor.get(style).headers["X-Cache"] for _ in range(2)]
    assert answers[1] == "HIT"


def test_a_body_beyond_the_limit_is_refused(site):
    with client(site) as visitor:
        assert visitor.post("/auth/login", content=b"x" * (13 << 20)).status_code == 413


def test_no_process_shows_a_secret(site):
    secrets = [path.read_text().strip() for path in (site.folder / "secrets").iterdir()]
    assert len(secrets) == 2
    for machine in (site.app, site.database):
        shown = machine.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; journalctl --no-pager")
        assert not [secret for secret in secrets if secret in shown]
