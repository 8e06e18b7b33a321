"""Whether what a move starts is ready, where shoppers are led, and what of before is there yet."""

from collections.abc import Iterable

from bookstore_operator.api.move import MovePhase
from bookstore_operator.api.services import Topology
from bookstore_operator.components.shop import (
    GATEWAY,
    WEB,
    complete_rollout,
    front,
    is_gateway_complete,
)
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD, SERVICE
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.store import Store

ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", verbs=("list",))
OF_SERVICE = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""

ENDED = ("Succeeded", "Failed")


def is_ready(store: Store, view: View) -> bool:
    """Return whether all that is to have pods now has them, with the image of the move."""
    if any(complete_rollout(part, view) != part.spec.image for part in store.parts):
        return False
    return not store.sides.gateway or is_gateway_complete(store, view)


def leaving(store: Store) -> list[Query]:
    """Return the queries for the pods that go in the phase of the move."""
    move, gateway = store.move, Query.of(POD, store.selector(GATEWAY))
    if move is None or move.phase not in (MovePhase.DRAINING, MovePhase.STOPPING):
        return []
    if move.to is Topology.MICROSERVICES:
        return [Query.of(POD, store.selector(WEB))]
    if move.phase is MovePhase.DRAINING:
        return [gateway]
    return [gateway, *(Query.of(POD, one.selector(WEB)) for one in store.services)]


def running(pods: list[Manifest] | None) -> list[str]:
    """Return the names of the pods that have not ended."""
    return [
        str(pod["metadata"]["name"])
        for pod in pods or []
        if pod.get("status", {}).get("phase") not in ENDED
    ]


def are_gone(pods: list[Manifest] | None) -> bool:
    """Return whether pods that were asked for have all ended."""
    return pods is not None and not running(pods)


def queries_of_ways(store: Store, view: View) -> list[Query]:
    """Return what tells where shoppers are led, while that changes."""
    if store.move is None or store.move.phase is not MovePhase.LEADING:
        return []
    return [Query.of(POD, front(store)), *map(_slices, _ways(store, view))]


def has_followed(store: Store, view: View) -> bool:
    """Return whether all Services that shoppers come by lead to the pods that they are to, alone.

    Those of the other side serve on until then, and for as long after it as proxies take.
    """
    ways, pods = _ways(store, view), view.found(Query.of(POD, front(store)))
    wanted = set(running(pods))
    slices = {ref: view.found(_slices(ref)) for ref in ways}
    if pods is None or None in slices.values():
        return False
    if any(live["spec"].get("selector") != front(store) for live in ways.values()):
        return False
    rests = not store.leads_to_services and not store.spec.least_replicas
    return all(_leads(found or [], wanted, rests=rests) for found in slices.values())


def _ways(store: Store, view: View) -> dict[Ref, Manifest]:
    """Return the Services that lead shoppers to a side, also those of a way that changes."""
    sides = (store.selector(WEB), store.selector(GATEWAY))
    owned = view.owned(SERVICE).items()
    return {ref: live for ref, live in owned if live["spec"].get("selector") in sides}


def _slices(service: Ref) -> Query:
    return Query.of(ENDPOINT_SLICE, {OF_SERVICE: service.name})


def _leads(slices: Iterable[Manifest], pods: set[str], *, rests: bool) -> bool:
    found = [one for each in slices for one in each.get("endpoints") or []]
    named = {str((one.get("targetRef") or {}).get("name")) for one in found}
    serves = any((one.get("conditions") or {}).get("ready") for one in found)
    return named <= pods and (serves or rests)
