"""A store's database as Percona's operator runs it: three nodes behind two proxies.

Its pods are of an image that stands in for Percona's: see tests/real/parts/percona.
"""

from __future__ import annotations

import base64

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.store import Store
from tests.support.poll import eventually

CLUSTER = "shop-db"
NODES = [f"{CLUSTER}-pxc-{number}" for number in range(3)]
WRITER = NODES[0]
PROXIES = [f"{CLUSTER}-haproxy-{number}" for number in range(2)]
# Three nodes start one after the other, each looked at every half a minute.
STARTED = 480.0


def small(image: str) -> Manifest:
    """Return what a store says of such a cluster, small enough for two workers to hold it."""
    percona: Manifest = {
        "image": image,
        "storage": {"size": "1Gi"},
        "resources": {"cpu": "10m", "memory": "512Mi"},
        "spreadOver": "none",
        "haproxy": {"image": image},
        "backupImage": image,
    }
    return {"percona": percona}


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


def members(kube: Kube, namespace: str, node: str) -> int:
    """Return how many nodes a node takes to be in the cluster, itself counted."""
    secret = kube.get("Secret", namespace, f"{CLUSTER}-secrets")["data"]
    password = base64.b64decode(secret["root"]).decode()
    ask = ("mysql", "-h127.0.0.1", "-uroot", "-Ns", "-eSHOW STATUS LIKE 'wsrep_cluster_size'")
    where = ("exec", "-n", namespace, node, "-c", "pxc", "--", "env", f"MYSQL_PWD={password}")
    return int(kube.kubectl(*where, *ask).split()[-1])
