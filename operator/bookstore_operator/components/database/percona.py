"""A database that Percona's operator runs: a PerconaXtraDBCluster, reached through its HAProxy.

Sources: Percona Operator for MySQL based on Percona XtraDB Cluster, "Custom Resource options
reference", "Users", "Delete Percona Operator".
"""

from datetime import datetime
from typing import ClassVar

from bookstore_operator.api.percona import BackupStorage
from bookstore_operator.api.percona import PerconaDatabase as Percona
from bookstore_operator.components.credentials import (
    CREDENTIALS_READY,
    DATABASE_PASSWORD,
    makes_service_users,
)
from bookstore_operator.components.database.connection import (
    PORT,
    Connection,
    Reader,
    of_service,
    reads_replicas,
)
from bookstore_operator.components.database.database import (
    DATABASE_FAILED,
    DATABASE_PROVISIONING,
    DATABASE_READY,
    OBSTACLE_REASONS,
    WAITING_FOR_DATABASE,
    status,
)
from bookstore_operator.components.database.probe import Probe
from bookstore_operator.components.initsql import EMBEDDED_SCHEMA
from bookstore_operator.components.manifests import child, container_security
from bookstore_operator.components.shop import SCHEMA_MIGRATED
from bookstore_operator.engine.component import Component, Patch, Question
from bookstore_operator.engine.verdict import Verdict, asleep, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest, Ref, is_terminating
from bookstore_operator.kube.thirdparty import PXC
from bookstore_operator.store import Store

COMPONENT = "database"
PATH = "spec.database.percona"
IN_ORDER = "percona.com/delete-pxc-pods-in-order"
WITH_VOLUMES = "percona.com/delete-pxc-pvc"
MYSQL = 1001
"""The user and group of Percona's images, to whom the volumes must belong."""

PULL = "IfNotPresent"
"""Percona's operator says Always where it is left out; a node that fails would not come back while
the registry does not answer."""

REPLICAS_POD_PORT = 3307
"""Where the proxies' pods lead to all nodes; the Service for it has MySQL's own port."""

PATIENCE = 60.0
"""Seconds for which Percona's operator may tell an error that passes, such as a conflict."""


class PerconaDatabase(Component[Store]):
    """Keep a PerconaXtraDBCluster with a user and a schema for the shop."""

    condition: ClassVar = DATABASE_READY
    awaited: ClassVar = WAITING_FOR_DATABASE
    kinds: ClassVar = (PXC,)
    reads: ClassVar = (POD,)
    reasons: ClassVar = (DATABASE_PROVISIONING, DATABASE_FAILED, *OBSTACLE_REASONS)
    requires: ClassVar = (CREDENTIALS_READY,)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this mode."""
        return root.spec.database.percona is not None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:  # noqa: ARG002
        """Return the connection: to the Service of the proxies that leads to the writer."""
        return (_connection(root),)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the cluster."""
        percona = root.spec.database.percona
        return [_cluster(root, percona, view)] if percona else []

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods that may know why the cluster cannot be used."""
        return _probe(root).queries(root, view) if _was_ready(root, view) else []

    def questions(self, root: Store, view: View) -> list[Question]:
        """Return what the pods are asked that run and are not ready."""
        return _probe(root).questions(root, view) if _was_ready(root, view) else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge by the state that Percona's operator tells, then by what the shop says.

        A cluster that served and is not whole, as while a node is replaced, may serve all the
        same; the shop knows.
        """
        live, where = view.get(root.percona_cluster), str(root.percona_cluster)
        told = (live or {}).get("status", {})
        state = str(told.get("state") or "")
        holds = not _was_ready(root, view)
        if live is None:
            return waiting(DATABASE_PROVISIONING, f"{where} is about to be made.", holds=holds)
        if is_terminating(live):
            text = f"{where} is being deleted; it is made again on its volumes once it is gone"
            return failed(DATABASE_FAILED, text, holds=holds)
        if root.spec.hibernated:
            return asleep(f"{where} rests until spec.state is Running.")
        obstacle = None if holds else _probe(root).obstacle(root, view)
        if state == "ready":
            return obstacle or ready(f"{where} is ready.")
        said = "; ".join(" ".join(str(one).split()) for one in told.get("message") or [])
        if state == "error":
            return _error(told, f"{where}: {said or 'it gave no word'}", view.now, holds=holds)
        if state == "paused":
            text = f"{where} is paused by somebody; set its spec.pause to false"
            return failed(DATABASE_FAILED, text, holds=holds)
        if obstacle:
            return obstacle
        state = state or "not looked at by Percona's operator yet"
        text = f"{where} is {state}{': ' if said else ''}{said}."
        return waiting(DATABASE_PROVISIONING, text, holds=holds)

    def status(self, root: Store, view: View) -> Manifest:
        """Return mode and host of the database."""
        return status(root, view)

    def final_patches(self, root: Store, view: View) -> list[Patch]:
        """Return what tells Percona's operator that the volumes go too, where they are to.

        While the store lives, a cluster that somebody deletes leaves them. Nobody may add a
        finalizer to what is being deleted already.
        """
        live = view.get(root.percona_cluster)
        if not root.spec.database.percona or root.retains_data:
            return []
        there = live["metadata"].get("finalizers", []) if live else []
        if live is None or is_terminating(live) or WITH_VOLUMES in there:
            return []
        return [Patch(root.percona_cluster, {"metadata": {"finalizers": [*there, WITH_VOLUMES]}})]

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the cluster, which goes node by node, and last the volumes where they are to."""
        return [root.percona_cluster]


def _error(told: Manifest, text: str, now: datetime, *, holds: bool) -> Verdict:
    """Return the verdict on an error of Percona's operator, which tells passing ones alike."""
    errors = [one for one in told.get("conditions") or [] if one.get("type") == "error"]
    since = max((str(one.get("lastTransitionTime") or "") for one in errors), default="")
    age = (now - datetime.fromisoformat(since)).total_seconds() if since else PATIENCE
    if age < PATIENCE:
        text = f"Percona's operator tries again at {text}."
        return waiting(DATABASE_PROVISIONING, text, holds=holds, again=PATIENCE - age + 1.0)
    text = f"Percona's operator cannot go on with {text}; correct {PATH}, or what it names"
    return failed(DATABASE_FAILED, text, holds=holds)


def _was_ready(store: Store, view: View) -> bool:
    """Return whether the cluster is ready, or was so that the shop was migrated there."""
    migrated = [part.condition(SCHEMA_MIGRATED) for part in store.parts]
    live = view.get(store.percona_cluster) or {}
    state = live.get("status", {}).get("state")
    return state == "ready" or any(one is not None and one.status == "True" for one in migrated)


def _cluster(store: Store, percona: Percona, view: View) -> Manifest:
    spec: Manifest = {
        "enableVolumeExpansion": True,
        "tls": {"enabled": True},
        # The images are those of the spec; nobody else chooses newer ones.
        "upgradeOptions": {"apply": "disabled"},
        "initContainer": {"containerSecurityContext": _container()},
        "pxc": {
            "size": percona.size,
            "image": percona.image,
            "autoRecovery": True,
            "resources": {
                "requests": percona.resources.manifest(),
                "limits": {"memory": percona.resources.memory},
            },
            "volumeSpec": {"persistentVolumeClaim": _claim(percona)},
            **_node(percona),
        },
        "haproxy": {
            "enabled": True,
            "size": percona.haproxy.size,
            "image": percona.haproxy.image,
            # They would lead a third of the reads to the node that is written to.
            **(
                {"exposeReplicas": {"enabled": True, "onlyReaders": True}}
                if percona.read_from_replicas
                else {}
            ),
            **_node(percona),
        },
        "users": _users(store, view),
        "backup": {"image": percona.backup_image, "imagePullPolicy": PULL},
    }
    if store.spec.hibernated:
        spec["pause"] = True
    if percona.cr_version:
        spec["crVersion"] = percona.cr_version
    if percona.backup_storages:
        storages = {one.name: _storage(one) for one in percona.backup_storages}
        spec["backup"]["storages"] = storages
    manifest = child(store, store.percona_cluster, COMPONENT, spec=spec)
    manifest["metadata"]["finalizers"] = [IN_ORDER]
    return manifest


def _users(store: Store, view: View) -> list[Manifest]:
    """Return the whole shop's user, with rights to all schemas, and each service's to its own."""
    whole = _connection(store)
    services = store.services if makes_service_users(store, view) else ()
    ways = [whole, *(of_service(one, whole) for one in services)]
    return [
        {
            "name": way.user,
            "dbs": [one.schema for one in (ways if way is whole else [way])],
            "hosts": ["%"],
            "grants": ["ALL"],
            "passwordSecretRef": {"name": way.password[0], "key": way.password[1]},
        }
        for way in ways
    ]


def _claim(percona: Percona) -> Manifest:
    claim: Manifest = {"resources": {"requests": {"storage": percona.storage.size}}}
    if percona.storage.storage_class_name:
        claim["storageClassName"] = percona.storage.storage_class_name
    return claim


def _storage(storage: BackupStorage) -> Manifest:
    s3: Manifest = {
        "bucket": storage.s3.bucket,
        "credentialsSecret": storage.s3.credentials_secret,
    }
    if storage.s3.region:
        s3["region"] = storage.s3.region
    if storage.s3.endpoint_url:
        s3["endpointUrl"] = storage.s3.endpoint_url
    return {"type": "s3", "s3": s3, "containerSecurityContext": _container()}


def _node(percona: Percona) -> Manifest:
    """Return what the pods of nodes and proxies share: where they run, and under which rights.

    Source: Kubernetes, "Pod Security Standards", restricted.
    """
    return {
        "imagePullPolicy": PULL,
        "affinity": {"antiAffinityTopologyKey": percona.spread_over.value},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "podSecurityContext": {
            "runAsNonRoot": True,
            "fsGroup": MYSQL,
            "supplementalGroups": [MYSQL],
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": _container(),
    }


def _container() -> Manifest:
    """Return a container's rights; Percona's images write into their own file system."""
    rights = {
        name: value
        for name, value in container_security().items()
        if name != "readOnlyRootFilesystem"
    }
    return {"runAsNonRoot": True, "runAsUser": MYSQL, "runAsGroup": MYSQL, **rights}


def _connection(store: Store) -> Connection:
    host = f"{store.percona_cluster.name}-haproxy"
    return Connection(
        host=host,
        port=PORT,
        schema=EMBEDDED_SCHEMA,
        tls="required",
        login=None,
        password=(store.secret.name, DATABASE_PASSWORD),
        reader=Reader(f"{host}-replicas", REPLICAS_POD_PORT) if reads_replicas(store) else None,
    )


def _probe(store: Store) -> Probe:
    name = store.percona_cluster.name
    look = f"look at PerconaXtraDBCluster {store.namespace}/{name} and at its pods"
    user = (
        f"see that Percona's operator made user and schema of {name}'s spec.users, and that "
        f'nobody changed the password of key "{DATABASE_PASSWORD}" of Secret '
        f"{store.namespace}/{store.secret.name}"
    )
    return Probe(
        _connection(store),
        {
            "database unreachable": look,
            "database access denied": user,
            "database schema unknown": user,
            "database read-only": look,
            "database certificate untrusted": look,
            "database certificate expired": look,
            "database certificate of another name": look,
            "database without TLS": look,
            "database wants TLS": look,
            "database TLS failed": look,
        },
    )
