"""What the manifests of all components share: metadata, the restricted pod, digests."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from bookstore_operator.engine.root import PREFIX
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

CONFIG_HASH = f"{PREFIX}/config-hash"
DRAIN = 10
"""Seconds that a pod serves on after it was taken out of the Service, while proxies learn it."""

USER = 10001
"""The user and group that every container runs as; EFS access points must have it too."""


def child(store: Store, ref: Ref, component: str, **body: Any) -> Manifest:
    """Return the manifest of a namespaced object that the store owns."""
    manifest = unowned(store, ref, component, **body)
    manifest["metadata"]["ownerReferences"] = [store.owner()]
    return manifest


def unowned(store: Store, ref: Ref, component: str, **body: Any) -> Manifest:
    """Return the manifest of an object that outlives the store where its policy says so.

    A cluster-scoped object cannot have an owner in a namespace. Source: Kubernetes, "Owners and
    Dependents".
    """
    metadata: Manifest = {"name": ref.name, "labels": store.labels(component)}
    if ref.kind.namespaced:
        metadata["namespace"] = ref.namespace
    return {
        "apiVersion": ref.kind.api_version,
        "kind": ref.kind.name,
        "metadata": metadata,
        **body,
    }


def pod_security() -> Manifest:
    """Return a pod's security context under the restricted standard.

    fsGroup gives claims from a StorageClass to our user; EFS ignores it. Source: Kubernetes, "Pod
    Security Standards".
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """Return a container's security context under the restricted standard."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def pull_secrets(store: Store) -> Manifest:
    """Return a pod's way to log in to the registry of the shop's image, where the spec says one."""
    names = [{"name": secret.name} for secret in store.spec.image_pull_secrets or ()]
    return {"imagePullSecrets": names} if names else {}


def pull_policy(store: Store) -> Manifest:
    """Return when a node pulls the shop's image, where the spec says it."""
    policy = store.spec.image_pull_policy
    return {"imagePullPolicy": policy.value} if policy else {}


def scratch(**paths: str) -> tuple[list[Manifest], list[Manifest]]:
    """Return volumes and mounts of empty directories, by volume name and path."""
    volumes: list[Manifest] = [{"name": name, "emptyDir": {}} for name in paths]
    mounts: list[Manifest] = [{"name": name, "mountPath": path} for name, path in paths.items()]
    return volumes, mounts


def from_secret(variable: str, secret: str, key: str) -> Manifest:
    """Return an environment variable that the kubelet reads from a Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    """Return texts as a Secret's ``data``."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def decoded(secret: Manifest, key: str) -> str | None:
    """Return a text of a Secret; None where it is absent, empty or not UTF-8."""
    value = (secret.get("data") or {}).get(key)
    if not value:
        return None
    try:
        return base64.b64decode(value, validate=True).decode() or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def keyed_digest(key: str, content: Any) -> str:
    """Return 16 hex digits that change with the content and tell nothing of it.

    A plain hash of a weak password could be guessed by anybody who may read a Deployment; the key
    is a random text of the store's own Secret.
    """
    text = json.dumps(content, sort_keys=True).encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:16]
