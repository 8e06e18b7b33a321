"""A store's database as Percona's operator runs it: three nodes behind two proxies.

Its pods are of an image that stands in for Percona's: see tests/real/parts/percona.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually

CLUSTER = "shop-db"
NODES = [f"{CLUSTER}-pxc-{number}" for number in range(3)]
WRITER = NODES[0]
PROXIES = [f"{CLUSTER}-haproxy-{number}" for number in range(2)]
# Three nodes start one after the other, each looked at every half a minute.
STARTED = 480.0
# They end one after the other, too.
TAKEN_DOWN = 300.0


def small(image: str, **changes: object) -> Manifest:
    """Return what a store says of such a cluster, small enough for two workers to hold it."""
    percona: Manifest = {
        "image": image,
        "storage": {"size": "1Gi"},
        "resources": {"cpu": "10m", "memory": "512Mi"},
        "spreadOver": "none",
        "haproxy": {"image": image},
        "backupImage": image,
    }
    return {"percona": percona | changes}


def provisioning(store: Store) -> None:
    """Wait until the store says that Percona's operator is at work."""

    def told() -> None:
        message = store.told("DatabaseReady", "False", "DatabaseProvisioning")
        assert "is initializing" in message, message

    eventually(told, within=90)


def serving(store: Store) -> None:
    """Wait until Percona's operator says that all nodes and proxies are there."""

    def ready() -> None:
        status = store.kube.get("PerconaXtraDBCluster", store.namespace, CLUSTER)["status"]
        assert status["state"] == "ready", status
        assert (status["pxc"]["ready"], status["haproxy"]["ready"]) == (3, 2), status
        store.told("DatabaseReady", "True")

    eventually(ready, within=STARTED)


def gone(store: Store) -> None:
    """Delete the store, and wait until it and its cluster are gone."""
    store.kube.delete("BookStore", store.namespace, store.name)

    def nothing() -> None:
        left = store.kube.find("BookStore", store.namespace, store.name)
        assert left is None, brief(store.conditions())
        assert store.kube.find("PerconaXtraDBCluster", store.namespace, CLUSTER) is None

    eventually(nothing, within=TAKEN_DOWN)


def members(kube: Kube, namespace: str, node: str) -> int:
    """Return how many nodes a node takes to be in the cluster, itself counted."""
    return int(ask(kube, namespace, node, "SHOW STATUS LIKE 'wsrep_cluster_size'").split()[-1])


@contextmanager
def desynced(kube: Kube, namespace: str, nodes: list[str]) -> Iterator[None]:
    """Have nodes say that they are not in step, so that proxies leave them alone; they stay in."""
    say = "SET GLOBAL wsrep_desync = {}"
    with ExitStack() as taken_back:
        for node in nodes:
            ask(kube, namespace, node, say.format("ON"))
            taken_back.callback(ask, kube, namespace, node, say.format("OFF"))
        yield


def connections(kube: Kube, namespace: str, node: str, user: str) -> int:
    """Return how many connections a node holds of a user."""
    sql = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}'"
    return int(ask(kube, namespace, node, sql))


def ask(kube: Kube, namespace: str, node: str, sql: str) -> str:
    """Return what a statement finds on a node as its root user."""
    secret = kube.get("Secret", namespace, f"{CLUSTER}-secrets")["data"]
    password = base64.b64decode(secret["root"]).decode()
    where = ("exec", "-n", namespace, node, "-c", "pxc", "--", "env", f"MYSQL_PWD={password}")
    return kube.kubectl(*where, "mysql", "-h127.0.0.1", "-uroot", "-Ns", f"-e{sql}")
