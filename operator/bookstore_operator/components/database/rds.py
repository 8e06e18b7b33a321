"""A database on Amazon RDS, which the ACK controller makes of a DBInstance.

Sources: ACK, "Retain AWS Resources after CR Deletion" and "Conditions"; the annotations of its RDS
controller; Amazon RDS API Reference, CreateDBInstance.
"""

import hashlib
import re
from datetime import datetime
from typing import ClassVar

from bookstore_operator.api.rds import RdsDatabase as Rds
from bookstore_operator.components.credentials import (
    CREDENTIALS_READY,
    DATABASE_PASSWORD,
    password_key,
)
from bookstore_operator.components.database.connection import PORT, Authority, Connection
from bookstore_operator.components.database.database import (
    DATABASE_FAILED,
    DATABASE_PROVISIONING,
    DATABASE_READY,
    OBSTACLE_REASONS,
    WAITING_FOR_DATABASE,
    status,
)
from bookstore_operator.components.database.probe import Probe
from bookstore_operator.components.initsql import EMBEDDED_SCHEMA, EMBEDDED_USER
from bookstore_operator.components.manifests import decoded, unowned
from bookstore_operator.engine.component import Component, Patch, Question
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest, Ref, is_terminating
from bookstore_operator.kube.thirdparty import DB_INSTANCE
from bookstore_operator.store import Store

COMPONENT = "database"
PATH = "spec.database.rds"
DELETION_POLICY = "services.k8s.aws/deletion-policy"
ADOPTION_POLICY = "services.k8s.aws/adoption-policy"
SKIP_SNAPSHOT = "rds.services.k8s.aws/skip-final-snapshot"
SNAPSHOT = "rds.services.k8s.aws/final-db-snapshot-identifier"

PATIENCE = 300.0
"""Seconds that ACK may try again at something before that needs a hand, such as a missing right."""

UNUSABLE = re.compile(r"failed|stopped|stopping|storage-full|restore-error|in(compatible|access).*")
"""What RDS calls an instance that does not serve and needs a hand. Source: Amazon RDS User Guide,
"Viewing Amazon RDS DB instance status"."""


class RdsDatabase(Component[Store]):
    """Keep a DBInstance, and use the server that ACK makes of it."""

    condition: ClassVar = DATABASE_READY
    awaited: ClassVar = WAITING_FOR_DATABASE
    kinds: ClassVar = (DB_INSTANCE,)
    reads: ClassVar = (POD,)
    reasons: ClassVar = (DATABASE_PROVISIONING, DATABASE_FAILED, *OBSTACLE_REASONS)
    requires: ClassVar = (CREDENTIALS_READY,)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this mode."""
        return root.spec.database.rds is not None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the connection; its host is empty until RDS has given one."""
        return (_connection(root, view),)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the DBInstance; what RDS writes in a form of its own stays as RDS has it."""
        rds = root.spec.database.rds
        return [_instance(root, rds, view)] if rds else []

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods that may know why the server cannot be used."""
        return _probe(root, view).queries(root, view) if _host(root, view) else []

    def questions(self, root: Store, view: View) -> list[Question]:
        """Return what the pods are asked that run and are not ready."""
        return _probe(root, view).questions(root, view) if _host(root, view) else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge by what ACK says of the instance, then by what the shop says of the server."""
        live, host = view.get(root.rds_instance), _host(root, view)
        where = f"RDS instance {identifier(root)}"
        if live is None:
            return waiting(DATABASE_PROVISIONING, f"{where} is about to be made.", holds=not host)
        if is_terminating(live):
            text = f"{root.rds_instance} is being deleted by somebody"
            fix = f"{where} stays on RDS, and ACK takes it again once the DBInstance is made anew"
            return failed(DATABASE_FAILED, f"{text}; {fix}", holds=not host)
        fault = _fault_of_ack(live, where, view.now)
        if fault is not None:
            return fault
        state = str(live.get("status", {}).get("dbInstanceStatus") or "creating")
        if UNUSABLE.fullmatch(state):
            text = f"{where} is {state}; see to it in the RDS console"
            return failed(DATABASE_FAILED, text, holds=not host)
        if not _endpoint(live) or state == "creating":
            text = f"{where} is {state}; RDS takes some minutes."
            return waiting(DATABASE_PROVISIONING, text, holds=not host)
        return _probe(root, view).obstacle(root, view) or ready(f"{where} is at {host}.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return mode and host of the database."""
        return status(root, view)

    def final_patches(self, root: Store, view: View) -> list[Patch]:
        """Return what tells ACK, which deletes the instance itself, what is to become of it."""
        live = view.get(root.rds_instance)
        if not root.spec.database.rds or live is None:
            return []
        notes = _notes(root, "retain" if root.retains_data else "delete")
        if notes.items() <= live["metadata"].get("annotations", {}).items():
            return []
        return [Patch(root.rds_instance, {"metadata": {"annotations": notes}})]

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the DBInstance, which goes once RDS has made the last snapshot."""
        return [root.rds_instance]


def identifier(store: Store) -> str:
    """Return what RDS calls the instance: the same for the same namespace and name for ever."""
    rds = store.spec.database.rds
    if rds and rds.identifier:
        return rds.identifier
    whole = f"{store.namespace}/{store.name}"
    short = re.sub("-+", "-", f"{store.namespace[:20]}-{store.name[:24]}".strip("-"))
    # A namespace may begin with a digit, which an identifier may not.
    return f"b-{short}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _notes(store: Store, policy: str) -> dict[str, str]:
    """Return the annotations that tell ACK what to do when the DBInstance is deleted."""
    unique = hashlib.sha256(store.uid.encode()).hexdigest()[:8]
    return {
        DELETION_POLICY: policy,
        SKIP_SNAPSHOT: "false",
        SNAPSHOT: f"{identifier(store)}-final-{unique}",
    }


def _instance(store: Store, rds: Rds, view: View) -> Manifest:
    live = view.get(store.rds_instance)
    before: Manifest = (live or {}).get("spec", {})
    password = decoded(view.get(store.secret) or {}, DATABASE_PASSWORD) or ""
    spec: Manifest = {
        "dbInstanceIdentifier": identifier(store),
        "dbInstanceClass": rds.instance_class,
        "engine": "mysql",
        "engineVersion": _kept_version(rds.engine_version, before.get("engineVersion")),
        "allocatedStorage": _kept_storage(rds, before.get("allocatedStorage")),
        "dbName": EMBEDDED_SCHEMA,
        "masterUsername": EMBEDDED_USER,
        "masterUserPassword": {
            "namespace": store.namespace,
            "name": store.secret.name,
            "key": password_key(password),
        },
        "port": PORT,
        "multiAZ": rds.multi_az,
        "storageEncrypted": rds.storage_encrypted,
        "backupRetentionPeriod": rds.backup_retention_days,
        "copyTagsToSnapshot": True,
        "deletionProtection": rds.deletion_protection,
        "publiclyAccessible": False,
    }
    if rds.max_allocated_storage:
        spec["maxAllocatedStorage"] = rds.max_allocated_storage
    if rds.subnet_group_name:
        spec["dbSubnetGroupName"] = rds.subnet_group_name
    if rds.kms_key_id:
        spec["kmsKeyID"] = rds.kms_key_id
    if rds.security_group_ids:
        groups, there = list(rds.security_group_ids), before.get("vpcSecurityGroupIDs") or []
        spec["vpcSecurityGroupIDs"] = there if set(there) == set(groups) else groups
    manifest = unowned(store, store.rds_instance, COMPONENT, spec=spec)
    # While the store lives, a DBInstance that somebody deletes leaves the instance on RDS.
    notes = _notes(store, "retain")
    if _adopts(store, live):
        notes[ADOPTION_POLICY] = "adopt-or-create"
    manifest["metadata"]["annotations"] = notes
    return manifest


def _adopts(store: Store, live: Manifest | None) -> bool:
    """Return whether ACK is to take an instance that is there: only one that this store had."""
    if live is not None:
        return ADOPTION_POLICY in live["metadata"].get("annotations", {})
    return bool(store.status.database and store.status.database.host)


def _kept_version(wanted: str, there: str | None) -> str:
    """Return the minor version that RDS chose of a wanted major one, or the wanted version."""
    return there if there and there.startswith(f"{wanted}.") else wanted


def _kept_storage(rds: Rds, there: int | None) -> int:
    """Return the storage that RDS grew by itself, or the wanted one."""
    grown = there if there and rds.max_allocated_storage else 0
    return max(rds.allocated_storage, grown)


def _fault_of_ack(live: Manifest, where: str, now: datetime) -> Verdict | None:
    """Return the verdict where ACK cannot do what is asked, in ACK's own words.

    One that is terminal also counts as synced, so it is looked for first.
    """
    told = {one["type"]: one for one in live.get("status", {}).get("conditions", [])}
    holds = _endpoint(live) is None
    terminal = told.get("ACK.Terminal", {})
    if terminal.get("status") == "True":
        text = f"ACK gives {where} up: {_words(terminal)}; correct {PATH}, or what ACK names"
        return failed(DATABASE_FAILED, text, holds=holds)
    passing = told.get("ACK.Recoverable", {})
    if passing.get("status") != "True":
        return None
    since = passing.get("lastTransitionTime")
    age = (now - datetime.fromisoformat(since)).total_seconds() if since else 0.0
    text = f"ACK tries again at {where}: {_words(passing)}"
    if age > PATIENCE:
        return failed(DATABASE_FAILED, f"{text}; see to what ACK names", holds=holds)
    again = PATIENCE - age + 1.0
    return waiting(DATABASE_PROVISIONING, f"{text}.", holds=holds, again=again)


def _words(condition: Manifest) -> str:
    said = condition.get("message") or condition.get("reason") or "it gave no word"
    return " ".join(str(said).split()).rstrip(".")


def _endpoint(live: Manifest | None) -> str | None:
    found: str | None = ((live or {}).get("status", {}).get("endpoint") or {}).get("address")
    return found


def _host(store: Store, view: View) -> str:
    """Return the server's name: what ACK says, or said before where it says nothing now."""
    before = store.status.database
    return _endpoint(view.get(store.rds_instance)) or (before and before.host) or ""


def _connection(store: Store, view: View) -> Connection:
    rds = store.spec.database.rds
    ca = rds.ca_secret_ref if rds else None
    return Connection(
        host=_host(store, view),
        port=PORT,
        schema=EMBEDDED_SCHEMA,
        tls="verify-identity" if ca else "required",
        login=None,
        password=(store.secret.name, DATABASE_PASSWORD),
        authority=Authority(ca.name, ca.key) if ca else None,
    )


def _probe(store: Store, view: View) -> Probe:
    connection = _connection(store, view)
    ca = connection.authority
    bundle = f'key "{ca.key}" of Secret {store.namespace}/{ca.secret}' if ca else ""
    server = "see to it in the RDS console"
    return Probe(
        connection,
        {
            "database unreachable": f"see that {PATH}.securityGroupIds let the pods in at port "
            f"{PORT}, and that the pods reach the subnets of {PATH}.subnetGroupName",
            "database access denied": "wait while RDS takes the password in; where somebody "
            f'changed it there, set it to key "{DATABASE_PASSWORD}" of Secret '
            f"{store.namespace}/{store.secret.name}",
            "database schema unknown": "somebody dropped it; make it again, or restore a backup",
            "database read-only": "wait for RDS to end its failover, or raise the storage if that "
            "is full",
            "database certificate untrusted": f"put RDS' bundle of today into {bundle}",
            "database certificate expired": "let RDS rotate it, by the console",
            "database certificate of another name": server,
            "database without TLS": server,
            "database wants TLS": server,
            "database TLS failed": server,
        },
    )
