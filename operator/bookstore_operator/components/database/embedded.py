"""An embedded database: a single MySQL beside the store, for trying things."""

from typing import ClassVar

from bookstore_operator.api.spec import EmbeddedDatabase as Embedded
from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import (
    DATABASE_PASSWORD,
    EMBEDDED_SCHEMA,
    EMBEDDED_USER,
    INIT_SQL,
    config_hash,
)
from bookstore_operator.components.database.connection import PORT
from bookstore_operator.components.pods import explain
from bookstore_operator.components.storage import dynamic_claim, judge_claim
from bookstore_operator.kinds import POD, Manifest, Ref
from bookstore_operator.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    decoded,
    from_secret,
    pod_security,
    scratch,
)
from bookstore_operator.observed import Observed, Query
from bookstore_operator.store import Store
from bookstore_operator.verdict import Verdict, ready, waiting

COMPONENT = "database"
DATA = "/var/lib/mysql"
INIT_FILE = "/etc/bookstore/mysql-init.sql"

START = f"""\
set -- mysqld --innodb-buffer-pool-size=128M --loose-performance-schema=OFF --loose-mysqlx=OFF
if [ -d {DATA}/mysql ]; then set -- "$@" --init-file={INIT_FILE}; fi
exec docker-entrypoint.sh "$@"
"""
"""The image's entrypoint makes the user when it makes the data directory, in which no account can
be made by an init file; from the second start on the init file keeps it in step with the Secret."""

LOGIN = f"""\
MYSQL_PWD="$MYSQL_PASSWORD" exec mysqladmin --host=127.0.0.1 --user={EMBEDDED_USER} status
"""


class EmbeddedDatabase(Component):
    """Run one MySQL on a claim that outlives the store where its policy says so."""

    condition: ClassVar = ConditionType.DATABASE_READY
    awaited: ClassVar = Reason.WAITING_FOR_DATABASE
    requires: ClassVar = (ConditionType.CREDENTIALS_READY,)

    def observes(self, store: Store) -> list[Ref]:
        """Return claim, Service and StatefulSet."""
        return [store.database_claim, store.database_service, store.database]

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:
        """Return claim, Service and StatefulSet."""
        embedded = _spec(store)
        claim = dynamic_claim(store, store.database_claim, COMPONENT, embedded.storage)
        return [claim, _service(store), _stateful_set(store, embedded, seen)]

    def inquires(self, store: Store, seen: Observed) -> list[Query]:
        """Return the pods while the server does not take connections."""
        return [] if _is_up(seen.get(store.database)) else [_pods(store)]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge whether the server takes connections, and why not."""
        if _is_up(seen.get(store.database)):
            return ready(f"{store.database_service.name} takes connections.")
        claim = judge_claim(store.database_claim, store.database, seen)
        if not claim.ready and claim.holds:
            return claim
        image, field = _spec(store).image, "spec.database.embedded.image"
        fault = explain(seen.found(_pods(store)), image, field, seen.now)
        return fault or waiting(Reason.DATABASE_STARTING, "The embedded MySQL is starting.")


def _spec(store: Store) -> Embedded:
    return store.spec.database.embedded or Embedded()


def _pods(store: Store) -> Query:
    return Query.of(POD, store.selector(COMPONENT))


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
        COMPONENT,
        spec={
            "type": "ClusterIP",
            "selector": store.selector(COMPONENT),
            "ports": [{"name": "mysql", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    )


def _stateful_set(store: Store, embedded: Embedded, seen: Observed) -> Manifest:
    init_sql = decoded(seen.get(store.secret) or {}, INIT_SQL)
    digest = config_hash(store, seen, init_sql)
    volumes, mounts = scratch(tmp="/tmp", run="/var/run/mysqld")  # noqa: S108 - the container's
    secret_file = {
        "secretName": store.secret.name,
        "items": [{"key": INIT_SQL, "path": "mysql-init.sql"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": 60,
        "containers": [
            {
                "name": "mysql",
                "image": embedded.image,
                "command": ["sh", "-c", START],
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
        COMPONENT,
        spec={
            "replicas": 1,
            "serviceName": store.database_service.name,
            "selector": {"matchLabels": store.selector(COMPONENT)},
            "template": {
                "metadata": {
                    "labels": store.labels(COMPONENT),
                    "annotations": {CONFIG_HASH: digest},
                },
                "spec": pod,
            },
        },
    )
