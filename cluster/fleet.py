"""The bench's cluster: a real control plane, and nodes that KWOK simulates.

No kubelet runs a store's pods, so that thousands of stores cost what the operator, the API
server and the controllers cost. The API server keeps an audit log of what the operator writes.
It is made anew each time: figures of a used cluster do not compare.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cluster import images, install, kindcluster, programs, shell
from cluster.builds import Builder
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.kindcluster import Cluster
from cluster.nodeimage import NodeImage
from cluster.registry import Registry
from cluster.settings import PACKAGE, ROOT, Settings
from cluster.steps import Step
from cluster.waiting import until

NODES = 10
KWOK_IMAGE = "registry.k8s.io/kwok/kwok"
ACCOUNT = "bookstore-operator"
API_PORT = 6443
AUDIT_ON_NODE = "/var/log/kubernetes-audit"
AUDIT_POLICY, AUDIT_LOG = "policy.json", "audit.log"
OPERATOR_CONFIG, ADMIN_CONFIG = "operator.kubeconfig", "admin.kubeconfig"
# The controllers' defaults are 20 requests a second, for the sake of clusters with neighbours.
CONTROLLER_QPS, CONTROLLER_BURST = "1000", "2000"
# Out of the API server's cache, as the operator lists them first.
STORES = "/apis/bookstore.dev/v1/bookstores?resourceVersion=0"
LIST_SECONDS = 60.0


def settings_of(settings: Settings) -> Settings:
    """Give the settings of the bench's cluster, which stands beside the one of these."""
    return replace(settings, name=f"{settings.name}-bench")


@dataclass(frozen=True)
class Server:
    """The API server as programs on this machine reach it.

    `authority` is its certificate's, in base64 as kubeconfigs have it.
    """

    url: str
    authority: str

    def kubeconfig(self, user: Mapping[str, object]) -> str:
        """Give a kubeconfig for a user, as JSON, which is YAML too."""
        cluster = {"server": self.url, "certificate-authority-data": self.authority}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "bench", "cluster": cluster}],
                "users": [{"name": "bench", "user": user}],
                "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
                "current-context": "bench",
            }
        )


def audit_policy() -> dict[str, object]:
    """Give the policy that logs the operator's writes, without their content, and no others.

    The renewals of its Lease concern no store.
    """
    account = f"system:serviceaccount:{install.OPERATOR_NAMESPACE}:{ACCOUNT}"
    verbs = ["create", "update", "patch", "delete", "deletecollection"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "resources": [{"group": "coordination.k8s.io"}]},
            {"level": "Metadata", "users": [account], "verbs": verbs},
            {"level": "None"},
        ],
    }


def kubeadm() -> list[str]:
    """Give kubeadm's patches: flags of the control plane, and add-ons that nobody needs here.

    kind takes flags as a map for every version of kubeadm's API where a patch names none.
    """
    pace = {"kube-api-qps": CONTROLLER_QPS, "kube-api-burst": CONTROLLER_BURST}
    control_plane = {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": {
                "audit-policy-file": f"{AUDIT_ON_NODE}/{AUDIT_POLICY}",
                "audit-log-path": f"{AUDIT_ON_NODE}/{AUDIT_LOG}",
                "audit-log-mode": "batch",
                # Every load balancer takes a port of this range.
                "service-node-port-range": "10000-60000",
            },
            "extraVolumes": [
                {"name": "audit", "hostPath": AUDIT_ON_NODE, "mountPath": AUDIT_ON_NODE}
            ],
        },
        # Under full load a simulated node's heartbeat may come late.
        "controllerManager": {"extraArgs": {**pace, "node-monitor-grace-period": "1h"}},
        "scheduler": {"extraArgs": pace},
        "etcd": {
            "local": {
                "extraArgs": {"unsafe-no-fsync": "true", "quota-backend-bytes": str(8 * 2**30)}
            }
        },
    }
    # The first two are kind's own, which a patch replaces.
    phases = ["preflight", "addon/kube-proxy", "addon/coredns"]
    skipped = {"kind": "InitConfiguration", "skipPhases": phases}
    return [json.dumps(control_plane), json.dumps(skipped)]


def config(settings: Settings, image: NodeImage, audit: Path) -> dict[str, object]:
    """Give kind's configuration: the one real node, which runs the control plane alone."""
    patches = [*kindcluster.node_patches(settings, image), *kubeadm()]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": settings.name,
        "networking": {"kubeProxyMode": "none", "serviceSubnet": kindcluster.SERVICE_SUBNET},
        "kubeadmConfigPatches": patches,
        "nodes": [
            {
                "role": "control-plane",
                "image": image.reference,
                "extraMounts": [{"hostPath": str(audit), "containerPath": AUDIT_ON_NODE}],
            }
        ],
    }


def create(
    settings: Settings, docker: Docker, image: NodeImage, registry: Registry, step: Step
) -> None:
    """Make the cluster anew, with the operator's CRD, rights and account, and simulated nodes.

    What programs need to reach it lies in the folder of the cluster: two kubeconfigs, one of
    them the operator's, and the audit log.
    """
    delete(settings, docker)
    audit = settings.state / "audit"
    audit.mkdir(parents=True)
    (audit / AUDIT_POLICY).write_text(json.dumps(audit_policy()))
    file = settings.state / kindcluster.CONFIG
    file.write_text(json.dumps(config(settings, image, audit), indent=2))
    step.note("kind create cluster")
    before = kindcluster.current_context(settings)
    shell.stream(
        settings.kind, "create", "cluster", "--config", file,
        "--wait", kindcluster.READY_SECONDS,
        log=settings.cache / "logs" / "kind-create-bench.log",
        on_line=lambda line: step.note(line[:60]),
        env=docker.env,
    )  # fmt: skip
    if before and before != settings.context:
        shell.run(settings.kubectl, "config", "use-context", before)
    cluster = Cluster(settings, docker, kindcluster.node_names(settings, docker), host_port=0)
    # It needs the API server's address of a Service, which nothing serves here.
    cluster.kubectl(
        "delete", "namespace", "local-path-storage", "--ignore-not-found", "--wait=false"
    )
    add_operator(cluster, step)
    add_nodes(cluster, registry, step)
    wait_listed(cluster, step)
    write_kubeconfigs(cluster)
    step.result(f"{NODES} simulated nodes")


def add_operator(cluster: Cluster, step: Step) -> None:
    """Install the CRD, the account and its rights; the bench runs the operator itself."""
    deployment = {
        "$patch": "delete",
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": ACCOUNT, "namespace": install.OPERATOR_NAMESPACE},
    }
    install.apply_overlay(
        cluster,
        "operator",
        {
            "resources": [install.relative(cluster, "operator", ROOT)],
            "patches": [{"patch": json.dumps(deployment)}],
        },
        step,
    )
    cluster.kubectl("wait", "--for=condition=Established", "crd/bookstores.bookstore.dev")


def wait_listed(cluster: Cluster, step: Step, seconds: float = LIST_SECONDS) -> None:
    """Wait until the API server lists stores: an established CRD's cache may still be filled.

    Until then it answers 429, `storage is (re)initializing`. Raises ClusterError with what
    kubectl said last.
    """
    step.note("waiting for the list of stores")
    said = ""

    def ask() -> bool | None:
        nonlocal said
        told = cluster.attempt("get", f"--raw={STORES}")
        said = shell.last_line(told.stderr)
        return True if told.returncode == 0 else None

    if until(ask, seconds) is None:
        raise ClusterError(f"The API server lists no stores after {seconds:.0f} s: {said}")


def add_nodes(cluster: Cluster, registry: Registry, step: Step) -> None:
    """Run KWOK on the real node, close that for others, and register the simulated ones."""
    builder = Builder(cluster.settings, cluster.docker)
    version = cluster.settings.versions["KWOK_VERSION"]
    reference = f"{KWOK_IMAGE}:{version}"
    if not builder.image_id(reference) and not registry.pull(reference, step):
        binaries = programs.build(cluster.settings, "kwok", (programs.KWOK,), step)
        step.note("building the image of KWOK")
        builder.program(binaries / programs.KWOK.name, reference)
    images.load(builder, cluster.nodes, [reference], step)
    (node,) = cluster.nodes
    taint = "node-role.kubernetes.io/control-plane:NoSchedule"
    cluster.kubectl("taint", "node", node, taint, "--overwrite")
    folder = cluster.settings.state / "kwok"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(PACKAGE / "manifests" / "kwok.yaml", folder / "kwok.yaml")
    install.apply_overlay(
        cluster,
        "kwok",
        {"resources": ["kwok.yaml"], "images": [{"name": KWOK_IMAGE, "newTag": version}]},
        step,
    )
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(nodes()))
    step.note("waiting for KWOK")
    cluster.wait_rolled_out("kube-system", "deployment/kwok", 120)
    cluster.kubectl("wait", "nodes", "--all", "--for=condition=Ready", "--timeout=60s")


def nodes() -> dict[str, object]:
    """Give the simulated nodes, in two zones."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"simulated-{number}",
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kubernetes.io/hostname": f"simulated-{number}",
                    "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/zone": f"zone-{number % 2}",
                },
            },
        }
        for number in range(NODES)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def write_kubeconfigs(cluster: Cluster) -> None:
    """Write how the bench and the operator reach the API server: at the node, past any proxy."""
    settings = cluster.settings
    told = json.loads(cluster.kubectl("config", "view", "--minify", "--raw", "-o", "json"))
    address = kindcluster.address(cluster.docker, cluster.nodes[0])
    authority = told["clusters"][0]["cluster"]["certificate-authority-data"]
    server = Server(f"https://{address}:{API_PORT}", authority)
    token = cluster.kubectl(
        "-n", install.OPERATOR_NAMESPACE, "create", "token", ACCOUNT, "--duration=24h"
    )
    for name, user in (
        (ADMIN_CONFIG, told["users"][0]["user"]),
        (OPERATOR_CONFIG, {"token": token.strip()}),
    ):
        file = settings.state / name
        file.touch(mode=0o600)
        file.write_text(server.kubeconfig(user))


def delete(settings: Settings, docker: Docker) -> None:
    """Delete the bench's cluster with all that belongs to it, where there is one."""
    if kindcluster.node_names(settings, docker):
        kindcluster.delete(settings, docker)
    shutil.rmtree(settings.state, ignore_errors=True)
