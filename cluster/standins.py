"""Stand-ins for what a cloud offers: EFS, a load balancer, and metrics for autoscaling.

- EFS: our CSI node plugin (go/efs-csi), registered as efs.csi.aws.com.
- Load balancer: MetalLB in layer 2 mode with addresses of the kind network. It gives an IP,
  where a cloud gives a host name, and has no health checks or TLS of its own. Where the host
  cannot reach container addresses, the port that kind maps to the sample's node port works.
- metrics-server: the real one, told to accept the kubelets' self-signed certificates.

Manifests of MetalLB and metrics-server are read from their Go modules, not kept here.
"""

import ipaddress
import json
import re
import shutil
import time
from pathlib import Path

from cluster import images, programs
from cluster.builds import Builder
from cluster.errors import ClusterError
from cluster.kindcluster import Cluster
from cluster.registry import Registry
from cluster.settings import PACKAGE
from cluster.steps import Step

MANIFESTS = PACKAGE / "manifests"
METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server"
POOL_SECONDS = 120
# Part of the kind network that its own addresses do not reach for long: its last hundred.
POOL_FIRST, POOL_LAST = -105, -6


def install_efs(cluster: Cluster, builder: Builder, binaries: Path, step: Step) -> None:
    """Install the stand-in for the EFS CSI driver on every node."""
    key = programs.inputs_digest(builder.settings, (programs.EFS_CSI,))
    tag = f"kind.local/efs-csi:{key}"
    if not builder.image_id(tag):
        builder.program(binaries / "efs-csi", tag)
    images.load(builder, cluster.nodes, [tag], step)
    manifest = (MANIFESTS / "efs-csi.yaml").read_text().replace("kind.local/efs-csi:dev", tag)
    apply(cluster, manifest)
    step.result("efs.csi.aws.com")


def install_load_balancer(
    cluster: Cluster, builder: Builder, registry: Registry, binaries: Path, step: Step
) -> None:
    """Install MetalLB, unless the cluster's Services already get addresses from another one."""
    manifest = (
        programs.module_folder("go.universe.tf/metallb") / "config/manifests/metallb-native.yaml"
    ).read_text()
    references = sorted(set(re.findall(r"image: (\S+)", manifest)))
    for reference in references:
        name = "metallb-" + reference.rpartition("/")[2].partition(":")[0]
        pulled_or_program(builder, registry, reference, binaries / name, step)
    images.load(builder, cluster.nodes, references, step)
    apply(cluster, manifest)
    step.note("waiting for MetalLB")
    cluster.kubectl(
        "-n", "metallb-system", "rollout", "status", "deployment/controller", "--timeout=180s"
    )
    first, last = pool(network_subnets(builder))
    resources = json.dumps(address_pool(first, last))
    deadline = time.monotonic() + POOL_SECONDS
    while True:
        # The webhook that checks a pool answers only some time after its pod is ready.
        try:
            apply(cluster, resources)
            break
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
    step.result(f"MetalLB, {first} to {last}")


def install_metrics_server(
    cluster: Cluster, builder: Builder, registry: Registry, binaries: Path, step: Step
) -> None:
    """Install metrics-server from its module's manifests."""
    version = builder.settings.versions["METRICS_SERVER_VERSION"]
    reference = f"{METRICS_SERVER}:{version}"
    pulled_or_program(builder, registry, reference, binaries / "metrics-server", step)
    images.load(builder, cluster.nodes, [reference], step)
    folder = builder.settings.state / "metrics-server"
    shutil.rmtree(folder, ignore_errors=True)
    base = programs.module_folder("sigs.k8s.io/metrics-server", programs.METRICS_MODULE)
    folder.mkdir(parents=True)
    for file in (base / "manifests" / "base").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    overlay = folder / "local"
    overlay.mkdir()
    insecure = {"op": "add", "path": "/spec/template/spec/containers/0/args/-"}
    kustomization = {
        "resources": [".."],
        "images": [
            {
                "name": "gcr.io/k8s-staging-metrics-server/metrics-server",
                "newName": METRICS_SERVER,
                "newTag": version,
            }
        ],
        "patches": [
            {
                "target": {"kind": "Deployment", "name": "metrics-server"},
                "patch": json.dumps([{**insecure, "value": "--kubelet-insecure-tls"}]),
            }
        ],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
    apply(cluster, cluster.kubectl("kustomize", overlay))
    step.result(version)


def pulled_or_program(
    builder: Builder, registry: Registry, reference: str, binary: Path, step: Step
) -> None:
    """Have an image of one program under its upstream name: present, pulled or built."""
    if builder.image_id(reference) or registry.pull(reference, step):
        return
    step.note(f"building {reference}")
    builder.program(binary, reference)


def apply(cluster: Cluster, manifest: str) -> None:
    """Apply manifests by server-side apply under this package's own field manager."""
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=bookstore-cluster",
        "-f", "-", stdin=manifest,
    )  # fmt: skip


def network_subnets(builder: Builder) -> list[str]:
    """Give the subnets of the Docker network that kind's nodes are in."""
    template = "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
    return builder.docker.run("network", "inspect", "--format", template, "kind").split()


def pool(subnets: list[str]) -> tuple[str, str]:
    """Choose the first and last address for Services from the IPv4 subnet of `subnets`.

    Raises ClusterError when there is no IPv4 subnet, or it is too small.
    """
    for subnet in map(ipaddress.ip_network, subnets):
        if subnet.version == 4 and subnet.num_addresses >= 256:
            return str(subnet[POOL_FIRST]), str(subnet[POOL_LAST])
    raise ClusterError(
        f"The Docker network kind has subnets {subnets}; it needs an IPv4 one of at least "
        "256 addresses: remove it with `docker network rm kind` and try again."
    )


def address_pool(first: str, last: str) -> dict[str, object]:
    """Give MetalLB's pool and its announcement in layer 2 (https://metallb.io/configuration)."""
    group = {"apiVersion": "metallb.io/v1beta1", "metadata": metadata("local")}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {**group, "kind": "IPAddressPool", "spec": {"addresses": [f"{first}-{last}"]}},
            {**group, "kind": "L2Advertisement", "spec": {"ipAddressPools": ["local"]}},
        ],
    }


def metadata(name: str) -> dict[str, str]:
    """Give the metadata of an object of MetalLB's."""
    return {"name": name, "namespace": "metallb-system"}
