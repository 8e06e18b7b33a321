"""Percona's operator for XtraDB clusters, and a stand-in for the images of its databases.

Percona's images are not to be had. In their place there is one of Debian's MariaDB with Galera and
of HAProxy, which the operator's own entrypoints, probes and checks run in as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import programs
from cluster.programs import Program
from tests.cluster.support.kube import Manifest
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop, definitions

NAME = "percona-xtradb-cluster-operator"
NAMESPACE = "real-percona"
MODULE = "github.com/percona/percona-xtradb-cluster-operator"
FOLDER = PARTS / "percona" / "go"
OPERATOR = Program(NAME, f"{MODULE}/cmd/manager", FOLDER)
PROGRAMS = (
    OPERATOR,
    Program("peer-list", f"{MODULE}/cmd/peer-list", FOLDER),
    Program("mysql-state-monitor", f"{MODULE}/cmd/mysql-state-monitor", FOLDER),
)
# The entrypoints are scripts for bash.
PACKAGES = ("bash", "coreutils")
DOCKERFILE = PARTS / "percona" / "Dockerfile"
STANDIN = PARTS / "percona" / "standin"
# rsync brings a node that joins the data of another; socat hands HAProxy its orders.
STANDIN_PACKAGES = (
    "galera-4",
    "haproxy",
    "hostname",
    "mariadb-server",
    "procps",
    "rsync",
    "socat",
)
METRICS = 8080
# Made by the operator itself, and by nobody taken away.
WEBHOOK = "percona-xtradbcluster-webhook"


@contextmanager
def running(workshop: Workshop) -> Iterator[None]:
    """Have the operator at work in the local cluster, for every namespace."""
    image = operator_image(workshop)
    module = workshop.module(MODULE, "percona")
    version = workshop.settings.versions["PERCONA_XTRADB_CLUSTER_OPERATOR_VERSION"]
    made = [
        *definitions(module / "deploy", "crd.yaml"),
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, NAME),
        manifests.workload(NAMESPACE, NAME, pod(image, version)),
    ]
    try:
        with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
            yield
    finally:
        workshop.kube.delete("ValidatingWebhookConfiguration", "", WEBHOOK)


def operator_image(workshop: Workshop) -> str:
    """Have the nodes hold the operator's image, from which database pods start too."""
    suite = workshop.settings.versions["NODE_DEBIAN_SUITE"]
    rootfs = workshop.rootfs("percona", suite, PACKAGES)
    binaries = workshop.binaries("percona", PROGRAMS)
    lent = workshop.module(MODULE, "percona") / "build"

    def fill(context: Path) -> None:
        shutil.copyfile(DOCKERFILE, context / "Dockerfile")
        (context / "bin").mkdir()
        for program in PROGRAMS:
            (context / "bin" / program.name).hardlink_to(binaries / program.name)
        (context / "lent").mkdir()
        for file in lent.iterdir():
            if file.is_file() and file.name != "Dockerfile":
                shutil.copyfile(file, context / "lent" / file.name)
                (context / "lent" / file.name).chmod(0o755)

    inputs = [
        programs.inputs_digest(workshop.settings, PROGRAMS),
        DOCKERFILE.read_text(),
    ]
    return workshop.composed(NAME, inputs, fill, ROOTFS=rootfs)


def database_image(workshop: Workshop) -> str:
    """Have the nodes hold the image that stands in for those of XtraDB Cluster and HAProxy."""
    suite = workshop.settings.versions["NODE_DEBIAN_SUITE"]
    rootfs = workshop.rootfs("galera", suite, STANDIN_PACKAGES)
    files = sorted(STANDIN.iterdir())

    def fill(context: Path) -> None:
        for file in files:
            shutil.copyfile(file, context / file.name)
            # MariaDB reads no configuration that everybody may write.
            (context / file.name).chmod(0o644 if file.suffix == ".cnf" else 0o755)

    return workshop.composed("galera", [one.read_text() for one in files], fill, ROOTFS=rootfs)


def pod(image: str, version: str) -> Manifest:
    environment = {
        "WATCH_NAMESPACE": "",
        "OPERATOR_NAME": NAME,
        "LOG_LEVEL": "INFO",
        "LOG_STRUCTURED": "false",
        "DISABLE_TELEMETRY": "true",
    }
    name = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container = {
        "name": NAME,
        "image": image,
        "command": [NAME],
        "env": [
            *({"name": key, "value": value} for key, value in environment.items()),
            {"name": "POD_NAME", **name},
        ],
        "readinessProbe": manifests.answering(METRICS, "/metrics"),
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    return {"serviceAccountName": NAME, "containers": [container]}


def cluster(namespace: str, name: str, version: str, **spec: Any) -> Manifest:
    """Return a PerconaXtraDBCluster of one small node behind HAProxy, as its examples have it."""
    resources = {"requests": {"cpu": "10m", "memory": "64Mi"}}
    volume = {"persistentVolumeClaim": {"resources": {"requests": {"storage": "1Gi"}}}}
    made: Manifest = {
        "crVersion": version.removeprefix("v"),
        "secretsName": f"{name}-users",
        "unsafeFlags": {"tls": True, "pxcSize": True, "proxySize": True},
        "tls": {"enabled": False},
        "upgradeOptions": {"apply": "disabled"},
        "pxc": {
            "size": 1,
            "image": "kind.local/absent/pxc:8.0",
            "resources": resources,
            "volumeSpec": volume,
        },
        "haproxy": {
            "enabled": True,
            "size": 1,
            "image": "kind.local/absent/haproxy:2.8",
            "resources": resources,
        },
        "logcollector": {"enabled": False},
    }
    return {
        "apiVersion": "pxc.percona.com/v1",
        "kind": "PerconaXtraDBCluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": made | spec,
    }
