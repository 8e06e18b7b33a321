"""The operator's verbs on the API server in memory, with every write counted."""

from __future__ import annotations

from bookstore_operator.errors import ApiError, from_response
from bookstore_operator.kinds import Kind, Manifest, Ref
from bookstore_operator.kube.client import Kube
from bookstore_operator.store import MANAGER
from tests.component.operator.cluster import Cluster, Place, RefusedError


def place(ref: Ref) -> Place:
    return (ref.kind.plural, ref.namespace, ref.name)


class MemoryKube(Kube):
    """Be the way to the API server in memory."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.writes: list[str] = []

    async def get(self, ref: Ref) -> Manifest | None:
        try:
            return self.cluster.get(place(ref))
        except RefusedError:
            return None

    async def list(self, kind: Kind, namespace: str, selector: str) -> list[Manifest]:
        return self.cluster.list(kind.plural, namespace, selector)

    async def apply(self, manifest: Manifest) -> Manifest:
        ref = Ref.of(manifest)
        self.writes.append(f"apply {ref}")
        try:
            return self.cluster.apply(place(ref), manifest, MANAGER)
        except RefusedError as error:
            raise _answer(f"apply {ref}", error) from error

    async def merge(self, ref: Ref, patch: Manifest, subresource: str = "") -> Manifest:
        self.writes.append(f"merge {ref} {subresource}".strip())
        try:
            return self.cluster.merge(place(ref), patch, MANAGER, subresource)
        except RefusedError as error:
            raise _answer(f"merge {ref}", error) from error

    async def delete(self, ref: Ref, uid: str) -> None:
        self.writes.append(f"delete {ref}")
        assert self.cluster.get(place(ref))["metadata"]["uid"] == uid
        self.cluster.delete(place(ref))

    async def create(self, manifest: Manifest) -> None:
        self.writes.append(f"create {manifest['reason']}")


def _answer(action: str, error: RefusedError) -> ApiError:
    return from_response(action, error.status, {"message": error.message})
