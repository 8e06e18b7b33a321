"""An external database that goes away is told, and nothing is lost when it comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import NAME, MySQL, service
from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually


@pytest.fixture
def alias(kube: Kube, mysql: MySQL, namespace: str) -> Iterator[str]:
    """Lend a name of the shared server that can be made to lead nowhere."""
    name = f"of-{namespace}"
    kube.apply(service(mysql.namespace, name))
    yield name
    kube.delete("Service", mysql.namespace, name)


def test_a_login_that_is_locked_out_is_told_and_ends_by_itself(
    kube: Kube, lab: Lab, mysql: MySQL
) -> None:
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", login.spec("db")))
    store.wait_ready()
    before = store.restarts()

    mysql.run(f"ALTER USER '{login.user}'@'%' ACCOUNT LOCK")
    store.wait_told("DatabaseAccessDenied", mentions=f"Secret {lab.namespace}/db", within=120)
    assert store.conditions()["DatabaseReady"]["reason"] == "DatabaseAccessDenied"

    mysql.run(f"ALTER USER '{login.user}'@'%' ACCOUNT UNLOCK")
    store.wait_ready(within=180)
    assert store.restarts() == before, "pods are unready, and not restarted"


@pytest.mark.fault(row=21)
def test_a_database_that_goes_away_and_comes_back(
    kube: Kube, lab: Lab, mysql: MySQL, alias: str
) -> None:
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    database = login.spec("db")
    database["external"]["host"] = f"{alias}.{mysql.namespace}.svc"
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", database))
    store.wait_ready()
    book = store.shopper().publish("Rayuela", quantity=5)
    buyer = store.shopper()
    buyer.buy(book)
    before = store.restarts()

    kube.apply(service(mysql.namespace, alias, app="nothing"))
    mysql.disconnect(login)

    def down() -> None:
        seen = store.conditions()
        database = seen.get("DatabaseReady", {})
        assert database.get("status") in ("False", "Unknown"), brief(seen)
        assert database["reason"] == "DatabaseUnreachable", brief(seen)
        assert alias in database["message"], brief(seen)
        store.told("Available", "False")
        store.told("Ready", "False", "DatabaseUnreachable")

    eventually(down, within=120)

    kube.apply(service(mysql.namespace, alias, app=NAME))
    store.wait_ready(within=180)
    assert store.restarts() == before, "pods are unready, and not restarted"
    assert len(buyer.orders()) == 1
    assert buyer.stock(book) == 4
