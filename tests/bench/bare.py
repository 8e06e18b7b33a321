"""A bare API server: etcd and kube-apiserver of the local cluster, with nothing behind them.

No controller and no kubelet acts on what is written there, so that a hundred stores cost what the
operator and the API server cost, and not what two hundred pods do. What the operator waits for is
played by `tests.bench.stage`. Every caller with a certificate or token of the cluster may do all.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import opened
from tests.support.poll import eventually

# The port is that of the Service kubernetes.default.svc, by which kopf finds its cluster.
PORT, ETCD, PEER = 443, 23790, 23800
PKI, TOKENS, CREDENTIALS = "/etc/kubernetes/pki", "/etc/kubernetes/tokens", "credentials"


@contextmanager
def bare_api(kube: Kube) -> Iterator[tuple[str, Kube]]:
    """Run the server on the control-plane node; lend the namespace of its pod, and a client."""
    nodes = kube.list("Node", labels="node-role.kubernetes.io/control-plane")
    node = nodes[0]["metadata"]["name"]
    addresses = {found["type"]: found["address"] for found in nodes[0]["status"]["addresses"]}
    with opened(kube, "bare", standard="privileged") as namespace:
        kube.apply(credentials(kube, namespace))
        kube.apply(pod(kube, namespace, node))
        api = Kube(server=f"https://{addresses['InternalIP']}:{PORT}")

        def answering() -> None:
            assert api.read("/readyz") == "ok"

        eventually(answering, within=90)
        yield namespace, api


def image(kube: Kube, component: str) -> str:
    """Return the image that the cluster itself runs for a part of its control plane."""
    pods = kube.list("Pod", "kube-system", f"component={component}")
    return str(pods[0]["spec"]["containers"][0]["image"])


def credentials(kube: Kube, namespace: str) -> Manifest:
    """Return the Secret with which a pod takes the bare server for its own cluster."""
    token = secrets.token_urlsafe(24)
    trust = kube.get("ConfigMap", "kube-public", "kube-root-ca.crt")["data"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": CREDENTIALS, "namespace": namespace},
        "stringData": {
            "token": token,
            "tokens.csv": f"{token},operator,operator",
            "namespace": "bookstore-system",
            "ca.crt": trust["ca.crt"],
        },
    }


def pod(kube: Kube, namespace: str, node: str) -> Manifest:
    """Return the pod of etcd and API server, on the host's network and with the cluster's keys."""
    etcd = [
        "etcd",
        "--data-dir=/data",
        "--unsafe-no-fsync",
        f"--listen-client-urls=http://127.0.0.1:{ETCD}",
        f"--advertise-client-urls=http://127.0.0.1:{ETCD}",
        f"--listen-peer-urls=http://127.0.0.1:{PEER}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{PEER}",
        f"--initial-cluster=default=http://127.0.0.1:{PEER}",
    ]
    server = [
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{ETCD}",
        f"--secure-port={PORT}",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
        f"--service-account-key-file={PKI}/sa.pub",
        f"--service-account-signing-key-file={PKI}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-cluster-ip-range=10.111.0.0/16",
        f"--token-auth-file={TOKENS}/tokens.csv",
        "--authorization-mode=AlwaysAllow",
        "--disable-admission-plugins=ServiceAccount",
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api", "namespace": namespace},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "etcd",
                    "image": image(kube, "etcd"),
                    "command": etcd,
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                },
                {
                    "name": "kube-apiserver",
                    "image": image(kube, "kube-apiserver"),
                    "command": server,
                    "volumeMounts": [
                        {"name": "pki", "mountPath": PKI, "readOnly": True},
                        {"name": "tokens", "mountPath": TOKENS, "readOnly": True},
                    ],
                },
            ],
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "pki", "hostPath": {"path": PKI}},
                {"name": "tokens", "secret": {"secretName": CREDENTIALS}},
            ],
        },
    }
