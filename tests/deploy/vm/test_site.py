"""What a shopper finds on the two machines after `ansible-playbook site.yml`."""

from __future__ import annotations

import re
import socket
import ssl
from io import BytesIO

import pytest
from PIL import Image

from tests.deploy.vm.browser import client
from tests.deploy.vm.machines import DOMAIN
from tests.support.poll import eventually

JOURNAL = "systemd/journald.conf"


def test_a_shopper_buys_over_https(site, shopper):
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("Pedro Páramo", 3)
    buyer.register()
    buyer.buy(book, 2)
    assert len(buyer.orders()) == 1
    assert buyer.stock(book) == 1


def test_a_second_run_changes_nothing(site):
    counts = site.play("site.yml")
    changed = {host: count["changed"] for host, count in counts.items() if host != "localhost"}
    assert changed == {"app-1": 0, "database-1": 0}


def test_plain_http_leads_to_https(site):
    with client(site, follow=False) as visitor:
        answer = visitor.get(f"http://{DOMAIN}/books?q=a")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{DOMAIN}/books?q=a"


def test_another_name_gets_nothing(site):
    with client(site, follow=False) as visitor:
        assert visitor.get("http://other.example.com/").status_code == 421


@pytest.mark.parametrize("path", ["/", "/auth/login", "/nothing-here", "/readyz", "/static/x.css"])
def test_headers_are_those_of_an_a_plus(site, path):
    """The rules of Mozilla's HTTP Observatory, https://developer.mozilla.org/observatory."""
    with client(site) as visitor:
        headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action" in policy
    assert "unsafe" not in policy
    (transport,) = headers.get_list("Strict-Transport-Security")
    lasting = re.fullmatch(r"max-age=(\d+)", transport)
    assert lasting
    assert int(lasting[1]) >= 15768000
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in {"no-referrer", "same-origin", "strict-origin"}
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "/" not in headers["Server"], "the server tells its version"


def test_cookies_are_those_of_an_a_plus(site):
    with client(site) as visitor:
        set_cookies = visitor.get("/auth/login").headers.get_list("Set-Cookie")
    assert set_cookies
    for cookie in set_cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


def test_pages_are_compressed(site):
    with client(site) as visitor:
        page = visitor.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"


def test_static_files_and_covers_are_cached(site, shopper):
    seller = shopper()
    seller.register()
    page = publish_with_cover(seller)
    style = next(link for link in page.values("href") if link.startswith("/static/"))
    cover = next(source for source in page.values("src") if source.startswith("/covers/"))
    for path in (style, cover):
        answers = [seller.http.get(path).raise_for_status().headers["X-Cache"] for _ in range(2)]
        assert answers[1] == "HIT", path


def publish_with_cover(seller):
    """Offer a book with a picture, and give its page."""
    form = seller.page("/sell").forms[-1]
    book = {"title": "Aura", "author": "Carlos Fuentes", "description": "Read once, with care."}
    answers = form.fields | book | {"price": "18000"}
    del answers["cover"]
    picture = BytesIO()
    Image.new("RGB", (300, 450), "navy").save(picture, "PNG")
    files = {"cover": ("cover.png", picture.getvalue(), "image/png")}
    published = seller.http.post("/sell", data=answers, files=files)
    published.raise_for_status()
    return seller.page(published.url.path)


def test_a_body_beyond_the_limit_is_refused(site):
    with client(site) as visitor:
        assert visitor.post("/auth/login", content=b"x" * (13 << 20)).status_code == 413


def curl(site, *arguments):
    """Ask as the stranger, whose address no other test shares."""
    told = site.stranger.attempt(
        "curl", "-sk", "--output", "/dev/null", "--write-out", "%{http_code} ", *arguments
    )
    return told.stdout.split()


def test_guessing_passwords_is_slowed_down(site, shopper):
    shopper()
    login = f"https://{DOMAIN}/auth/login"
    guesses = curl(site, "--data", "password=guess", f"{login}?[1-40]")
    assert len(guesses) == 40
    assert "429" in guesses[20:]
    assert "429" not in guesses[:15]
    # Whoever only reads may go on.
    assert curl(site, login) == ["200"]


def test_a_flood_of_one_address_is_slowed_down(site, shopper):
    visitor = shopper()
    flood = curl(site, "--parallel", f"https://{DOMAIN}/healthz?[1-300]")
    assert len(flood) == 300
    assert {"200", "429"} == set(flood)
    assert visitor.http.get("/").status_code == 200


def test_a_slow_sender_is_cut_off(site, shopper):
    shopper()
    context = ssl.create_default_context(cafile=str(site.root))
    with (
        socket.create_connection((site.app.address, 443), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as sender,
    ):
        # A header that never ends, from someone who does not hang up.
        sender.sendall(f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n".encode())
        try:
            answer = sender.recv(1000)
        except (ConnectionResetError, ssl.SSLError):
            answer = b""
    assert answer == b""


def test_logs_are_rotated_and_written_on(site, shopper):
    visitor = shopper()
    site.app.run("logrotate", "--force", "/etc/logrotate.d/nginx")

    def written():
        # A worker may answer before it hears of the new file, and writes that into the old one.
        visitor.http.get("/books/rotated")
        assert "/books/rotated" in site.app.run("cat", "/var/log/nginx/bookstore.log")

    eventually(written, within=30, every=1)
    assert site.app.run("systemctl", "is-enabled", "logrotate.timer").strip() == "enabled"
    assert "SystemMaxUse=500M" in site.app.run("systemd-analyze", "cat-config", JOURNAL)


@pytest.mark.parametrize("machine", ["app", "database"])
def test_security_updates_are_installed_by_themselves(site, machine):
    settings = getattr(site, machine).run("apt-config", "dump")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings
    assert 'APT::Periodic::Update-Package-Lists "1";' in settings
    assert re.search(
        r"Unattended-Upgrade::(Origins-Pattern|Allowed-Origins)::.*[Ss]ecurity", settings
    )


def test_no_process_log_or_unit_shows_a_secret(site):
    secrets = [path.read_text().strip() for path in (site.folder / "secrets").iterdir()]
    assert len(secrets) == 2
    looks = (
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
        "journalctl --no-pager",
        "systemctl show '*'",
        "cat /var/log/*.log /var/log/*/*.log 2>/dev/null || true",
    )
    for machine in (site.app, site.database):
        for look in looks:
            shown = machine.run("sh", "-c", look)
            assert shown
            assert not [secret for secret in secrets if secret in shown], look
