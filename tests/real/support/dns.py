"""A record of the cluster's DNS, as whoever keeps a domain points it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest


@dataclass(frozen=True)
class Record:
    """A name that leads to an address: a Service without pods, whose endpoint that is."""

    kube: Kube
    namespace: str
    name: str

    @property
    def host(self) -> str:
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def lead(self, address: str) -> None:
        """Point the name at an address; who asked before may keep its answer for half a minute."""
        where: Manifest = {"name": self.name, "namespace": self.namespace}
        port = {"name": "http", "port": 80, "protocol": "TCP"}
        self.kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": where,
                "spec": {"clusterIP": "None", "ports": [port]},
            }
        )
        self.kube.apply(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": where | {"labels": {"kubernetes.io/service-name": self.name}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
                "ports": [port],
            }
        )
