"""From `kubectl apply` of a second store to its first page, beside the same objects by hand.

The peer applies what the operator made for a store, in one `kubectl apply`, into a namespace and
onto a database of its own: all at once, where the operator knows an order. Images are on the nodes
and both use the same MySQL server, which a first store has warmed.
"""

from __future__ import annotations

import base64
import json
import time

import httpx

from cluster.steps import Step
from tests.bench.figures import Row, median, spread
from tests.bench.replay import portable, renamed
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import Login, MySQL, database_name
from tests.cluster.support.namespaces import opened, wait_all_gone, wait_gone
from tests.cluster.support.store import Store

PAIRS = 5
NAME = "shop"


def run(kube: Kube, images: dict[str, str], step: Step) -> list[Row]:
    """Measure in pairs, each pair in the other order than the one before."""
    with opened(kube, "mysql") as place:
        mysql = MySQL(kube, place)
        mysql.start(images["MYSQL_IMAGE"])
        with opened(kube, "model") as namespace:
            lab = Lab(kube, namespace, images, mysql)
            model = lab.external(NAME)
            model.wait_ready()
            manifests = [readable(portable(child)) for child in model.children()]
            old = login_of(lab)
            took: dict[str, list[float]] = {"operator": [], "hand": []}
            for pair in range(PAIRS):
                for way in ("operator", "hand") if pair % 2 else ("hand", "operator"):
                    step.note(f"pair {pair + 1} of {PAIRS}, by {way}")
                    took[way].append(once(lab, way, manifests, old))
        ratio = median([a / b for a, b in zip(took["operator"], took["hand"], strict=True)])
    wait_all_gone(kube)
    return [
        Row(
            "a second store, kubectl apply to the first 200",
            spread(took["operator"]),
            f"the same objects by hand in one go: {spread(took['hand'])}",
            f"{ratio:.2f}, median of pairs",
            "at most 1.3",
        )
    ]


def once(model: Lab, way: str, manifests: list[Manifest], old: Login) -> float:
    """Make one store in a namespace of its own and return the seconds to its first page."""
    kube = model.kube
    with opened(kube, f"second-{way}") as namespace:
        lab = Lab(kube, namespace, model.images, model.mysql)
        login = lab.login(NAME)
        kube.apply(login.secret(namespace, f"{NAME}-db"))
        store = Store(kube, namespace, NAME)
        if way == "operator":
            wanted = [store.manifest(lab.spec(NAME, login.spec(f"{NAME}-db")))]
        else:
            new = {
                model.namespace: namespace,
                old.database: login.database,
                old.user: login.user,
                old.password: login.password,
            }
            wanted = renamed(manifests, new)
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
        start = time.monotonic()
        kube.kubectl("apply", "-f", "-", stdin=text)
        wait_served(store, way)
        took = time.monotonic() - start
        if way == "operator":
            store.wait_ready()
    wait_gone(kube, namespace)
    return took


def login_of(lab: Lab) -> Login:
    """Return the login of the model store, from the Secret that it names."""
    made = readable(lab.kube.get("Secret", lab.namespace, f"{NAME}-db"))["stringData"]
    database = database_name(lab.owner(NAME))
    return Login(lab.mysql.host, database, made["username"], made["password"])


def readable(manifest: Manifest) -> Manifest:
    """Return a Secret as a person writes it, so that names in its values can be replaced."""
    if manifest["kind"] != "Secret":
        return manifest
    values = {key: base64.b64decode(text).decode() for key, text in manifest["data"].items()}
    return {key: value for key, value in manifest.items() if key != "data"} | {"stringData": values}


def address(store: Store, way: str) -> str:
    """Return where the store will answer, or nothing while no one knows."""
    if way == "operator":
        return str(store.get().get("status", {}).get("url", ""))
    ingress = store.child("Service", "-svc")["status"].get("loadBalancer", {}).get("ingress", [])
    return f"http://{ingress[0]['ip']}/" if ingress else ""


def wait_served(store: Store, way: str, within: float = 180) -> None:
    """Ask for the catalogue every 50 ms until it is there."""
    deadline = time.monotonic() + within
    with httpx.Client(timeout=2, trust_env=False) as http:
        while time.monotonic() < deadline:
            url = address(store, way)
            try:
                if url and http.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # No pod is ready yet.
            time.sleep(0.05)
    raise TimeoutError(f"{store.namespace}/{store.name} ({way}) served nothing in {within:.0f} s")
