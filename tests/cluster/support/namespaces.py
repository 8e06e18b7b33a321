"""Namespaces for tests and benches, each of one run."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.support.kube import Kube, Manifest
from tests.support.poll import eventually

# Marks the namespaces of this run: several may use the cluster at once.
RUN, RUN_ID = "bookstore.dev/test-run", secrets.token_hex(3)
_numbers = itertools.count(1)


@contextmanager
def opened(kube: Kube, title: str, standard: str = "restricted") -> Iterator[str]:
    """Lend a namespace that enforces a Pod Security Standard.

    It is deleted afterwards, with all that is in it, and not waited for.
    """
    with named(kube, f"e2e-{title}-{RUN_ID}-{next(_numbers)}", standard) as name:
        yield name


@contextmanager
def named(kube: Kube, name: str, standard: str = "restricted") -> Iterator[str]:
    """Lend a namespace of that very name, such as that of one which is gone."""
    labels = {"pod-security.kubernetes.io/enforce": standard, RUN: RUN_ID}
    kube.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    try:
        yield name
    finally:
        kube.delete("Namespace", "", name)


def wait_gone(kube: Kube, namespace: str, within: float = 120) -> None:
    """Wait until a namespace that was deleted is gone; no finalizer may hold it."""

    def gone() -> None:
        left = kube.find("Namespace", "", namespace)
        assert left is None, (namespace, left["status"] if left else "")

    eventually(gone, within=within)


def wait_all_gone(kube: Kube) -> None:
    """Wait for every namespace of this run, then delete the volumes that stores retained."""
    for found in kube.list("Namespace", labels=f"{RUN}={RUN_ID}"):
        wait_gone(kube, found["metadata"]["name"])
    for volume in kube.list("PersistentVolume"):
        if RUN_ID in volume["spec"].get("claimRef", {}).get("namespace", ""):
            discard(kube, volume)


def discard(kube: Kube, volume: Manifest) -> None:
    """Delete a volume that no claim holds, with its data where a StorageClass made it."""
    name, made_by = volume["metadata"]["name"], "pv.kubernetes.io/provisioned-by"
    if made_by in volume["metadata"].get("annotations", {}):
        # Its provisioner removes the data, then the volume.
        policy = {"persistentVolumeReclaimPolicy": "Delete"}
        kube.patch("PersistentVolume", "", name, {"spec": policy})
    else:
        kube.delete("PersistentVolume", "", name)
