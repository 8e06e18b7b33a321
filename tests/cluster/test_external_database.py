"""A store says what keeps it from a database of somebody else, and goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import NAME, Login, MySQL, service
from tests.cluster.support.store import Store
from tests.support.certificates import Authority
from tests.support.poll import eventually

AUTHORITY, STRANGER = Authority("Authority of the database"), Authority("Another authority")


@pytest.fixture
def alias(kube: Kube, mysql: MySQL, namespace: str) -> Iterator[str]:
    """Lend a name of the shared server, which shows a certificate of that name."""
    name = f"of-{namespace}"
    kube.apply(service(mysql.namespace, name))
    host = f"{name}.{mysql.namespace}.svc"
    mysql.present(AUTHORITY, host)
    yield host
    mysql.run("SET GLOBAL read_only = 0")
    kube.delete("Service", mysql.namespace, name)


def verified(login: Login, host: str) -> Manifest:
    """Return a database whose certificate and name are checked."""
    database = login.spec("db")
    tls = {"mode": "VerifyIdentity", "caSecretRef": {"name": "ca"}}
    database["external"] |= {"host": host, "tls": tls}
    return database


def bundle(namespace: str, *authorities: Authority) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "ca", "namespace": namespace},
        "stringData": {"ca.crt": "".join(authority.pem for authority in authorities)},
    }


def wait_told(store: Store, reason: str, mentions: str) -> None:
    """Wait until DatabaseReady is False for a reason, with a sentence that names what to mend."""

    def told() -> None:
        assert mentions in store.told("DatabaseReady", "False", reason)

    eventually(told, within=90)


def test_each_obstacle_is_told_apart_from_the_others_and_none_outlives_its_cause(
    kube: Kube, lab: Lab, mysql: MySQL, alias: str
) -> None:
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    kube.apply(bundle(lab.namespace, AUTHORITY))
    mysql.run(f"DROP DATABASE {login.database}")
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", verified(login, alias)))
    wait_told(store, "DatabaseSchemaUnknown", f"has no schema {login.database}")

    mysql.run(f"CREATE DATABASE {login.database}")
    store.wait_ready()
    before = store.restarts()
    book = store.shopper().publish("Rayuela", quantity=5)

    mysql.run(f"ALTER USER '{login.user}'@'%' ACCOUNT LOCK")
    wait_told(store, "DatabaseAccessDenied", f"Secret {lab.namespace}/db")
    store.told("Available", "False")

    mysql.run(f"ALTER USER '{login.user}'@'%' ACCOUNT UNLOCK; SET GLOBAL read_only = 1")
    wait_told(store, "DatabaseReadOnly", f"{alias}:3306 takes no writes")

    mysql.run("SET GLOBAL read_only = 0")
    mysql.present(STRANGER, alias)
    wait_told(store, "DatabaseTLSFailed", f'key "ca.crt" of Secret {lab.namespace}/ca')

    mysql.present(AUTHORITY, "another.example.com")
    wait_told(store, "DatabaseTLSFailed", f"does not name {alias}")

    kube.apply(service(mysql.namespace, alias.partition(".")[0], app="nothing"))
    wait_told(store, "DatabaseUnreachable", f"{alias}:3306 does not answer")

    mysql.present(AUTHORITY, alias)
    kube.apply(service(mysql.namespace, alias.partition(".")[0], app=NAME))
    store.wait_ready(within=180)
    assert store.told("DatabaseReady", "True")
    assert store.restarts() == before, "pods are unready, and not restarted"
    buyer = store.shopper()
    buyer.buy(book)
    assert buyer.stock(book) == 4


def test_a_bundle_without_the_authority_stops_the_rollout_while_the_old_pods_sell(
    kube: Kube, lab: Lab, mysql: MySQL, alias: str
) -> None:
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    kube.apply(bundle(lab.namespace, AUTHORITY))
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", verified(login, alias)))
    store.wait_ready()
    serving = {pod["metadata"]["uid"] for pod in store.pods()}
    buyer = store.shopper()
    book = buyer.publish("Aura", quantity=5)

    kube.apply(bundle(lab.namespace, STRANGER))
    wait_told(store, "DatabaseTLSFailed", f'key "ca.crt" of Secret {lab.namespace}/ca')
    store.told("Available", "True")
    assert serving <= {pod["metadata"]["uid"] for pod in store.pods()}
    store.shopper().buy(book)

    # Old and new authority beside each other, as for the server's next certificate.
    kube.apply(bundle(lab.namespace, STRANGER, AUTHORITY))
    store.wait_ready()
    store.told("DatabaseReady", "True")
    assert buyer.stock(book) == 4
