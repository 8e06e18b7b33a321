"""Stand-ins for what a cloud gives a cluster: EFS, a load balancer, metrics of pods.

- EFS: a CSI driver of our own that answers to efs.csi.aws.com (go/efs-csi/main.go).
- Load balancer: MetalLB in layer 2 mode. It gives a Service of type LoadBalancer an
  address of the network in which the nodes' containers are, which a Linux host reaches.
  It does not terminate TLS, check health or cross subnets, and knows no annotation of
  AWS. Where the host cannot reach containers (Docker Desktop), the mapped port serves.
- Metrics: metrics-server as on EKS, but trusting the kubelets' self-signed certificates.
"""

import ipaddress
import json
import shutil
import zlib
from pathlib import Path

from cluster import images, programs
from cluster.builds import Builder
from cluster.errors import ClusterError
from cluster.kindcluster import Cluster
from cluster.programs import Program
from cluster.registry import Registry
from cluster.settings import PACKAGE
from cluster.steps import Step
from cluster.versions import Versions
from cluster.waiting import until

ADDRESSES = 50
POOL_SECONDS = 60
EFS_IMAGE = "kind.local/efs-csi"
METRICS_IMAGE = "registry.k8s.io/metrics-server/metrics-server"
METRICS_API = "apiservice/v1beta1.metrics.k8s.io"
WORKLOADS = (
    ("kube-system", "daemonset/efs-csi-node"),
    ("metallb-system", "deployment/controller"),
    ("metallb-system", "daemonset/speaker"),
    ("kube-system", "deployment/metrics-server"),
)


def ensure(builder: Builder, cluster: Cluster, registry: Registry, step: Step) -> None:
    """Make, load and apply the stand-ins, and wait until they serve."""
    tag = programs.inputs_digest(builder.settings, (programs.EFS_CSI,))
    wanted = {f"{EFS_IMAGE}:{tag}": programs.EFS_CSI, **upstream(builder.settings.versions)}
    for reference, program in wanted.items():
        provide(builder, registry, reference, program, step)
    images.load(builder, cluster.nodes, list(wanted), step)

    folder = builder.settings.state / "standins"
    write_overlay(folder, tag, builder.settings.versions["METRICS_SERVER_VERSION"])
    step.note("applying manifests")
    cluster.apply("-k", folder)
    apply_pool(cluster, step)
    for namespace, workload in WORKLOADS:
        step.note(f"waiting for {workload.partition('/')[2]}")
        cluster.wait_rolled_out(namespace, workload, 180)
    # While an aggregated API is away no namespace can be deleted and no HPA can act.
    step.note("waiting for the metrics API")
    cluster.kubectl("wait", METRICS_API, "--for=condition=Available", "--timeout=120s")
    step.result("EFS driver, MetalLB, metrics-server")


def upstream(versions: Versions) -> dict[str, Program]:
    """Give the images of others by the names in their manifests, and what is in each."""
    metallb = versions["METALLB_VERSION"]
    return {
        f"quay.io/metallb/controller:{metallb}": programs.METALLB_CONTROLLER,
        f"quay.io/metallb/speaker:{metallb}": programs.METALLB_SPEAKER,
        f"{METRICS_IMAGE}:{versions['METRICS_SERVER_VERSION']}": programs.METRICS_SERVER,
    }


def provide(
    builder: Builder, registry: Registry, reference: str, program: Program, step: Step
) -> None:
    """Have an image of one program: present, pulled where it is not ours, or built."""
    if builder.image_id(reference):
        return
    if not reference.startswith(EFS_IMAGE) and registry.pull(reference, step):
        return
    binaries = programs.build(builder.settings, "standins", programs.STANDINS, step)
    step.note(f"building the image of {program.name}")
    builder.program(binaries / program.name, reference)


def write_overlay(folder: Path, efs_tag: str, metrics_version: str) -> None:
    """Write the kustomization of all stand-ins; upstream's manifests come from Go's cache."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copy(PACKAGE / "manifests" / "efs-csi.yaml", folder)
    metallb = programs.module_folder("go.universe.tf/metallb")
    copy(metallb / "config" / "manifests" / "metallb-native.yaml", folder)
    metrics = programs.module_folder("sigs.k8s.io/metrics-server", programs.METRICS_MODULE)
    (folder / "metrics-server").mkdir()
    for file in (metrics / "manifests" / "base").iterdir():
        copy(file, folder / "metrics-server")
    text = json.dumps(kustomization(efs_tag, metrics_version), indent=2)
    (folder / "kustomization.yaml").write_text(text)


def copy(file: Path, folder: Path) -> None:
    """Copy a file's content alone: Go's module cache is read-only."""
    shutil.copyfile(file, folder / file.name)


def kustomization(efs_tag: str, metrics_version: str) -> dict[str, object]:
    """Give the kustomization that turns upstream's manifests into ours."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["efs-csi.yaml", "metallb-native.yaml", "metrics-server"],
        "images": [
            {"name": EFS_IMAGE, "newTag": efs_tag},
            {
                "name": "gcr.io/k8s-staging-metrics-server/metrics-server",
                "newName": METRICS_IMAGE,
                "newTag": metrics_version,
            },
        ],
        "patches": [
            argument("metrics-server", "--kubelet-insecure-tls"),
            # Our one pool needs no validation, and a webhook would delay it by the time
            # that its certificate takes.
            argument("controller", "--webhook-mode=disabled"),
            {
                "target": {"kind": "ValidatingWebhookConfiguration"},
                "patch": json.dumps(
                    {
                        "$patch": "delete",
                        "apiVersion": "admissionregistration.k8s.io/v1",
                        "kind": "ValidatingWebhookConfiguration",
                        "metadata": {"name": "metallb-webhook-configuration"},
                    }
                ),
            },
        ],
    }


def argument(deployment: str, value: str) -> dict[str, object]:
    """Give the patch that adds an argument to a Deployment's first container."""
    path = "/spec/template/spec/containers/0/args/-"
    return {
        "target": {"kind": "Deployment", "name": deployment},
        "patch": json.dumps([{"op": "add", "path": path, "value": value}]),
    }


def pool(subnet: str, cluster_name: str) -> str:
    """Give the range of addresses for load balancers in a Docker network's IPv4 subnet.

    Docker hands out addresses from below, so the range lies high up; clusters on the same
    network take different ranges by their name. Raises ClusterError for a subnet that is
    too small.
    """
    network = ipaddress.IPv4Network(subnet)
    slots = min(8, network.num_addresses // 2 // ADDRESSES)
    if slots == 0:
        raise ClusterError(
            f"The Docker network kind is {subnet}, too small for {ADDRESSES} load balancer "
            "addresses; remove it with `docker network rm kind` and try again."
        )
    slot = zlib.crc32(cluster_name.encode()) % slots
    last = network.broadcast_address - 1 - slot * ADDRESSES
    return f"{last - ADDRESSES + 1}-{last}"


def apply_pool(cluster: Cluster, step: Step) -> None:
    """Give MetalLB its addresses, once its resource types are served."""
    told = cluster.docker.run("network", "inspect", "kind", "--format", "{{json .IPAM.Config}}")
    subnets = [entry["Subnet"] for entry in json.loads(told) if ":" not in entry["Subnet"]]
    addresses = pool(subnets[0], cluster.settings.name)
    metadata = {"name": "local", "namespace": "metallb-system"}
    manifests = [
        {"kind": "IPAddressPool", "spec": {"addresses": [addresses]}},
        {"kind": "L2Advertisement", "spec": {}},
    ]
    text = "\n".join(
        json.dumps({"apiVersion": "metallb.io/v1beta1", "metadata": metadata, **manifest})
        for manifest in manifests
    )
    step.note(f"giving MetalLB {addresses}")
    refusal: list[ClusterError] = []

    def ask() -> bool | None:
        try:
            cluster.apply("-f", "-", stdin=text)
        except ClusterError as error:
            refusal[:] = [error]
            return None
        return True

    if until(ask, POOL_SECONDS, every=1) is None:
        raise refusal[0]
