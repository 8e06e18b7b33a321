"""cert-manager: its controllers, without the webhook; see go/controller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cluster.programs import Program
from tests.cluster.support.kube import Manifest
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop, definitions

NAME = "cert-manager"
NAMESPACE = "real-cert-manager"
FOLDER = PARTS / "certmanager" / "go"
CONTROLLER = Program("cert-manager-controller", "./controller", FOLDER)
SOLVER = Program("cert-manager-acmesolver", "./acmesolver", FOLDER)
PROGRAMS = (CONTROLLER, SOLVER)
HEALTH = 9403


@contextmanager
def running(workshop: Workshop, *, gateways: bool) -> Iterator[None]:
    """Have cert-manager at work in the local cluster; for Gateways their kinds must be there."""
    image = workshop.image(NAME, PROGRAMS, CONTROLLER.name)
    # Its pods are to run as anybody but root, and say not as whom.
    solver = workshop.image(NAME, PROGRAMS, SOLVER.name, user="1000")
    module = workshop.module("github.com/cert-manager/cert-manager", "certmanager")
    made = [
        *definitions(module / "deploy" / "crds"),
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, NAME),
        manifests.workload(NAMESPACE, NAME, pod(image, solver, gateways=gateways)),
    ]
    with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
        yield


def pod(image: str, solver: str, *, gateways: bool) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": [
            f"--cluster-resource-namespace={NAMESPACE}",
            f"--acme-http01-solver-image={solver}",
            f"--enable-gateway-api={str(gateways).lower()}",
            f"--healthz-listen-address=:{HEALTH}",
        ],
        "readinessProbe": manifests.answering(HEALTH, "/"),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {"serviceAccountName": NAME, "containers": [container]}
