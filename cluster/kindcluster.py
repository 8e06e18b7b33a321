"""The kind cluster: one control-plane, two workers, a shared folder and one port of the host."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import shell
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.nodeimage import REPOSITORY, NodeImage
from cluster.settings import Settings
from cluster.steps import Step
from cluster.waiting import until

# The nodePort of the local sample, and the host's port from which others are tried.
NODE_PORT = 30080
FIRST_HOST_PORT = 8080
SHARED_ON_NODES = "/var/lib/bookstore-efs"
PKI = "/etc/kubernetes/pki"
WORKERS = 2
READY_SECONDS = "180s"
ANSWER_SECONDS = 120
# Kubernetes' virtual addresses of Services; no machine has one of them.
SERVICE_SUBNET = "10.96.0.0/16"
# In the folder of the cluster: written before it is made, so it tells whose cluster it is.
CONFIG = "kind.json"


@dataclass(frozen=True)
class Cluster:
    """A running cluster as its user reaches it."""

    settings: Settings
    docker: Docker
    nodes: tuple[str, ...]
    host_port: int

    def kubectl(self, *arguments: shell.Argument, stdin: str | None = None) -> str:
        """Run our kubectl in this cluster's context; raises ClusterError when it fails."""
        settings = self.settings
        return shell.run(settings.kubectl, "--context", settings.context, *arguments, stdin=stdin)

    def attempt(self, *arguments: shell.Argument) -> subprocess.CompletedProcess[str]:
        """Run a kubectl command whose failure is an answer."""
        settings = self.settings
        return shell.attempt(settings.kubectl, "--context", settings.context, *arguments)

    def apply(self, *arguments: shell.Argument, stdin: str | None = None) -> None:
        """Apply manifests on the server's side, under a field manager of our own."""
        manager = "--field-manager=bookstore-cluster"
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", manager, *arguments, stdin=stdin
        )

    def wait_rolled_out(self, namespace: str, workload: str, seconds: int) -> None:
        """Wait for a workload's pods; raises ClusterError when they take longer than that."""
        self.kubectl("-n", namespace, "rollout", "status", workload, f"--timeout={seconds}s")

    @property
    def workers(self) -> tuple[str, ...]:
        """Give the nodes on which stores run."""
        return workers(self.nodes)


def workers(nodes: Sequence[str]) -> tuple[str, ...]:
    """Give those nodes that are not the control plane."""
    return tuple(node for node in nodes if not node.endswith("control-plane"))


def record(settings: Settings) -> Path:
    """Give the file that says what a cluster was made of; it is there once that is whole."""
    return settings.state / "cluster.json"


def port_is_free(port: int) -> bool:
    """Tell whether 127.0.0.1:port can be listened on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(first: int = FIRST_HOST_PORT) -> int:
    """Give the first free port of the host from `first` on."""
    return next(port for port in range(first, first + 1000) if port_is_free(port))


def config(settings: Settings, image: NodeImage, shared: Path, host_port: int) -> dict[str, object]:
    """Give kind's configuration (https://kind.sigs.k8s.io/docs/user/configuration)."""
    mount = {"hostPath": str(shared), "containerPath": SHARED_ON_NODES}
    node = {"image": image.reference, "extraMounts": [mount]}
    port = {"containerPort": NODE_PORT, "hostPort": host_port, "listenAddress": "127.0.0.1"}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": settings.name,
        "networking": {"kubeProxyMode": "iptables", "serviceSubnet": SERVICE_SUBNET},
        "kubeadmConfigPatches": node_patches(settings, image),
        "nodes": [
            {"role": "control-plane", **node, "extraPortMappings": [port]},
            *({"role": "worker", **node} for _ in range(WORKERS)),
        ],
    }


def node_patches(settings: Settings, image: NodeImage) -> list[str]:
    """Give kubeadm's patches without which a node of this image does not start."""
    # Kubernetes 1.35 refuses control groups of the first version unless told otherwise.
    kubelet = "kind: KubeletConfiguration\nfailCgroupV1: false\n"
    if image.ours:
        return [kubelet + "oomScoreAdj: 0\n", kubeadm_images(settings)]
    return [kubelet]


def kubeadm_images(settings: Settings) -> str:
    """Give kubeadm's patch that names the images which our own node image brings along."""
    etcd = settings.versions["ETCD_VERSION"].removeprefix("v")
    return (
        f"kind: ClusterConfiguration\nimageRepository: {REPOSITORY}\n"
        f'etcd:\n  local:\n    imageTag: "{etcd}"\n'
        f"dns:\n  imageTag: {settings.versions['COREDNS_VERSION']}\n"
    )


def ensure(settings: Settings, docker: Docker, image: NodeImage, step: Step) -> Cluster:
    """Give the cluster, made where there is none and started where its nodes are stopped.

    A cluster whose making was interrupted is made anew. One of an older node image goes
    on, because its data would go with it. Raises ClusterError for a cluster of this name
    that somebody else made.
    """
    whole = record(settings)
    made = json.loads(whole.read_text()) if whole.exists() else {}
    nodes = node_names(settings, docker)
    if nodes and not (settings.state / CONFIG).exists():
        raise ClusterError(
            f"A kind cluster {settings.name} is here that this command did not make; delete it "
            f"with `make down`, or choose another name by BOOKSTORE_CLUSTER."
        )
    if made and len(nodes) == WORKERS + 1:
        cluster = Cluster(settings, docker, nodes, made["hostPort"])
        start_stopped(docker, nodes, step)
        wait_answering(cluster, step)
        if (now := address(docker, nodes[0])) != made.get("address"):
            renew_certificate(docker, nodes[0], step)
            whole.write_text(json.dumps(made | {"address": now}))
            wait_answering(cluster, step)
        wait_ready(cluster, step)
        newer = made["image"] != image.reference
        step.result("runs; `make down` first to take the new node image" if newer else "runs")
        return cluster
    if nodes:
        step.note("removing a half-made cluster")
        delete(settings, docker)
    return create(settings, docker, image, step)


def create(settings: Settings, docker: Docker, image: NodeImage, step: Step) -> Cluster:
    """Make the cluster and record what it was made of, last of all."""
    settings.state.mkdir(parents=True, exist_ok=True)
    shared = settings.state / "efs"
    shared.mkdir(exist_ok=True)
    port = choose_port()
    file = settings.state / CONFIG
    file.write_text(json.dumps(config(settings, image, shared, port), indent=2))
    step.note("kind create cluster")
    before = current_context(settings)
    shell.stream(
        settings.kind, "create", "cluster", "--config", file, "--wait", READY_SECONDS,
        log=settings.cache / "logs" / "kind-create.log",
        on_line=lambda line: step.note(line[:60]),
        env=docker.env,
    )  # fmt: skip
    if before and before != settings.context:
        # kind makes its context the current one; whoever had chosen another keeps it.
        shell.run(settings.kubectl, "config", "use-context", before)
    cluster = Cluster(settings, docker, node_names(settings, docker), port)
    for node in cluster.nodes:
        refuse_unserved(docker, node)
    wait_ready(cluster, step)
    made = {
        "image": image.reference,
        "hostPort": port,
        "address": address(docker, cluster.nodes[0]),
    }
    record(settings).write_text(json.dumps(made))
    step.result(f"{len(cluster.nodes)} nodes, 127.0.0.1:{port} → node port {NODE_PORT}")
    return cluster


def current_context(settings: Settings) -> str:
    """Give the context that the person's kubeconfig has chosen, "" for none."""
    return shell.attempt(settings.kubectl, "config", "current-context").stdout.strip()


def wait_answering(cluster: Cluster, step: Step) -> None:
    """Wait until the API server is ready for us; one that starts first refuses everybody.

    A context that somebody removed from the kubeconfig is written again. Raises
    ClusterError with what kubectl said last.
    """
    settings = cluster.settings
    if cluster.attempt("get", "--raw=/readyz").returncode == 0:
        return
    step.note("waiting for the API server")
    shell.run(
        settings.kind, "export", "kubeconfig", "--name", settings.name, env=cluster.docker.env
    )
    said = ""

    def ask() -> bool | None:
        nonlocal said
        told = cluster.attempt("get", "--raw=/readyz")
        said = shell.last_line(told.stderr)
        return True if told.returncode == 0 else None

    if until(ask, ANSWER_SECONDS) is None:
        raise ClusterError(f"The API server is not ready after {ANSWER_SECONDS} s: {said}")


def wait_ready(cluster: Cluster, step: Step) -> None:
    """Wait until every node is Ready and names resolve inside the cluster."""
    step.note("waiting for the nodes")
    cluster.kubectl("wait", "nodes", "--all", "--for=condition=Ready", "--timeout=180s")
    step.note("waiting for the cluster's DNS")
    cluster.wait_rolled_out("kube-system", "deployment/coredns", 120)


def running(settings: Settings, docker: Docker | None) -> Cluster:
    """Give the cluster that is there already; raises ClusterError where there is none."""
    nodes = node_names(settings, docker) if docker else ()
    if docker is None or not nodes or not record(settings).exists():
        raise ClusterError(f"There is no cluster {settings.name} here; run `make up`.")
    return Cluster(settings, docker, nodes, json.loads(record(settings).read_text())["hostPort"])


def node_names(settings: Settings, docker: Docker) -> tuple[str, ...]:
    """Give the containers that are this cluster's nodes, running or not, by name."""
    label = f"label=io.x-k8s.kind.cluster={settings.name}"
    told = docker.run("ps", "--all", "--filter", label, "--format", "{{.Names}}")
    return tuple(sorted(told.split()))


def address(docker: Docker, node: str) -> str:
    """Give a node's IPv4 address in the network of kind, "" while it is stopped."""
    template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
    return docker.run("inspect", "--format", template, node).strip()


def start_stopped(docker: Docker, nodes: Sequence[str], step: Step) -> None:
    """Start the nodes that a reboot or a person stopped, the control plane first."""
    states = docker.run("inspect", "--format", "{{.State.Running}}", *nodes).split()
    for node, state in zip(nodes, states, strict=True):
        if state != "true":
            step.note(f"starting {node}")
            docker.run("start", node)
        refuse_unserved(docker, node)


def renew_certificate(docker: Docker, node: str, step: Step) -> None:
    """Renew the API server's certificate for the address that its node has now.

    Docker gives a container another address when it starts again and its own is taken.
    The node's entrypoint writes the new one into kubeadm's files; the certificate names
    the old one still, and the scheduler and the controller manager refuse it.
    """
    step.note(f"renewing {node}'s certificate for its new address")
    docker.run("exec", node, "rm", "-f", f"{PKI}/apiserver.crt", f"{PKI}/apiserver.key")
    config = ["--config", "/kind/kubeadm.conf"]
    docker.run("exec", node, "kubeadm", "init", "phase", "certs", "apiserver", *config)
    # The kubelet starts it again, with the new certificate.
    docker.run("exec", node, "pkill", "-KILL", "-x", "kube-apiserver")


def refuse_unserved(docker: Docker, node: str) -> None:
    """Have a node refuse connections to Services that kube-proxy does not serve yet.

    Without this such a connection leaves for the host's network. Where a proxy there
    answers for every address, the API server's kept-alive connection to metrics-server
    stays with the stranger, and the aggregated API is lost until the next start.
    kube-proxy rewrites the destination before these rules are asked.
    """
    refusal = ["-d", SERVICE_SUBNET, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"]
    iptables: list[shell.Argument] = [docker.client, "exec", node, "iptables", "--wait"]
    for chain in ("OUTPUT", "FORWARD"):
        if shell.attempt(*iptables, "--check", chain, *refusal).returncode != 0:
            shell.run(*iptables, "--insert", chain, *refusal)


def delete(settings: Settings, docker: Docker) -> None:
    """Delete the cluster with its context in the kubeconfig; another's is never touched."""
    record(settings).unlink(missing_ok=True)
    shell.run(settings.kind, "delete", "cluster", "--name", settings.name, env=docker.env)
