"""The Service within the cluster that an Ingress or a Gateway leads to."""

from bookstore_operator.components.manifests import child
from bookstore_operator.components.shop import PORT, WEB, front
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

BACKEND_PORT = 80


def backend(store: Store, *, on_nodes: bool = False) -> Manifest:
    """Return the Service; it is beside that of a load balancer, which may serve on for a while.

    Args:
        store: The store.
        on_nodes: Whether it has a port on every node, through which a load balancer comes.
    """
    spec: Manifest = {
        "type": "NodePort" if on_nodes else "ClusterIP",
        "selector": front(store),
        "ports": [{"name": "http", "port": BACKEND_PORT, "targetPort": PORT, "protocol": "TCP"}],
    }
    return child(store, store.backend, WEB, spec=spec)
