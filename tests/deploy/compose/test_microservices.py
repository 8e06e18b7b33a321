"""The shop as three services behind NGINX, as docs/how-to/microservices.md starts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.compose.conftest import Make
from tests.deploy.compose.guide import commands
from tests.deploy.compose.project import Project
from tests.support.poll import eventually
from tests.support.shopper import Shopper

PAGE = "microservices"
LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def shop(make: Make) -> Iterator[Project]:
    """Give three services with their MySQL and their NGINX, started as the guide says."""
    project = make(PAGE)
    (start,) = commands("Start", PAGE)
    # What the guide exports, for the commands that are typed later.
    exported = next(line for line in start.splitlines() if line.startswith("export "))
    names = dict(word.split("=") for word in exported.split()[1:])
    project.environment |= names
    project.type(start)
    yield project
    project.type("docker compose down")
    assert project.made("container") == project.made("network") == []


@pytest.fixture(scope="module")
def book(shop: Project) -> str:
    """Give a book that somebody sells."""
    seller = shop.shopper()
    seller.register()
    return seller.publish("Pedro Páramo", quantity=5)


@pytest.fixture(scope="module")
def buyer(shop: Project) -> Shopper:
    """Give somebody who buys."""
    person = shop.shopper()
    person.register()
    return person


def test_a_book_is_bought_through_nginx(shop: Project, buyer: Shopper, book: str) -> None:
    assert buyer.buy(book).startswith("/purchases/")
    assert buyer.stock(book) == 4
    (order,) = buyer.orders()
    assert "Pedro Páramo" in buyer.http.get(f"/orders/{order}").text
    for name in ("auth", "catalogue", "orders"):
        told = shop.type(f"docker compose exec -T {name} bookstore check")
        assert "The configuration is good" in told


def test_sample_books_are_of_sellers_whom_auth_made(shop: Project, buyer: Shopper) -> None:
    (seed,) = commands("Put sample books on sale", PAGE)
    assert "20 sample books published" in shop.type(seed)
    assert "0 sample books published, 20 were there" in shop.type(seed)
    assert "Paper Ships" in buyer.http.get("/").text


def test_without_orders_buying_rests_and_comes_back(
    shop: Project, buyer: Shopper, book: str
) -> None:
    shop.type("docker compose stop orders")
    assert buyer.http.get("/").status_code == 200
    assert buyer.http.get(f"/books/{book}").status_code == 200
    for path in ("/cart", f"/checkout?book_id={book}&quantity=1"):
        away = buyer.http.get(path, headers={"Accept-Language": "en"})
        assert (away.status_code, away.headers["Retry-After"]) == (503, "30")
        assert "Buying rests for a moment" in away.text
    told = buyer.http.get("/api/v1/orders")
    assert (told.status_code, told.json()["status"]) == (503, 503)
    logged = shop.type("docker compose logs front")
    assert '"GET /cart HTTP/1.1" 503' in logged
    assert f"GET /books/{book}" not in logged, "who answered has logged it"
    shop.type("docker compose start orders")

    def is_back() -> None:
        assert buyer.http.get("/cart").status_code == 200

    eventually(is_back, within=LIMIT_SECONDS)
    assert buyer.buy(book).startswith("/purchases/")


def test_an_internal_route_is_not_led_to(shop: Project) -> None:
    person = shop.shopper()
    assert person.http.get("/.well-known/jwks.json").status_code == 404
    assert person.http.post("/catalogue/books", json={"book_ids": []}).status_code in (400, 404)
    assert person.http.get("/resting/orders").status_code == 404


def test_only_nginx_is_published(shop: Project) -> None:
    names = shop.type("docker compose ps --services").split()
    ports = {name: shop.inspect(name)["HostConfig"]["PortBindings"] for name in names}
    assert {name for name, published in ports.items() if published} == {"front"}
    assert ports["front"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(shop.port)}]}
