"""Calls between services: who may call, until when, and what becomes of one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import httpx
import jwt
import pytest
from flask import Flask

from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import now
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces import contracts
from bookstore.core.interfaces.catalogue import CatalogueService, Line
from bookstore.core.observability import trace
from bookstore.core.rpc import deadline
from bookstore.core.rpc.client import client
from bookstore.core.rpc.tokens import Signer
from bookstore.core.services import service
from tests.component.app.databases import on_sqlite
from tests.component.app.test_contracts import ANA, LATER, OFFER
from tests.support.servicekeys import PARTIES, SIGNER, internal, party

pytestmark = on_sqlite


@pytest.fixture
def book(app: Flask) -> int:
    """Publish a book of three copies."""
    return service(LocalCatalogue, app).publishing.publish(ANA, OFFER)


def catalogue_of(
    app: Flask, signer: Signer = SIGNER, over: httpx.BaseTransport | None = None
) -> CatalogueService:
    """Return the catalogue as another service asks it."""
    way = over or internal(app)
    return client(contracts.CATALOGUE, CatalogueService, "http://shop.internal", signer, way)


def test_a_service_that_nobody_knows_is_told_nothing(app: Flask, book: int) -> None:
    stranger = catalogue_of(app, Signer("orders", party("orders").keys))
    with pytest.raises(ServiceUnavailable, match="catalogue does not answer: status 401"):
        stranger.books([book])


def test_a_call_that_got_no_answer_is_sent_again(app: Flask, book: int) -> None:
    lost = Losing(internal(app), times=2)
    catalogue = catalogue_of(app, over=lost)
    catalogue.reserve("a", [Line(book, 2)], now() + LATER)
    assert catalogue.books([book])[book].stock == 1
    lost.left = 3
    with pytest.raises(ServiceUnavailable):
        catalogue.confirm("a")


class Losing(httpx.BaseTransport):
    """A network that loses answers after the service has done what was asked."""

    def __init__(self, to: httpx.BaseTransport, times: int) -> None:
        self._to = to
        self.left = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and lose its answer some times."""
        answer = self._to.handle_request(request)
        if self.left:
            self.left -= 1
            raise httpx.ReadError("lost")
        return answer


def test_what_is_no_part_of_the_contract_is_refused(app: Flask) -> None:
    http = asking(app)
    assert http.post("/catalogue/__init__", content=b"{}").status_code == 404
    assert http.post("/catalogue/joins_transactions", content=b"{}").status_code == 404
    answer = http.post("/catalogue/books", content=b'{"book_ids": ["secret"], "and": 1}')
    assert answer.status_code == 422
    assert "secret" not in answer.text


def asking(app: Flask, token: str | None = None, **headers: str) -> httpx.Client:
    """Give a way to call the catalogue with headers of one's own."""
    token = token or SIGNER.sign("catalogue", timedelta(minutes=1))
    told = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": "a",
        "X-Request-Deadline": f"{time.time() + 5}",
        **headers,
    }
    kept = {name: value for name, value in told.items() if value}
    return httpx.Client(base_url="http://shop.internal", headers=kept, transport=internal(app))


MINUTE = timedelta(minutes=1)
STRANGER = Signer("orders", party("orders").keys)
IMPOSTOR = Signer("auth", PARTIES["orders"].keys)
REFUSED: dict[str, Callable[[str], str]] = {
    "of another audience": lambda domain: SIGNER.sign(f"not {domain}", MINUTE),
    "that has expired": lambda domain: SIGNER.sign(domain, -MINUTE),
    "of an unknown key": lambda domain: STRANGER.sign(domain, MINUTE),
    "in another's name": lambda domain: IMPOSTOR.sign(domain, MINUTE),
    "of a secret": lambda domain: jwt.encode({"iss": "orders", "aud": domain}, "k" * 32, "HS256"),
    "that says nothing": lambda _domain: "e30.e30.e30",
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED)
def test_a_token_opens_no_route(app: Flask, token: Callable[[str], str]) -> None:
    for contract in contracts.CONTRACTS.values():
        for name in contract.methods:
            answer = asking(app, token(contract.domain)).post(f"/{contract.domain}/{name}")
            assert answer.status_code == 401, (contract.domain, name)


def test_without_a_token_only_public_keys_are_there(app: Flask) -> None:
    http = asking(app, Authorization="")
    assert http.post("/catalogue/books", content=b'{"book_ids": []}').status_code == 401
    (key,) = http.get("/.well-known/jwks.json").json()["keys"]
    assert key["crv"] == "Ed25519"
    assert "d" not in key


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Request-Deadline": f"{time.time() - 1}"}, 504),
        ({"X-Request-Deadline": "soon"}, 400),
        ({"X-Request-Deadline": ""}, 400),
        ({"Idempotency-Key": ""}, 400),
    ],
)
def test_a_call_says_until_when_it_waits_and_what_it_is(
    app: Flask, headers: dict[str, str], status: int
) -> None:
    answer = asking(app, **headers).post("/catalogue/books", content=b'{"book_ids": []}')
    assert answer.status_code == status


class Recording(httpx.BaseTransport):
    """A network that notes what is sent, and answers by a status of its own if it has one."""

    def __init__(self, to: httpx.BaseTransport) -> None:
        self._to = to
        self.status: int | None = None
        self.sent: list[httpx.Headers] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Note a request and answer it."""
        self.sent.append(request.headers)
        if self.status is not None:
            return httpx.Response(self.status, content=b"{}")
        return self._to.handle_request(request)


def test_a_call_within_another_keeps_its_trace_and_its_deadline(app: Flask) -> None:
    network = Recording(internal(app))
    catalogue = catalogue_of(app, over=network)
    ends = time.time() + 2
    with deadline.until(ends):
        trace.begin(f"00-{'ab' * 16}-{'cd' * 8}-01", "a request")
        try:
            catalogue.books([])
        finally:
            trace.end()
    (headers,) = network.sent
    assert float(headers["X-Request-Deadline"]) == pytest.approx(ends, abs=0.001)
    version, trace_id, span, flags = headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", "ab" * 16, "01")
    assert span != "cd" * 8


def test_a_call_that_is_sent_again_has_the_name_of_the_first(app: Flask) -> None:
    network = Recording(Losing(internal(app), times=1))
    catalogue_of(app, over=network).books([])
    first, second = network.sent
    assert first["Idempotency-Key"] == second["Idempotency-Key"]


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 503])
def test_a_refusal_is_not_asked_for_again(app: Flask, status: int) -> None:
    network = Recording(internal(app))
    network.status = status
    with pytest.raises(ServiceUnavailable, match=f"status {status}"):
        catalogue_of(app, over=network).books([])
    assert len(network.sent) == 1


def test_a_circuit_opens_after_failures_and_not_after_refusals(app: Flask) -> None:
    network = Recording(internal(app))
    catalogue = catalogue_of(app, over=network)
    for status, asked in ((404, 10), (503, 5)):
        network.status, network.sent = status, []
        for _ in range(10):
            with pytest.raises(ServiceUnavailable):
                catalogue.books([])
        assert len(network.sent) == asked


def test_two_threads_call_at_once(app: Flask) -> None:
    both = Barrier(2, timeout=5)

    class Meeting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            both.wait()
            return internal(app).handle_request(request)

    catalogue = catalogue_of(app, over=Meeting())
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(catalogue.books, [[], []])) == [{}, {}]
