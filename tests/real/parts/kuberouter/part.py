"""kube-router as what enforces NetworkPolicies, on the nodes on which stores run.

The cluster's own network routes every packet of a pod, so that kube-router's rules see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cluster.kindcluster import SERVICE_SUBNET
from cluster.programs import Program
from tests.cluster.support.kube import Manifest
from tests.cluster.support.nodes import docker, workers
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop

NAME = "kube-router"
NAMESPACE = "real-network-policies"
PROGRAMS = (
    Program(
        NAME, "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        PARTS / "kuberouter" / "go",
    ),
)  # fmt: skip
HEALTH = 20244
HOST_FOLDERS = {"modules": "/lib/modules", "run": "/run"}
# Its own `--cleanup-config` takes nothing away: it asks none of the tables that it has written.
CLEAN = r"""
saved() { iptables-save -t filter; }
saved | sed -n 's/^-A \(.* -j KUBE-ROUTER-.*\)/-D \1/p' | xargs -r -L1 iptables --wait
chains=$(saved | sed -nE 's/^:(KUBE-(ROUTER|POD-FW|NWPLCY)-[^ ]*) .*/\1/p')
for chain in $chains; do iptables --wait --flush "$chain"; done
for chain in $chains; do iptables --wait --delete-chain "$chain"; done
ipset list -name | grep -E '^(KUBE-(SRC|DST)-|kube-router-)' | xargs -r -n1 ipset destroy
saved | grep -c -E 'KUBE-(ROUTER|POD-FW|NWPLCY)-' || true
"""


@contextmanager
def running(workshop: Workshop) -> Iterator[None]:
    """Have NetworkPolicies enforced in the local cluster; afterwards they are words again."""
    image = workshop.image(NAME, PROGRAMS, NAME, base=workshop.network_tools())
    made = [
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, NAME),
        manifests.workload(NAMESPACE, NAME, pod(image), kind="DaemonSet"),
    ]
    try:
        with workshop.installed(made, [(NAMESPACE, f"daemonset/{NAME}")]):
            yield
    finally:
        for node in workers(workshop.kube):
            left = docker("exec", node, "sh", "-c", CLEAN).strip().splitlines()[-1]
            assert left == "0", f"{left} rules of kube-router are left on {node}"


def pod(image: str) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": [
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            "--enable-cni=false",
            "--enable-ipv6=false",
            f"--service-cluster-ip-range={SERVICE_SUBNET}",
            f"--health-port={HEALTH}",
            "--metrics-port=0",
        ],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {"privileged": True},
        "readinessProbe": manifests.answering(HEALTH, "/healthz"),
        "volumeMounts": [{"name": name, "mountPath": at} for name, at in HOST_FOLDERS.items()],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
    return {
        "serviceAccountName": NAME,
        "hostNetwork": True,
        "containers": [container],
        "volumes": [{"name": name, "hostPath": {"path": at}} for name, at in HOST_FOLDERS.items()],
    }
