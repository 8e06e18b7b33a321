"""An embedded database: a single MySQL beside the store, for trying things."""

from typing import ClassVar

from bookstore_operator.api.spec import EmbeddedDatabase as Embedded
from bookstore_operator.components import volumes
from bookstore_operator.components.credentials import (
    CREDENTIALS_READY,
    DATABASE_PASSWORD,
    INIT_SQL,
    config_hash,
    makes_service_users,
)
from bookstore_operator.components.database.connection import PORT, Connection
from bookstore_operator.components.database.database import (
    DATABASE_READY,
    DATABASE_STARTING,
    WAITING_FOR_DATABASE,
    status,
)
from bookstore_operator.components.initsql import EMBEDDED_SCHEMA, EMBEDDED_USER
from bookstore_operator.components.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    decoded,
    from_secret,
    pod_security,
    scratch,
)
from bookstore_operator.components.placement import placed
from bookstore_operator.components.pods import REASONS, explain, wants_explanation
from bookstore_operator.components.shop import DATABASE
from bookstore_operator.components.volumes import DataVolume
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.verdict import Verdict, asleep, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.kinds import (
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SERVICE,
    STATEFUL_SET,
)
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

DATA = "/var/lib/mysql"
INIT_FILE = "/etc/bookstore/mysql-init.sql"

START = f"""\
set -- mysqld --innodb-buffer-pool-size=128M --loose-performance-schema=OFF --loose-mysqlx=OFF
if [ -d {DATA}/mysql ]; then set -- "$@" --init-file={INIT_FILE}; fi
exec docker-entrypoint.sh "$@"
"""
"""The image's entrypoint makes the user when it makes the data directory, in which no account can
be made by an init file; from the second start on the init file keeps it in step with the Secret."""

START_SERVICES = f"""\
set -- mysqld --innodb-buffer-pool-size=128M --loose-performance-schema=OFF --loose-mysqlx=OFF
[ -d {DATA}/mysql ] || "$@" --initialize-insecure
exec docker-entrypoint.sh "$@" --init-file={INIT_FILE}
"""
"""The services' users have to be there at the first start already, and the entrypoint makes one
alone. Of a data directory that is there it makes nothing: the init file does."""

LOGIN = f"""\
MYSQL_PWD="$MYSQL_PASSWORD" exec mysqladmin --host=127.0.0.1 --user={EMBEDDED_USER} status
"""


class EmbeddedDatabase(Component[Store]):
    """Run one MySQL on a claim that outlives the store where its policy says so."""

    condition: ClassVar = DATABASE_READY
    awaited: ClassVar = WAITING_FOR_DATABASE
    kinds: ClassVar = (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, SERVICE, STATEFUL_SET)
    reads: ClassVar = (POD,)
    reasons: ClassVar = (DATABASE_STARTING, *REASONS, *volumes.REASONS)
    events: ClassVar = (volumes.VOLUME_REATTACHED,)
    requires: ClassVar = (CREDENTIALS_READY,)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this mode."""
        return root.spec.database.embedded is not None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:  # noqa: ARG002
        """Return the connection."""
        connection = Connection(
            host=root.database_service.name,
            port=PORT,
            schema=EMBEDDED_SCHEMA,
            tls="required",
            login=None,
            password=(root.secret.name, DATABASE_PASSWORD),
        )
        return (connection,)

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return the claim's volume."""
        return _volume(root).references(root, view)

    def patches(self, root: Store, view: View) -> list[Patch]:
        """Return what keeps the volume, or frees it for a claim that is made again."""
        return _volume(root).patches(root, view)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return claim, Service and StatefulSet; a lost volume leaves the server as it is."""
        claim = _volume(root).manifests(root, view)
        return [*claim, _service(root), _stateful_set(root, _spec(root), view)]

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods while the server does not take connections."""
        explains = wants_explanation(root, DATABASE_READY, view.now) and not root.spec.hibernated
        return [_pods(root)] if explains and not _is_up(view.get(root.database)) else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the server takes connections, and why not."""
        claim = _volume(root).judge(root, view)
        if not claim.ready and claim.reason != volumes.VOLUME_NOT_BOUND:
            return claim
        if root.spec.hibernated:
            return asleep(f"{root.database_service.name} rests until spec.state is Running.")
        if _is_up(view.get(root.database)):
            return ready(f"{root.database_service.name} takes connections.")
        if not claim.ready and claim.holds:
            return claim
        image, field = _spec(root).image, "spec.database.embedded.image"
        fault = explain(view.found(_pods(root)) or [], image, field, view.now)
        return fault or waiting(DATABASE_STARTING, "The embedded MySQL is starting.")

    def refused(self, root: Store, view: View, error: OperatorError) -> Verdict:
        """Return the judgement where the API server refused a child; a size holds nothing back."""
        return _volume(root).refused(view, error) or super().refused(root, view, error)

    def status(self, root: Store, view: View) -> Manifest:
        """Return mode and host of the database, and what is to be remembered of its volume."""
        return status(root, view) | _volume(root).status(root, view)

    def final_patches(self, root: Store, view: View) -> list[Patch]:
        """Return what lets the volume go with the store, where its data is to."""
        return _volume(root).final_patches(root, view)

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the claim, and the server that uses it."""
        return [] if root.retains_data else [root.database, root.database_claim]


def _volume(store: Store) -> DataVolume:
    return DataVolume(
        "database",
        DATABASE,
        store.database_claim,
        store.database,
        _spec(store).storage,
        "database.embedded.storage",
    )


def _spec(store: Store) -> Embedded:
    return store.spec.database.embedded or Embedded()


def _pods(store: Store) -> Query:
    return Query.of(POD, store.selector(DATABASE))


def _is_up(live: Manifest | None) -> bool:
    if live is None:
        return False
    status = live.get("status", {})
    seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
    return bool(seen and status.get("readyReplicas") and status.get("updatedReplicas"))


def _service(store: Store) -> Manifest:
    return child(
        store,
        store.database_service,
        DATABASE,
        spec={
            "type": "ClusterIP",
            "selector": store.selector(DATABASE),
            "ports": [{"name": "mysql", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    )


def _stateful_set(store: Store, embedded: Embedded, view: View) -> Manifest:
    init_sql = decoded(view.get(store.secret) or {}, INIT_SQL)
    digest = config_hash(store, view, init_sql)
    start = START_SERVICES if makes_service_users(store, view) else START
    volumes, mounts = scratch(tmp="/tmp", run="/var/run/mysqld")  # noqa: S108 - the container's
    secret_file = {
        "secretName": store.secret.name,
        "items": [{"key": INIT_SQL, "path": "mysql-init.sql"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        **placed(store),
        "terminationGracePeriodSeconds": 60,
        "containers": [
            {
                "name": "mysql",
                "image": embedded.image,
                "command": ["sh", "-c", start],
                "env": [
                    # root has no password, and can log in from within the pod alone.
                    {"name": "MYSQL_ALLOW_EMPTY_PASSWORD", "value": "yes"},
                    {"name": "MYSQL_ROOT_HOST", "value": "localhost"},
                    {"name": "MYSQL_DATABASE", "value": EMBEDDED_SCHEMA},
                    {"name": "MYSQL_USER", "value": EMBEDDED_USER},
                    from_secret("MYSQL_PASSWORD", store.secret.name, DATABASE_PASSWORD),
                ],
                "ports": [{"name": "mysql", "containerPort": PORT, "protocol": "TCP"}],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "384Mi"},
                    "limits": {"memory": "1Gi"},
                },
                "securityContext": container_security(),
                "readinessProbe": {
                    # `status` logs in, where `ping` is content with a refusal.
                    "exec": {"command": ["sh", "-c", LOGIN]},
                    "periodSeconds": 2,
                    "timeoutSeconds": 5,
                    "failureThreshold": 3,
                },
                "volumeMounts": [
                    # Below the volume's root, where some file systems keep lost+found.
                    {"name": "data", "mountPath": DATA, "subPath": "mysql"},
                    {
                        "name": "init",
                        "mountPath": INIT_FILE,
                        "subPath": "mysql-init.sql",
                        "readOnly": True,
                    },
                    *mounts,
                ],
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": store.database_claim.name}},
            {"name": "init", "secret": secret_file},
            *volumes,
        ],
    }
    return child(
        store,
        store.database,
        DATABASE,
        spec={
            "replicas": 0 if store.spec.hibernated else 1,
            # A pod that never gets ready, for a bad image, must not keep its successor away.
            "podManagementPolicy": "Parallel",
            "serviceName": store.database_service.name,
            "selector": {"matchLabels": store.selector(DATABASE)},
            "template": {
                "metadata": {
                    "labels": store.labels(DATABASE),
                    "annotations": {CONFIG_HASH: digest},
                },
                "spec": pod,
            },
        },
    )
