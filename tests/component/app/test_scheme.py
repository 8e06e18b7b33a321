"""Where TLS ends before the shop: who came by https, who is sent there, and by which address."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from bookstore.core.config.settings import ConfigurationInvalid, Settings, load_settings
from bookstore.core.db.migrate import migrate
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite

PUBLIC = "https://books.example.com"
PLAIN = "http://books.example.com"
AT_BALANCER = {"public_url": PUBLIC, "https_port": 5443}
BEHIND_PROXY = {"public_url": PUBLIC, "forwarded_hops": 1}
HTTPS = {"SERVER_PORT": "5443"}
HTTP = {"SERVER_PORT": "5000"}

pytestmark = on_sqlite


def shop(settings: Settings, **changes: Any) -> FlaskClient:
    migrate(settings)
    return create_app(load_settings(**{**settings.model_dump(), **changes})).test_client()


def test_who_comes_by_http_is_sent_to_the_same_page_by_https(settings: Settings) -> None:
    client = shop(settings, **AT_BALANCER)
    answer = client.get("/books?q=caf%C3%A9&page=2", base_url=PLAIN, environ_overrides=HTTP)
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{PUBLIC}/books?q=caf%C3%A9&page=2"


def test_what_is_sent_by_http_is_sent_again_by_https_and_not_lost(settings: Settings) -> None:
    client = shop(settings, **AT_BALANCER)
    answer = client.post("/auth/login", base_url=PLAIN, environ_overrides=HTTP)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{PUBLIC}/auth/login")


def test_what_comes_in_at_the_https_port_came_by_https(settings: Settings) -> None:
    client = shop(settings, **AT_BALANCER)
    answer = client.get("/auth/login", base_url=PLAIN, environ_overrides=HTTPS)
    assert answer.status_code == 200
    assert "Strict-Transport-Security" in answer.headers
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_client_of_the_https_port_is_believed_in_nothing_that_it_says_of_itself(
    settings: Settings,
) -> None:
    client = shop(settings, **AT_BALANCER, forwarded_hops=1)
    seen: list[str | None] = []

    @client.application.before_request
    def look() -> None:
        from flask import request

        seen.append(request.remote_addr)

    said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    peer = {**HTTPS, "REMOTE_ADDR": "198.51.100.7"}
    answer = client.get("/", base_url=PLAIN, headers=said, environ_overrides=peer)
    assert (answer.status_code, seen) == (200, ["198.51.100.7"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_answered_and_not_sent_elsewhere(settings: Settings, path: str) -> None:
    client = shop(settings, **AT_BALANCER)
    assert client.get(path, base_url=PLAIN, environ_overrides=HTTP).status_code == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "old.example.com:8080", "[2001:db8::1]:80", "[::1"])
def test_another_address_of_the_shop_serves_on_as_it_did(settings: Settings, host: str) -> None:
    client = shop(settings, **AT_BALANCER)
    answer = client.get("/robots.txt", headers={"Host": host}, environ_overrides=HTTP)
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["Books.Example.com", "books.example.com:80"])
def test_the_public_host_is_known_in_any_case_and_with_its_port(
    settings: Settings, host: str
) -> None:
    client = shop(settings, **AT_BALANCER)
    answer = client.get("/robots.txt", headers={"Host": host}, environ_overrides=HTTP)
    assert answer.headers["Location"] == f"{PUBLIC}/robots.txt"


@pytest.mark.parametrize(
    ("changes", "said", "status"),
    [
        pytest.param(BEHIND_PROXY, "http", 308, id="a proxy says http"),
        pytest.param(BEHIND_PROXY, "https", 200, id="a proxy says https"),
        pytest.param(BEHIND_PROXY, None, 200, id="no proxy says anything"),
        pytest.param(AT_BALANCER, "https", 200, id="https all the same, so never in a circle"),
        pytest.param({"public_url": PUBLIC}, None, 200, id="nothing tells the scheme"),
        pytest.param({"public_url": PLAIN, "https_port": 5443}, None, 200, id="the shop is http"),
    ],
)
def test_only_who_is_known_to_come_by_http_is_sent_to_https(
    settings: Settings, changes: dict[str, Any], said: str | None, status: int
) -> None:
    client = shop(settings, **changes)
    headers = {"X-Forwarded-Proto": said} if said else {}
    answer = client.get("/", base_url=PLAIN, headers=headers, environ_overrides=HTTP)
    assert answer.status_code == status


def test_two_uses_of_one_port_are_refused(settings: Settings) -> None:
    known = settings.model_dump()
    with pytest.raises(ConfigurationInvalid, match="HTTPS_PORT and METRICS_PORT are both 9100"):
        load_settings(**{**known, "https_port": 9100, "metrics_port": 9100})
    with pytest.raises(ConfigurationInvalid, match="HTTPS_PORT and PORT are both 5000"):
        load_settings(**{**known, "https_port": 5000})
