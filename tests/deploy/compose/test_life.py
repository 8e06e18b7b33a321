"""The shop with its MySQL on one machine: started, used, ended, killed, and nothing is lost."""

from __future__ import annotations

import json
from functools import partial

import httpx
import pytest

from tests.deploy.compose.guide import commands
from tests.deploy.compose.people import buying, copies_paid, possessions, publish_with_cover
from tests.deploy.compose.project import Project, docker, docker_all
from tests.support.poll import eventually
from tests.support.shopper import Shopper

SERVICES = ("shop", "database")
COPIES = 500
LIMIT_SECONDS = 60
# What the kernel tells of a container's first process.
STATUS = "grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs):' /proc/1/status"


@pytest.fixture(scope="module")
def seller(shop: Project) -> Shopper:
    person = shop.shopper()
    person.register()
    return person


@pytest.fixture(scope="module")
def buyer(shop: Project) -> Shopper:
    person = shop.shopper()
    person.register()
    return person


def is_open(shop: Project) -> None:
    answer = httpx.get(f"{shop.url}/readyz", timeout=5, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_the_guide_starts_a_shop_with_books_in_it(shop: Project) -> None:
    titles = shop.shopper().page("/").values("data-stock")
    assert len(titles) == 20
    assert shop.inspect("shop")["State"]["Health"]["Status"] == "healthy"
    assert shop.inspect("database")["State"]["Health"]["Status"] == "healthy"


def test_the_schema_is_migrated_once_before_the_shop_starts(shop: Project) -> None:
    migrate, served = shop.inspect("migrate"), shop.inspect("shop")
    assert (migrate["State"]["ExitCode"], migrate["RestartCount"]) == (0, 0)
    assert migrate["State"]["FinishedAt"] < served["State"]["StartedAt"]
    told = shop.type("docker compose logs --no-log-prefix migrate").splitlines()
    assert len([line for line in told if "schemaRevision" in json.loads(line)]) == 1


def test_a_shopper_buys(shop: Project, seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish("Pedro Páramo", quantity=3)
    buyer.buy(book, quantity=2)
    assert len(buyer.orders()) == 1
    assert buyer.stock(book) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_privilege_and_writes_nowhere_but_its_volumes(
    shop: Project, service: str
) -> None:
    inside = f"docker compose exec -T {service} sh -c"
    told = dict(
        line.split(":\t", 1) for line in shop.type(f'{inside} "{STATUS}"').strip().splitlines()
    )
    assert "0" not in told["Uid"].split()
    assert (int(told["CapEff"], 16), int(told["CapBnd"], 16)) == (0, 0)
    assert told["NoNewPrivs"] == "1"
    for place in ("/etc", "/usr/local/bin", "/root", "/var/lib"):
        assert shop.attempt(f"{inside} 'touch {place}/probe'").code != 0, place


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_comes_back_and_its_log_does_not_grow_for_ever(
    shop: Project, service: str
) -> None:
    host = shop.inspect(service)["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Type"] == "local"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}


def test_only_the_shop_is_published_and_only_to_this_machine(shop: Project) -> None:
    ports = {service: shop.inspect(service)["HostConfig"]["PortBindings"] for service in SERVICES}
    assert ports == {
        "database": {},
        "shop": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(shop.port)}]},
    }


def test_starting_again_changes_nothing(shop: Project) -> None:
    before = {service: shop.inspect(service)["State"]["StartedAt"] for service in SERVICES}
    shop.type("docker compose up --detach --wait")
    assert {name: shop.inspect(name)["State"]["StartedAt"] for name in SERVICES} == before


def test_down_and_up_again_lose_nothing(shop: Project, seller: Shopper, buyer: Shopper) -> None:
    book = publish_with_cover(seller)
    buyer.buy(book)
    before = possessions(buyer, book)
    shop.type("docker compose down")
    assert shop.made("container") == shop.made("network") == []
    shop.type("docker compose up --detach --wait")
    assert possessions(buyer, book) == before


@pytest.mark.parametrize("service", SERVICES)
def test_a_process_that_is_killed_comes_back_and_no_answered_purchase_is_lost(
    shop: Project, seller: Shopper, buyer: Shopper, service: str
) -> None:
    book = seller.publish("El llano en llamas", quantity=COPIES)
    with buying(buyer, book) as bought:
        eventually(lambda: expect(bought.answered > 2), within=LIMIT_SECONDS)
        kill(shop, shop.inspect(service)["State"]["Pid"])
        eventually(lambda: expect(bought.failed > 0), within=LIMIT_SECONDS)
        answered = bought.answered
        eventually(partial(is_open, shop), within=LIMIT_SECONDS)
        eventually(lambda: expect(bought.answered > answered + 2), within=LIMIT_SECONDS)
    assert shop.inspect(service)["RestartCount"] >= 1
    paid = copies_paid(shop, book)
    assert bought.answered <= paid <= bought.answered + bought.failed


def expect(held: bool) -> None:
    assert held


def kill(shop: Project, pid: int) -> None:
    """End a process of the engine's machine as a power cut does; `docker kill` is a person's."""
    docker(
        *("run", "--rm", "--name", f"{shop.name}-killer", "--pid=host", "--entrypoint", "sh"),
        *(shop.environment["MYSQL_IMAGE"], "-c", f"kill -9 {pid}"),
    )


def test_no_secret_is_in_a_log_a_process_list_or_an_image(shop: Project) -> None:
    settings = shop.settings()
    secrets = [settings["DB_PASSWORD"], settings["SECRET_KEY"]]
    assert all(len(secret) >= 48 for secret in secrets)
    processes = shop.type("docker compose top")
    assert "mysqld" in processes
    # Compose hands secrets over as variables, and in no command, label or argument of a build.
    configuration = json.loads(shop.type("docker compose config --format json"))
    for service in configuration["services"].values():
        assert service.pop("environment")
    seen = {
        "logs": shop.logs(),
        "processes": processes,
        "image": docker("image", "inspect", shop.image)
        + docker("history", "--no-trunc", shop.image),
        "configuration": json.dumps(configuration["services"]),
    }
    assert [place for place, text in seen.items() for one in secrets if one in text] == []
    # The official image prints a password that it has made up.
    assert "GENERATED" not in docker_all("logs", shop.inspect("database")["Id"])


def test_the_database_gets_another_password_as_the_guide_says(
    shop: Project, buyer: Shopper
) -> None:
    former, orders = shop.settings()["DB_PASSWORD"], buyer.orders()
    (change,) = commands("Change the database's password")
    shop.type(change)
    assert shop.settings()["DB_PASSWORD"] != former
    assert buyer.orders() == orders
    refused = shop.attempt(
        "docker compose exec -T database sh -c"
        f" 'MYSQL_PWD={former} mysqladmin --host=127.0.0.1 --user=bookstore status'"
    )
    assert "Access denied" in refused.complained
