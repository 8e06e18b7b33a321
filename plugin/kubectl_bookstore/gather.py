"""Gather what somebody who helps from afar needs: manifests, events and logs, without secrets."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from kubectl_bookstore.cluster import Cluster
from kubectl_bookstore.errors import CommandError
from kubectl_bookstore.objects import STORES, Manifest, name
from kubectl_bookstore.redaction import Redactor

LINES = "2000"
NAMESPACED = {
    "bookstores": STORES,
    "bookstorebackups": STORES,
    "bookstorerestores": STORES,
    "pods": "/api/v1",
    "services": "/api/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
    "serviceaccounts": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "resourcequotas": "/api/v1",
    "limitranges": "/api/v1",
    "events": "/api/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "certificates": "/apis/cert-manager.io/v1",
    "dbinstances": "/apis/rds.services.k8s.aws/v1alpha1",
    "perconaxtradbclusters": "/apis/pxc.percona.com/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}
CLUSTERED = {
    "/api/v1/nodes": "nodes",
    "/apis/storage.k8s.io/v1/storageclasses": "storageclasses",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bookstores.bookstore.dev": "crd",
}
VOLUMES = "/api/v1/persistentvolumes"


def gather(cluster: Cluster, namespaces: list[str], to: Path) -> list[str]:
    """Write a tar of namespaces, the operator's among them, and return what could not be read."""
    missing: list[str] = []
    secrets = [
        secret
        for place in namespaces
        for secret in _read(cluster, f"/api/v1/namespaces/{quote(place)}/secrets", missing)
    ]
    redactor = Redactor(secrets)
    with tarfile.open(to, "w:gz") as tar:
        for path, content in _files(cluster, namespaces, redactor, missing):
            data = redactor.text(content).encode()
            member = tarfile.TarInfo(f"{to.name.partition('.')[0]}/{path}")
            member.size, member.mtime = len(data), int(time.time())
            tar.addfile(member, io.BytesIO(data))
    return missing


def _files(
    cluster: Cluster, namespaces: list[str], redactor: Redactor, missing: list[str]
) -> Iterator[tuple[str, str]]:
    for path, called in CLUSTERED.items():
        whole = _whole(cluster, path, missing)
        if whole is not None:
            yield f"{called}.json", _json(whole, redactor)
    volumes = _read(cluster, VOLUMES, missing)
    held = [one for one in volumes if _claimed_in(one) in namespaces]
    yield "persistentvolumes.json", _list(held, redactor)
    for place in namespaces:
        where = f"namespaces/{quote(place)}"
        for plural, group in NAMESPACED.items():
            found = _read(cluster, f"{group}/{where}/{plural}", missing)
            if found:
                yield f"{place}/{plural}.json", _list(found, redactor)
            if plural == "pods":
                for pod in found:
                    yield from _logs(cluster, place, pod, missing)
    yield "missing.txt", "".join(f"{line}\n" for line in missing)


def _logs(
    cluster: Cluster, place: str, pod: Manifest, missing: list[str]
) -> Iterator[tuple[str, str]]:
    path = f"/api/v1/namespaces/{quote(place)}/pods/{quote(name(pod))}/log"
    spec, status = pod["spec"], pod.get("status", {})
    ended = {
        one["name"]
        for one in [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
        if one.get("restartCount")
    }
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        called = container["name"]
        for previous in (False, True) if called in ended else (False,):
            options = {"container": called, "tailLines": LINES, "timestamps": "true"}
            file = f"{place}/logs/{name(pod)}.{called}{'.previous' if previous else ''}.log"
            try:
                log = cluster.text(path, **options, previous=str(previous).lower())
            except CommandError as error:
                missing.append(f"{file}: {error}")
                continue
            yield file, log


def _read(cluster: Cluster, path: str, missing: list[str]) -> list[Manifest]:
    try:
        return cluster.items(path)
    except CommandError as error:
        if f"{path}: {error}" not in missing:
            missing.append(f"{path}: {error}")
        return []


def _whole(cluster: Cluster, path: str, missing: list[str]) -> Manifest | None:
    try:
        return cluster.get(path)
    except CommandError as error:
        missing.append(f"{path}: {error}")
        return None


def _claimed_in(volume: Manifest) -> str:
    return str(volume["spec"].get("claimRef", {}).get("namespace", ""))


def _list(items: list[Manifest], redactor: Redactor) -> str:
    return json.dumps([redactor.manifest(one) for one in items], indent=1)


def _json(found: Manifest, redactor: Redactor) -> str:
    if "items" in found:
        return _list(found["items"], redactor)
    return json.dumps(redactor.manifest(found), indent=1)
