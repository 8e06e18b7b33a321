"""How shoppers reach the store: the ways that the spec may choose of."""

from bookstore_operator.api.gateway import Gateway
from bookstore_operator.api.ingress import Ingress
from bookstore_operator.api.loadbalancer import LoadBalancer
from bookstore_operator.api.model import Union


class Exposure(Union):
    """How shoppers reach the store: exactly one member."""

    load_balancer: LoadBalancer | None = None
    """A Service of type LoadBalancer."""

    ingress: Ingress | None = None
    """An Ingress, followed by a controller that the cluster has."""

    gateway: Gateway | None = None
    """An HTTPRoute on a Gateway that somebody keeps."""
