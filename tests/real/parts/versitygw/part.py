"""versitygw, a server that speaks S3 and keeps objects in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest
from tests.real.support import manifests
from tests.real.support.workshop import Workshop
from tests.support.certificates import Authority
from tests.support.objectstore import KEY, PROGRAMS, REGION, SECRET

NAME = "versitygw"
NAMESPACE = "real-versitygw"
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"
PORT = 7070
BUCKET = "bookstore-backups"
FILES = "/etc/versitygw"
DATA = "/data"


@dataclass(frozen=True)
class ObjectStore:
    """A running server with one bucket."""

    kube: Kube
    authority: Authority
    endpoint: str = f"https://{HOST}:{PORT}"

    def login(self, namespace: str, name: str = "backup-s3", **data: str) -> Manifest:
        """Return the Secret with the bucket's keys and the server's authority; ``data`` wins."""
        known = {"accessKeyId": KEY, "secretAccessKey": SECRET, "ca.crt": self.authority.pem}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": known | data,
        }

    def spec(self, name: str = "backup-s3", **more: str) -> Manifest:
        """Return the bucket as spec.backup.s3 and a restore's spec.s3 have it."""
        return {
            "bucket": BUCKET,
            "endpoint": self.endpoint,
            "credentialsSecretRef": {"name": name},
            "caSecretRef": {"name": name},
        } | more


@contextmanager
def running(workshop: Workshop) -> Iterator[ObjectStore]:
    """Have a server at work in the local cluster."""
    image = workshop.image(NAME, PROGRAMS, NAME)
    authority = Authority("Whoever signs what versitygw serves")
    made = [
        manifests.namespace(NAMESPACE),
        authority.sign(HOST).secret(NAMESPACE, NAME),
        manifests.workload(NAMESPACE, NAME, pod(image)),
        manifests.service(NAMESPACE, NAME, {PORT: PORT}),
    ]
    with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
        yield ObjectStore(workshop.kube, authority)


def pod(image: str) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": [
            *("--access", KEY, "--secret", SECRET, "--region", REGION, "--port", f":{PORT}"),
            *("--cert", f"{FILES}/tls.crt", "--key", f"{FILES}/tls.key", "--health", "/health"),
            *("posix", "--sidecar", f"{DATA}/.sidecar", f"{DATA}/objects"),
        ],
        "readinessProbe": manifests.answering(PORT, "/health", "HTTPS"),
        "volumeMounts": [
            {"name": "tls", "mountPath": FILES},
            # A folder in the root is a bucket; the first one of all is there from the beginning.
            {"name": "data", "mountPath": f"{DATA}/objects/{BUCKET}", "subPath": "bucket"},
            {"name": "data", "mountPath": f"{DATA}/.sidecar", "subPath": "sidecar"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    volumes = [
        {"name": "tls", "secret": {"secretName": NAME}},
        {"name": "data", "emptyDir": {}},
    ]
    return {"containers": [container], "volumes": volumes, "automountServiceAccountToken": False}
