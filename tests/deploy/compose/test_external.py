"""The shop with its database on another machine: a MySQL with a network of its own."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from tests.deploy.compose.conftest import Make
from tests.deploy.compose.guide import commands
from tests.deploy.compose.people import possessions, publish_with_cover
from tests.deploy.compose.project import PREFIX, Project, docker, docker_all
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.shopper import Shopper

NAME = f"{PREFIX}-elsewhere"
WITH_EXTERNAL = "export COMPOSE_FILE=compose.yaml:compose.external-database.yaml; "
LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Elsewhere:
    """Where the database is, and the login that the shop has there."""

    host: str
    port: int
    password: str

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DB_HOST": self.host,
            "DB_PORT": str(self.port),
            "DB_USER": "shop",
            "DB_PASSWORD": self.password,
            "DB_TLS": "required",
        }


def answers() -> None:
    told = docker_all("exec", NAME, "mysqladmin", "--host=127.0.0.1", "--user=root", "status")
    assert "Uptime" in told or "Access denied" in told, told


@pytest.fixture(scope="module")
def elsewhere(machine: dict[str, str]) -> Iterator[Elsewhere]:
    """Give a MySQL that wants encryption, reached by an address of a network of its own."""
    docker_all("rm", "--force", "--volumes", NAME)
    docker_all("network", "rm", NAME)
    docker("network", "create", NAME)
    try:
        gateway = "{{(index .IPAM.Config 0).Gateway}}"
        there = Elsewhere(
            docker("network", "inspect", "--format", gateway, NAME),
            free_port(),
            secrets.token_hex(24),
        )
        docker(
            *("run", "--detach", "--name", NAME, "--network", NAME),
            *("--publish", f"{there.host}:{there.port}:3306"),
            *("--env", "MYSQL_ALLOW_EMPTY_PASSWORD=yes", "--env", "MYSQL_ROOT_HOST=localhost"),
            *("--env", "MYSQL_DATABASE=bookstore", "--env", "MYSQL_USER=shop"),
            *("--env", f"MYSQL_PASSWORD={there.password}"),
            *(machine["MYSQL_IMAGE"], "--require-secure-transport=ON"),
        )
        eventually(answers, within=LIMIT_SECONDS)
        yield there
    finally:
        docker_all("rm", "--force", "--volumes", NAME)
        docker_all("network", "rm", NAME)


@pytest.fixture(scope="module")
def shop(make: Make, elsewhere: Elsewhere) -> Project:
    """Give a checkout whose .env names the database, with nothing started."""
    project = make("external")
    copy, fill_in, *_ = commands("Start")[0].splitlines()
    project.type(f"{copy}\n{fill_in}")
    project.set(**elsewhere.settings)
    return project


@pytest.fixture(scope="module")
def started(shop: Project) -> Project:
    (start,) = commands("With the database on another machine")
    shop.type(start)
    return shop


@contextmanager
def set_to(shop: Project, **settings: str) -> Iterator[None]:
    """Have settings in .env for a while."""
    before = (shop.folder / ".env").read_text()
    shop.set(**settings)
    try:
        yield
    finally:
        (shop.folder / ".env").write_text(before)


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"DB_PASSWORD": "of-somebody-else"}, ["refuses the shop: Access denied", "password"]),
        ({"DB_USER": "nobody"}, ["refuses the shop: Access denied", "check its user"]),
        ({"DB_TLS": "disabled"}, ["refuses the shop", "require_secure_transport", "DB_TLS"]),
    ],
    ids=["password", "user", "tls"],
)
def test_a_database_that_refuses_is_told_and_the_shop_does_not_start(
    shop: Project, settings: dict[str, str], sentences: list[str]
) -> None:
    with set_to(shop, **settings):
        done = shop.attempt(WITH_EXTERNAL + "docker compose up --detach --wait")
        told = shop.type(WITH_EXTERNAL + "docker compose logs --no-log-prefix migrate")
        running = shop.type(WITH_EXTERNAL + "docker compose ps --quiet").split()
        shop.type(WITH_EXTERNAL + "docker compose down")
    assert done.code != 0
    assert 'service "migrate" didn\'t complete successfully' in done.complained
    (failure,) = [json.loads(line) for line in told.splitlines() if "error" in json.loads(line)]
    assert failure["error"] == "DatabaseRefused"
    assert [part for part in sentences if part not in failure["message"]] == []
    assert running == []


def test_the_guide_starts_a_shop_that_has_no_database_beside_it(
    started: Project, elsewhere: Elsewhere
) -> None:
    services = started.type(WITH_EXTERNAL + "docker compose ps --services").split()
    assert services == ["shop"]
    network = started.inspect("shop")["NetworkSettings"]["Networks"]
    assert NAME not in network
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={started.name}_").split()
    assert sorted(volumes) == [f"{started.name}_backups", f"{started.name}_uploads"]


@pytest.fixture(scope="module")
def buyer(started: Project) -> Shopper:
    person = started.shopper()
    person.register()
    return person


def test_down_and_up_again_lose_nothing(started: Project, buyer: Shopper) -> None:
    seller = started.shopper()
    seller.register()
    book = publish_with_cover(seller)
    buyer.buy(book, quantity=2)
    before = possessions(buyer, book)
    assert (len(before.orders), before.stock) == (1, 3)
    started.type(WITH_EXTERNAL + "docker compose down")
    started.type(WITH_EXTERNAL + "docker compose up --detach --wait")
    assert possessions(buyer, book) == before


def test_the_database_goes_away_and_comes_back_and_the_shop_is_not_restarted(
    started: Project, buyer: Shopper
) -> None:
    at, orders = started.inspect("shop")["State"]["StartedAt"], buyer.orders()
    docker("kill", NAME)
    eventually(partial(is_ready, started, 503), within=LIMIT_SECONDS)
    docker("start", NAME)
    eventually(partial(is_ready, started, 200), within=LIMIT_SECONDS)
    assert buyer.orders() == orders
    assert started.inspect("shop")["State"]["StartedAt"] == at


def is_ready(shop: Project, status: int) -> None:
    assert shop.shopper().http.get("/readyz").status_code == status


def test_a_uri_wins_over_the_parts(started: Project, elsewhere: Elsewhere) -> None:
    uri = f"mysql+pymysql://shop:{elsewhere.password}@{elsewhere.host}:{elsewhere.port}/bookstore"
    with set_to(started, SQLALCHEMY_DATABASE_URI=uri, DB_HOST="database", DB_PASSWORD="any-word"):
        told = started.type(WITH_EXTERNAL + "docker compose run --rm --no-deps shop check")
    assert told.strip() == "The configuration is good and the database is up to date."


def test_a_port_that_is_taken_is_named_and_another_one_will_do(
    started: Project, buyer: Shopper
) -> None:
    orders = buyer.orders()
    started.type(WITH_EXTERNAL + "docker compose down")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        up = WITH_EXTERNAL + "docker compose up --detach --wait"
        done = started.attempt(up, PUBLISH=taken)
    assert done.code != 0
    assert taken in done.complained
    assert "already in use" in done.complained or "already allocated" in done.complained
    started.type(up)
    assert buyer.orders() == orders
