"""What a NetworkPolicy forbids does not arrive, once one is enforced."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.mysql import MySQL
from tests.real.support.objects import client_pod
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("enforced_policies")

PORT = 3306
MAY = {"may-reach-mysql": "yes"}


@pytest.fixture
def server(kube: Kube, namespace: str, images: dict[str, str]) -> MySQL:
    server = MySQL(kube, namespace)
    server.start(images["MYSQL_IMAGE"])
    return server


def policy(namespace: str) -> Manifest:
    """Return the policy that lets to MySQL those alone who bear the label."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "mysql", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": "mysql"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": MAY}}],
                    "ports": [{"port": PORT, "protocol": "TCP"}],
                }
            ],
        },
    }


def reaches(kube: Kube, namespace: str, pod: str, host: str) -> bool:
    """Tell whether a pod gets a connection to MySQL within a second."""
    ask = (
        "import socket, sys\n"
        "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1)\n"
        "except OSError as error: print(error)\n"
        "else: print('reached')\n"
    )
    where = ("exec", "-n", namespace, pod, "--")
    return kube.kubectl(*where, "python", "-c", ask, host, str(PORT)).strip() == "reached"


def test_a_pod_that_may_not_reach_mysql_does_not(
    kube: Kube, namespace: str, server: MySQL, images: dict[str, str]
) -> None:
    for name, labels in (("stranger", {}), ("shop", MAY)):
        kube.apply(client_pod(namespace, name, images["APP_IMAGE"], labels))
        kube.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready")
    for name in ("stranger", "shop"):
        assert reaches(kube, namespace, name, server.host), f"{name}, without any policy"

    kube.apply(policy(namespace))

    def kept_out() -> None:
        assert not reaches(kube, namespace, "stranger", server.host)

    eventually(kept_out, within=60)
    assert reaches(kube, namespace, "shop", server.host)

    kube.delete("NetworkPolicy", namespace, "mysql")

    def let_in() -> None:
        assert reaches(kube, namespace, "stranger", server.host)

    eventually(let_in, within=60)
