"""A hundred stores that wait for an operator which starts cold, on a bare API server.

The operator is the deployed one: its container's image, resources and settings. The floor writes
the same objects with one client that asks nothing and waits for nothing, the peer is
`kubectl apply` of the same objects; both on the same server, after the operator is gone.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.bare import CREDENTIALS, ETCD, PORT, bare_api
from tests.bench.figures import heading, line
from tests.bench.replay import portable, renamed
from tests.bench.stage import Stage
from tests.cluster.support.kube import KINDS, Kube, Manifest
from tests.cluster.support.namespaces import wait_all_gone
from tests.cluster.support.operator import NAME, NAMESPACE, samples, scrape
from tests.cluster.support.store import CHILD_KINDS, Store
from tests.support.poll import eventually

STORES, SPACES, CLIENTS = 100, 10, 8
QUIET = 60
WRITTEN = {KINDS[kind].plural for kind in (*CHILD_KINDS, "BookStore", "Event", "PersistentVolume")}
WRITES = ("APPLY", "DELETE", "PATCH", "POST", "PUT")
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


def run(kube: Kube, images: dict[str, str]) -> None:
    heading(f"{STORES} stores, the operator started cold")
    with bare_api(kube) as (namespace, api):
        prepare(kube, api, images)
        stage = Stage(str(api.http.base_url))
        before = writes(api)
        start = time.monotonic()
        kube.apply(operator_pod(kube, namespace))
        took = wait_ready(api, start)
        settled = writes(api)
        made = settled["all"] - before["all"] - stage.writes
        events = settled["events"] - before["events"]
        time.sleep(QUIET)
        later = writes(api)["all"] - settled["all"]
        memory = scrape(kube, namespace, "operator")["process_resident_memory_bytes"]
        kube.delete("Pod", namespace, "operator", grace=0)

        objects = [child for store in stores(api) for child in store.children()]
        floor = applied_raw(api, objects)
        peer = applied_by_kubectl(api, objects)
    line("operator: from its pod's creation to all Ready", f"{took:.1f} s")
    line("floor: raw applies of the same, 8 at a time", f"{floor:.1f} s, ratio {took / floor:.1f}")
    line("peer: kubectl apply of the same", f"{peer:.1f} s, ratio {took / peer:.1f}")
    line(
        "writes for each store", f"{(made - events) / STORES:.2f}, and {events / STORES:.2f} Events"
    )
    line("children of each store", f"{len(objects) / STORES:.2f}")
    line(f"writes in the {QUIET} s after", f"{later:.0f}")
    line("resident memory", f"{memory / 2**20:.0f} MiB")
    wait_all_gone(kube)


def prepare(kube: Kube, api: Kube, images: dict[str, str]) -> None:
    """Install the definition, and the stores with the Secrets that they name."""
    (definition,) = (
        portable(found)
        for found in kube.list("CustomResourceDefinition")
        if found["metadata"]["name"] == "bookstores.bookstore.dev"
    )
    api.apply(definition)

    def served() -> None:
        api.list("BookStore")

    eventually(served, within=30)
    for space in (*(f"space-{number}" for number in range(SPACES)), NAMESPACE):
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    for store in stores(api):
        api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"{store.name}-db", "namespace": store.namespace},
                "stringData": {"username": "shop", "password": store.name},
            }
        )
        store.apply(spec(store, images))


def stores(api: Kube) -> list[Store]:
    return [Store(api, f"space-{n % SPACES}", f"shop-{n}") for n in range(STORES)]


def spec(store: Store, images: dict[str, str]) -> Manifest:
    """Return a store that brings a database; at its address the bare server's own etcd listens."""
    return {
        "image": images["APP_IMAGE"],
        "database": {
            "external": {
                "host": "127.0.0.1",
                "port": ETCD,
                "credentialsSecretRef": {"name": f"{store.name}-db"},
            }
        },
        "storage": {"efs": {"fileSystemId": "fs-0123456789abcdef0", "path": f"/{store.name}"}},
    }


def writes(api: Kube) -> dict[str, float]:
    """Return how many writes the server took to stores and to the kinds of their children.

    ``all`` counts every one of them, Events included, and ``events`` the Events alone.
    """
    counts = {"all": 0.0, "events": 0.0}
    for name, value in samples(api.read("/metrics")).items():
        labels = dict(re.findall(r'(\w+)="([^"]*)"', name))
        counted = name.startswith("apiserver_request_total{") and labels["verb"] in WRITES
        if counted and labels["resource"] in WRITTEN:
            counts["all"] += value
            counts["events"] += value if labels["resource"] == "events" else 0
    return counts


def wait_ready(api: Kube, start: float, within: float = 300) -> float:
    """Return the seconds since ``start`` when the last store says that it is ready."""
    while time.monotonic() - start < within:
        ready = [
            condition
            for store in api.list("BookStore")
            for condition in store.get("status", {}).get("conditions", [])
            if condition["type"] == "Ready" and condition["status"] == "True"
        ]
        if len(ready) == STORES:
            return time.monotonic() - start
        time.sleep(0.2)
    raise TimeoutError(f"{len(ready)} of {STORES} stores are ready after {within:.0f} s")


def operator_pod(kube: Kube, namespace: str) -> Manifest:
    """Return the deployed operator's pod, turned towards the bare server."""
    deployed = kube.get("Deployment", NAMESPACE, NAME)["spec"]["template"]["spec"]
    (container,) = deployed["containers"]
    host = kube.get("Pod", namespace, "api")["status"]["hostIP"]
    container["env"] = [
        *container.get("env", []),
        {"name": "KUBERNETES_SERVICE_HOST", "value": host},
        {"name": "KUBERNETES_SERVICE_PORT", "value": str(PORT)},
    ]
    mount = {"name": "token", "mountPath": TOKEN, "readOnly": True}
    container["volumeMounts"] = [*container.get("volumeMounts", []), mount]
    token = {"name": "token", "secret": {"secretName": CREDENTIALS}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator", "namespace": namespace},
        "spec": {
            "automountServiceAccountToken": False,
            "hostAliases": [{"ip": host, "hostnames": ["kubernetes.default.svc"]}],
            "securityContext": deployed.get("securityContext", {}),
            "containers": [container],
            "volumes": [*deployed.get("volumes", []), token],
        },
    }


def applied_raw(api: Kube, objects: list[Manifest]) -> float:
    """Apply everything with one client, several at a time, and return the seconds."""
    manifests = in_new_namespaces(api, objects, "raw")
    start = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(api.apply, manifests))
    return time.monotonic() - start


def applied_by_kubectl(api: Kube, objects: list[Manifest]) -> float:
    manifests = in_new_namespaces(api, objects, "peer")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    start = time.monotonic()
    api.kubectl("apply", "--server-side", "-f", "-", stdin=text)
    return time.monotonic() - start


def in_new_namespaces(api: Kube, objects: list[Manifest], prefix: str) -> list[Manifest]:
    for number in range(SPACES):
        name = f"{prefix}-{number}"
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return renamed([portable(made) for made in objects], {"space-": f"{prefix}-"})
