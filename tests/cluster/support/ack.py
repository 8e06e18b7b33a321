"""ACK's controller for RDS, played step by step on its kind, with the shared MySQL as RDS.

No registry of packages has the controller. Its kind is written down here as far as the operator
uses it: the fields of the spec that it sets, and those of the status that it reads.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.mysql import MySQL, service
from tests.support.poll import eventually

GROUP, VERSION, PLURAL = "rds.services.k8s.aws", "v1alpha1", "dbinstances"
FINALIZER = f"finalizers.{GROUP}/DBInstance"
DELETION_POLICY = "services.k8s.aws/deletion-policy"
SKIP_SNAPSHOT = f"{GROUP}/skip-final-snapshot"
SNAPSHOT = f"{GROUP}/final-db-snapshot-identifier"

TEXT, NUMBER, FLAG = ({"type": kind} for kind in ("string", "integer", "boolean"))
SPEC: dict[str, Manifest] = {
    **dict.fromkeys(
        (
            "dbInstanceClass",
            "dbInstanceIdentifier",
            "dbName",
            "dbSubnetGroupName",
            "engine",
            "engineVersion",
            "kmsKeyID",
            "masterUsername",
        ),
        TEXT,
    ),
    **dict.fromkeys(
        ("allocatedStorage", "backupRetentionPeriod", "maxAllocatedStorage", "port"), NUMBER
    ),
    **dict.fromkeys(
        (
            "copyTagsToSnapshot",
            "deletionProtection",
            "multiAZ",
            "publiclyAccessible",
            "storageEncrypted",
        ),
        FLAG,
    ),
    "masterUserPassword": {
        "type": "object",
        "required": ["key"],
        "properties": dict.fromkeys(("key", "name", "namespace"), TEXT),
        "x-kubernetes-map-type": "atomic",
    },
    "vpcSecurityGroupIDs": {"type": "array", "items": TEXT},
}
CONDITION: Manifest = {
    "type": "object",
    "required": ["status", "type"],
    "properties": dict.fromkeys(("message", "reason", "status", "type"), TEXT)
    | {"lastTransitionTime": {"type": "string", "format": "date-time"}},
}
STATUS: dict[str, Manifest] = {
    "conditions": {"type": "array", "items": CONDITION},
    "dbInstanceStatus": TEXT,
    "endpoint": {"type": "object", "properties": {"address": TEXT, "port": NUMBER}},
}


def definition() -> Manifest:
    """Return the definition of the kind, as far as it is used."""
    spec = {
        "type": "object",
        "required": ["dbInstanceClass", "dbInstanceIdentifier", "engine"],
        "properties": SPEC,
    }
    status = {"type": "object", "properties": STATUS}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": "DBInstance", "plural": PLURAL},
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


@contextmanager
def served(kube: Kube) -> Iterator[None]:
    """Let the cluster serve DBInstances; those that are left at the end go with their kind."""
    name = definition()["metadata"]["name"]
    kube.apply(definition())
    try:
        kube.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
        yield
    finally:
        kube.delete("CustomResourceDefinition", "", name)

        def gone() -> None:
            # Asked for first: without it, nothing of its kind can be listed.
            if kube.find("CustomResourceDefinition", "", name) is None:
                return
            for left in kube.list("DBInstance"):
                _release(kube, left)
            raise AssertionError("DBInstances are served")

        eventually(gone, within=60)


class Ack:
    """The controller of the one DBInstance of a namespace.

    Attributes:
        snapshots: The last snapshots that RDS made of instances, by their identifiers.
    """

    def __init__(self, kube: Kube, mysql: MySQL, namespace: str) -> None:
        self.kube = kube
        self.snapshots: dict[str, str] = {}
        self._mysql = mysql
        self._namespace = namespace

    def asked(self) -> Manifest:
        """Return the DBInstance once it is there."""

        def there() -> Manifest:
            found = self.kube.list("DBInstance", self._namespace)
            assert len(found) == 1, f"{len(found)} DBInstances"
            return found[0]

        return eventually(there, within=60)

    def create(self) -> Manifest:
        """Take the DBInstance in, and have RDS begin with the instance."""
        live = self.asked()
        self._edit(live, {"metadata": {"finalizers": [FINALIZER]}})
        self._tell(live, "creating", ("ACK.ResourceSynced", "False", ""))
        return live

    def give_up(self, sentence: str) -> None:
        """Write the conditions of a spec that RDS refuses; ACK counts that as synced."""
        told = ("ACK.Terminal", "True", sentence), ("ACK.ResourceSynced", "True", "")
        self._tell(self.asked(), None, *told)

    def provide(self) -> str:
        """Have the instance, with the password that the spec points at, and return its address."""
        live = self.asked()
        spec, name = live["spec"], live["spec"]["dbInstanceIdentifier"]
        who, password = f"'{spec['masterUsername']}'@'%'", self._password(live)
        self._mysql.run(
            f"CREATE DATABASE IF NOT EXISTS {spec['dbName']};"
            f"CREATE USER IF NOT EXISTS {who};"
            f"ALTER USER {who} IDENTIFIED BY '{password}';"
            f"GRANT ALL ON {spec['dbName']}.* TO {who};"
        )
        self.kube.apply(service(self._mysql.namespace, name))
        address = f"{name}.{self._mysql.namespace}.svc"
        endpoint = {"address": address, "port": 3306}
        self._tell(live, "available", ("ACK.ResourceSynced", "True", ""), endpoint=endpoint)
        return address

    def delete(self) -> None:
        """Wait until the DBInstance is to go, and do with the instance what its notes say."""

        def leaving() -> Manifest:
            live = self.asked()
            assert "deletionTimestamp" in live["metadata"], "nobody deletes the DBInstance"
            return live

        live = eventually(leaving, within=60)
        notes, name = live["metadata"]["annotations"], live["spec"]["dbInstanceIdentifier"]
        if notes[DELETION_POLICY] == "delete":
            assert not live["spec"]["deletionProtection"], "RDS refuses to delete the instance"
            # What is not said is true: then there is no snapshot.
            if notes.get(SKIP_SNAPSHOT, "true") == "false":
                self.snapshots[name] = notes[SNAPSHOT]
            self.discard(live)
        _release(self.kube, live)

    def discard(self, live: Manifest) -> None:
        """Take the instance out of the world."""
        spec = live["spec"]
        self._mysql.run(
            f"DROP DATABASE IF EXISTS {spec['dbName']};"
            f"DROP USER IF EXISTS '{spec['masterUsername']}'@'%';"
        )
        self.kube.delete("Service", self._mysql.namespace, spec["dbInstanceIdentifier"])

    def _password(self, live: Manifest) -> str:
        where = live["spec"]["masterUserPassword"]
        data = self.kube.get("Secret", where["namespace"], where["name"])["data"]
        return base64.b64decode(data[where["key"]]).decode()

    def _tell(
        self, live: Manifest, state: str | None, *conditions: tuple[str, str, str], **more: Manifest
    ) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = [
            {"type": kind, "status": status, "message": message, "lastTransitionTime": now}
            for kind, status, message in conditions
        ]
        status = {"dbInstanceStatus": state, "conditions": told, **more}
        self._edit(live, {"status": status}, "/status")

    def _edit(self, live: Manifest, body: Manifest, subresource: str = "") -> None:
        name = live["metadata"]["name"]
        self.kube.patch("DBInstance", self._namespace, name, body, subresource)


def _release(kube: Kube, live: Manifest) -> None:
    meta = live["metadata"]
    unheld = {"metadata": {"finalizers": None}}
    kube.patch("DBInstance", meta["namespace"], meta["name"], unheld)
