"""Three services are one shop: each is on its own, and none takes another down with it."""

from __future__ import annotations

import re
import signal
import time
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from bookstore.core.rpc import keys
from bookstore.core.rpc.keys import ServiceKeys
from bookstore.core.rpc.tokens import Signer
from tests.replicas.services import DOMAINS, Services, filled_in, sending
from tests.support.background import repeating
from tests.support.poll import eventually
from tests.support.shopper import Shopper

COPIES = 20
REVOKED_WITHIN = 60


@pytest.fixture(scope="module")
def seller(services: Services) -> Shopper:
    """Give a person who sells."""
    person = services.shopper()
    person.register()
    return person


@pytest.fixture(scope="module")
def book(seller: Shopper) -> str:
    """Give a book with copies to buy."""
    return seller.publish("Rayuela", COPIES)


@pytest.fixture
def buyer(services: Services, book: str) -> Shopper:
    """Give a person who buys, and has looked at the cart and the catalogue."""
    person = services.shopper()
    person.register()
    person.page("/cart")
    person.page("/sell")
    return person


def call(services: Services, port: int, **headers: str) -> httpx.Response:
    """Call the catalogue as orders would, at a port."""
    signer = Signer("orders", ServiceKeys(services.key_files["orders"]))
    return httpx.post(
        f"http://127.0.0.1:{port}/catalogue/newest_book_id",
        content=b"{}",
        headers={
            "Authorization": f"Bearer {signer.sign('catalogue', timedelta(minutes=1))}",
            "Idempotency-Key": "a",
            "X-Request-Deadline": f"{time.time() + 5}",
            **headers,
        },
        trust_env=False,
    )


def test_each_service_has_its_own_tables_and_no_right_to_others(services: Services) -> None:
    for name in DOMAINS:
        engine = create_engine(services.database(name))
        with engine.connect() as connection:
            tables = set(connection.scalars(text("SHOW TABLES")))
            assert {f"{name}_alembic_version", f"{name}_jobs"} <= tables
            assert not {f"{other}_jobs" for other in DOMAINS if other != name} & tables
            for other in DOMAINS:
                if other != name:
                    with pytest.raises(DBAPIError, match="denied"):
                        connection.execute(text(f"SELECT 1 FROM {services.schemas[other]}.x"))
        engine.dispose()


def test_an_internal_route_is_at_the_internal_port_alone(services: Services, book: str) -> None:
    inside, outside = services.internal["catalogue"], services.servers["catalogue"].port
    assert call(services, inside).json() >= int(book)
    assert call(services, outside).status_code in (400, 404)
    assert call(services, outside, Host=f"catalogue:{inside}").status_code in (400, 404)
    assert httpx.get(f"http://127.0.0.1:{inside}/", trust_env=False).status_code == 404


def test_metrics_say_which_service_they_are_of(services: Services, buyer: Shopper) -> None:
    port = services.servers["orders"].environment["METRICS_PORT"]
    told = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    counted = re.findall(r"^bookstore_http_requests_total\{.*\}", told, re.MULTILINE)
    assert counted
    assert all('service="orders"' in line for line in counted)


def test_a_book_is_bought_across_three_services(
    services: Services, buyer: Shopper, book: str
) -> None:
    before = buyer.stock(book)
    assert buyer.buy(book).startswith("/purchases/")
    assert buyer.stock(book) == before - 1
    assert len(buyer.orders()) == 1


def test_a_rotation_of_keys_fails_no_request(services: Services, buyer: Shopper, book: str) -> None:
    path, seen = services.key_files["orders"], list[int]()
    buyer.submit(f"/books/{book}", "/cart", quantity="1")

    def look() -> None:
        # Each asks the catalogue for the books in the cart.
        seen.append(buyer.http.get("/cart").status_code)

    def many_more() -> None:
        assert len(seen) > wanted

    with repeating(look, every=0):
        for step in (keys.add, keys.promote, keys.retire):
            step(path)
            wanted = len(seen) + 20
            eventually(many_more, within=30, every=0.05)
    assert set(seen) == {200}


def test_a_session_that_was_ended_is_soon_believed_nowhere(
    services: Services, buyer: Shopper
) -> None:
    other = services.shopper()
    other.log_in(buyer.email)
    assert "/auth/login" not in str(other.http.get("/sell").url)
    buyer.submit("/account", "/account/sessions/end")

    def is_out_everywhere() -> None:
        for path in ("/sell", "/orders"):
            assert "/auth/login" in str(other.http.get(path).url)

    eventually(is_out_everywhere, within=REVOKED_WITHIN)


def test_without_auth_who_is_logged_in_goes_on_and_buys(
    services: Services, buyer: Shopper, book: str
) -> None:
    stranger = services.shopper()
    with services.without("auth"):
        assert buyer.http.get("/sell").status_code == 200
        assert buyer.buy(book).startswith("/purchases/")
        assert stranger.http.get(f"/books/{book}").status_code == 200
        away = stranger.http.get("/auth/login", headers={"Accept-Language": "en"})
        assert away.status_code == 503
        assert "Logging in rests" in away.text
    stranger.register()


@pytest.mark.parametrize("name", ["catalogue", "orders"])
def test_a_service_that_starts_without_auth_knows_who_is_logged_in(
    services: Services, buyer: Shopper, book: str, name: str
) -> None:
    server = services.servers[name]
    with services.without("auth"):
        server.kill()
        server.start()
        server.wait_ready()
        assert "/auth/login" not in str(buyer.http.get("/sell").url)
        assert buyer.buy(book).startswith("/purchases/")


def test_without_orders_one_browses_and_is_told_when_to_buy(
    services: Services, buyer: Shopper, book: str
) -> None:
    buyer.http.timeout = httpx.Timeout(3)
    with services.without("orders", signal.SIGSTOP):
        assert buyer.http.get("/").status_code == 200
        assert buyer.http.get(f"/books/{book}").status_code == 200
        for language, words in (("en", "Buying rests"), ("es", "Las compras descansan")):
            away = buyer.http.get("/cart", headers={"Accept-Language": language})
            assert (away.status_code, away.headers["Retry-After"]) == (503, "30")
            assert words in away.text
        told = buyer.http.get("/api/v1/orders")
        assert told.status_code == 503
        assert told.json()["status"] == 503


def test_without_the_catalogue_orders_are_shown_from_what_they_kept(
    services: Services, buyer: Shopper, book: str
) -> None:
    buyer.buy(book)
    with services.without("catalogue"):
        (order,) = buyer.orders()
        assert "Rayuela" in buyer.http.get(f"/orders/{order}").text
        assert buyer.http.get(f"/checkout?book_id={book}&quantity=1").status_code == 503
    assert buyer.buy(book).startswith("/purchases/")


def test_the_whole_api_is_told_at_the_one_address_and_at_each_service(services: Services) -> None:
    told = services.shopper().http.get("/api/v1/openapi.json").json()
    assert {"/api/v1/tokens", "/api/v1/books", "/api/v1/orders"} < told["paths"].keys()
    for server in services.servers.values():
        url = f"{server.url}api/v1/openapi.json"
        assert httpx.get(url, trust_env=False).json() == told


# What is locked, so that the purchase waits there, and whose processes are killed then.
STEPS = {
    "reserve": ("catalogue", "reservations", "catalogue"),
    "charge": ("orders", "simulated_charges", "orders"),
    "pay": ("orders", "orders", "orders"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_service_that_is_killed_at_a_step_of_a_purchase_costs_nobody_anything(
    services: Services, seller: Shopper, buyer: Shopper, step: str
) -> None:
    domain, table, killed = STEPS[step]
    book = seller.publish(f"El llano en llamas: {step}", 1)
    form = filled_in(buyer, book)
    with sending(buyer, form), services.locked(domain, table) as somebody_waits:
        somebody_waits()
        services.kill_workers(killed)
    assert_bought_once(services, buyer, book, form)


@pytest.mark.parametrize("stands_still", [False, True], ids=["killed", "standing still"])
def test_a_catalogue_that_is_hit_while_it_confirms_costs_nobody_anything(
    services: Services, seller: Shopper, buyer: Shopper, stands_still: bool
) -> None:
    book = seller.publish("Pedro Páramo", 1)
    form = filled_in(buyer, book)
    with sending(buyer, form) as statuses, ExitStack() as reservations:
        # The purchase is held at its charge until its confirmation will wait too.
        with services.locked("orders", "simulated_charges") as somebody_charges:
            somebody_charges()
            locked = services.locked("catalogue", "reservations")
            somebody_confirms = reservations.enter_context(locked)
        somebody_confirms()
        if not stands_still:
            services.kill_workers("catalogue")
        else:
            services.stand_still("catalogue")
            reservations.close()
            eventually(lambda: assert_answered(statuses), within=30)
            services.go_on("catalogue")
            # Charged, and not known to be sold: the buyer is told to come back.
            assert statuses == [503]
    assert_bought_once(services, buyer, book, form)


def assert_answered(statuses: list[int]) -> None:
    assert statuses


def assert_bought_once(services: Services, buyer: Shopper, book: str, form: dict[str, str]) -> None:
    """Check that the buyer, who sends the form again, has the one copy and has paid it once."""

    def is_bought() -> None:
        answer = buyer.http.post("/checkout", data=form)
        assert answer.status_code == 200, answer.text
        assert answer.url.path.startswith("/purchases/"), answer.text

    eventually(is_bought, within=30)
    assert len(buyer.orders()) == 1
    assert services.scalar("catalogue", f"SELECT stock FROM books WHERE id = {book}") == 0
    assert services.scalar("catalogue", f"SELECT sold FROM books WHERE id = {book}") == 1
    paid = (
        "SELECT COUNT(*) FROM simulated_charges c JOIN purchases p ON p.payment_key = c.`key`"
        " JOIN purchase_lines l ON l.purchase_id = p.id"
        f" WHERE l.book_id = {book} AND c.outcome = 'approved'"
    )
    assert services.scalar("orders", paid) == 1
    late = services.shopper()
    late.log_in(buyer.email)
    with pytest.raises(httpx.HTTPStatusError):
        late.buy(book)
