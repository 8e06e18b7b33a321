"""The Deployment of the shop: its pods, and how many of them."""

from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.manifests import (
    child,
    container_security,
    from_secret,
    pod_security,
    pull_policy,
    pull_secrets,
    scratch,
)
from bookstore_operator.components.outputs import (
    PublicAddress,
    ServingImage,
    extra_environment,
    mail_settings,
)
from bookstore_operator.components.placement import node_away, placed, spread
from bookstore_operator.components.podtemplate import overlaid
from bookstore_operator.components.servicekeys import mounted
from bookstore_operator.components.shop import (
    FILES,
    GIVEN_UP,
    GIVEN_UP_CAUSE,
    HISTORY,
    HTTPS_PORT,
    INTERNAL_PORT,
    METRICS_PORT,
    PORT,
    WEB,
    WEB_CONTAINER,
    mounts_of,
    wanted_pods,
)
from bookstore_operator.components.standstill import being_restored
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

STOP = 35
"""Seconds that a pod has to answer what it took, once it no longer serves on."""


def deployment(store: Store, view: View, revision: str) -> Manifest:
    """Return the Deployment, whose pods start with a revision of the environment."""
    template = {
        "metadata": {"labels": store.labels(WEB)},
        "spec": _pod(store, view, revision),
    }
    spec = {
        **replicas(store, view),
        "revisionHistoryLimit": HISTORY,
        "progressDeadlineSeconds": store.spec.upgrade.progress_deadline_seconds,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "selector": {"matchLabels": store.selector(WEB)},
        "template": overlaid(template, store.spec.pod_template),
    }
    manifest = child(store, store.web, WEB, spec=spec)
    serving = view.output(ServingImage)
    if serving.given_up:
        notes = {GIVEN_UP: serving.given_up, GIVEN_UP_CAUSE: serving.cause}
        manifest["metadata"]["annotations"] = notes
    return manifest


def replicas(store: Store, view: View) -> Manifest:
    """Return how many pods the Deployment shall have, where that is ours to say.

    With autoscaling it is so where there is no Deployment, and where it has none: an autoscaler
    leaves zero alone. It then begins with what it wanted last. Source: Kubernetes, "Horizontal Pod
    Autoscaling", implicit maintenance-mode deactivation.
    """
    if being_restored(store, view):
        return {"replicas": 0}
    if store.spec.scaling is None:
        return {"replicas": store.spec.least_replicas}
    live = view.get(store.web)
    if live is not None and wanted_pods(store, live) > 0:
        return {}
    status = (view.get(store.autoscaler) or {}).get("status", {})
    before = int(status.get("desiredReplicas", 0))
    return {"replicas": min(max(before, store.spec.least_replicas), store.spec.most_replicas)}


def _pod(store: Store, view: View, revision: str) -> Manifest:
    env = store.env(revision).name
    ca_volumes, _ = view.output(Connection).volumes(env)
    volumes, _ = scratch(tmp="/tmp")  # noqa: S108 - the container's
    key_volumes, _ = mounted(store)
    files = {"name": "files", "persistentVolumeClaim": {"claimName": store.files.name}}
    return {
        "serviceAccountName": store.account.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **pull_secrets(store),
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": STOP + view.output(PublicAddress).drain,
        **placed(store, tolerated=node_away()),
        **spread(store),
        "containers": [_container(store, view, revision)],
        "volumes": [files, *volumes, *ca_volumes, *key_volumes],
    }


def _container(store: Store, view: View, revision: str) -> Manifest:
    connection = view.output(Connection)
    env = store.env(revision).name
    _, ca_mounts = connection.volumes(env)
    _, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    _, key_mounts = mounted(store)
    return {
        "name": WEB_CONTAINER,
        "image": view.output(ServingImage).image,
        **pull_policy(store),
        "args": ["serve"],
        "envFrom": [{"configMapRef": {"name": store.config(revision).name}}],
        "env": [
            from_secret(name, env, name)
            for name in (
                *connection.variables(),
                *mail_settings(view).secret,
                *extra_environment(view).secret,
            )
        ],
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in (
                ("http", PORT),
                ("internal", INTERNAL_PORT) if store.part else ("https", HTTPS_PORT),
                ("metrics", METRICS_PORT),
            )
        ],
        "resources": store.spec.resources.manifest(),
        "securityContext": container_security(),
        "lifecycle": {"preStop": {"sleep": {"seconds": view.output(PublicAddress).drain}}},
        "startupProbe": _probe("/healthz", period=1, failures=120),
        "readinessProbe": _probe("/readyz", period=3, failures=2),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "volumeMounts": [*_folders(store), *mounts, *ca_mounts, *key_mounts],
    }


def _folders(store: Store) -> list[Manifest]:
    """Return the mounts of the files: a service sees those alone that it makes.

    Covers are the catalogue's; mail that is not sent lies with the backups.
    """
    folders = FILES
    if store.part:
        folders = {f"{store.part}/backups": FILES["backups"]}
        if store.part == "catalogue":
            folders |= {"uploads": FILES["uploads"]}
    return mounts_of(folders)


def _probe(path: str, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
