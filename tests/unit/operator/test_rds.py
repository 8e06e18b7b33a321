"""A database on RDS: what ACK is asked for, and what is said of what it tells."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_operator.components.credentials import Credentials
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.database.database import DATABASE_FAILED, DATABASE_PROVISIONING
from bookstore_operator.components.database.rds import RdsDatabase, identifier
from bookstore_operator.components.manifests import decoded
from bookstore_operator.components.migration import Migration
from bookstore_operator.components.web import Web
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import parsed, put, seen, store

RDS: Manifest = {"instanceClass": "db.t4g.medium", "deletionProtection": False}
LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:55Z"
HOST = "shop.abcdefghijkl.us-east-1.rds.amazonaws.com"


def on_rds(*, status: Manifest | None = None, policy: str = "Retain", **rds: Any) -> Store:
    return store(status=status, database={"rds": RDS | rds}, deletionPolicy=policy)


def wanted(root: Store, **spec: Any) -> Manifest:
    """Return the DBInstance that is wanted where one with such a spec is there."""
    view = seen(root, *([instance(root, spec=spec)] if spec else []))
    (made,) = RdsDatabase().children(root, view)
    return made


def instance(root: Store, **parts: Any) -> Manifest:
    metadata = {"name": "shop-rds", "namespace": "books", "labels": root.labels("database")}
    body = {"apiVersion": "rds.services.k8s.aws/v1alpha1", "kind": "DBInstance"}
    return {**body, "metadata": metadata | parts.pop("metadata", {}), **parts}


def told(*conditions: Manifest, endpoint: bool = False, state: str = "creating") -> Manifest:
    status: Manifest = {"conditions": list(conditions), "dbInstanceStatus": state}
    return status | ({"endpoint": {"address": HOST, "port": 3306}} if endpoint else {})


def condition(kind: str, message: str, since: str = JUST_NOW) -> Manifest:
    return {"type": kind, "status": "True", "message": message, "lastTransitionTime": since}


def judged(root: Store, status: Manifest | None, **metadata: Any) -> Verdict:
    view = seen(root, *([instance(root, status=status, metadata=metadata)] if status else []))
    return RdsDatabase().judge(root, view)


def generated(root: Store, view: View) -> tuple[Manifest, Manifest]:
    """Return the generated Secret, and how ACK is told to read the password in it."""
    (secret,) = Credentials().children(root, view)
    put(view, secret)
    (made,) = RdsDatabase().children(root, view)
    return secret, made["spec"]["masterUserPassword"]


def connection(root: Store, view: View) -> Connection:
    (found,) = RdsDatabase().outputs(root, view)
    assert isinstance(found, Connection)
    return found


def test_an_instance_that_is_not_there_is_waited_for() -> None:
    verdict = judged(on_rds(), None)
    assert (verdict.state, verdict.reason, verdict.holds) == (
        State.WAITING,
        DATABASE_PROVISIONING,
        True,
    )


def test_an_instance_that_rds_makes_is_waited_for() -> None:
    verdict = judged(on_rds(), told())
    assert (verdict.reason, verdict.holds) == (DATABASE_PROVISIONING, True)
    assert "is creating" in verdict.message


@pytest.mark.parametrize("state", ["available", "backing-up", "modifying", "storage-optimization"])
def test_an_instance_with_an_endpoint_is_used(state: str) -> None:
    verdict = judged(on_rds(), told(endpoint=True, state=state))
    assert verdict.ready
    assert HOST in verdict.message


def test_what_ack_gives_up_is_a_failure_in_its_words_though_it_says_synced() -> None:
    synced = condition("ACK.ResourceSynced", "")
    terminal = condition("ACK.Terminal", "InvalidParameterValue: no such class.")
    verdict = judged(on_rds(), told(synced, terminal))
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, DATABASE_FAILED, True)
    assert "InvalidParameterValue: no such class; correct spec.database.rds" in verdict.message


def test_a_change_that_ack_gives_up_holds_back_nothing_of_a_store_that_serves() -> None:
    terminal = condition("ACK.Terminal", "no")
    verdict = judged(on_rds(), told(terminal, endpoint=True, state="available"))
    assert (verdict.reason, verdict.holds) == (DATABASE_FAILED, False)


def test_what_ack_tries_again_is_waited_for_and_told_in_its_words() -> None:
    verdict = judged(on_rds(), told(condition("ACK.Recoverable", "Throttling: slow down")))
    assert (verdict.state, verdict.reason) == (State.WAITING, DATABASE_PROVISIONING)
    assert "Throttling: slow down" in verdict.message
    assert verdict.again


def test_what_ack_tries_again_in_vain_becomes_a_failure() -> None:
    denied = condition("ACK.Recoverable", "AccessDenied: rds:CreateDBInstance", LONG_AGO)
    verdict = judged(on_rds(), told(denied))
    assert (verdict.state, verdict.reason) == (State.FAILED, DATABASE_FAILED)
    assert "AccessDenied: rds:CreateDBInstance; see to what ACK names" in verdict.message


def test_an_error_of_ack_that_has_passed_is_none() -> None:
    passed = condition("ACK.Terminal", "") | {"status": "False"}
    assert judged(on_rds(), told(passed, endpoint=True, state="available")).ready


@pytest.mark.parametrize(
    "state",
    ["failed", "stopped", "storage-full", "incompatible-network", "inaccessible-encryption-x"],
)
def test_an_instance_that_does_not_serve_is_a_failure(state: str) -> None:
    verdict = judged(on_rds(), told(endpoint=True, state=state))
    assert (verdict.reason, verdict.holds) == (DATABASE_FAILED, False)
    assert f"is {state}" in verdict.message


def test_an_instance_that_somebody_deletes_is_told_at_once() -> None:
    status = told(endpoint=True, state="available")
    verdict = judged(on_rds(), status, deletionTimestamp=LONG_AGO)
    assert verdict.reason == DATABASE_FAILED
    assert "stays on RDS" in verdict.message


def test_the_endpoint_of_before_is_kept_while_ack_says_none() -> None:
    root = on_rds(status={"database": {"mode": "rds", "host": HOST}})
    assert connection(root, seen(root)).host == HOST
    assert not judged(root, told()).holds


def test_nothing_is_migrated_or_served_before_there_is_an_endpoint() -> None:
    root = on_rds()
    view = seen(root)
    assert not Migration().begun(root, view)
    assert not Web().begun(root, view)


def test_the_connection_is_encrypted_and_checked_where_there_is_a_bundle() -> None:
    plain = on_rds()
    assert connection(plain, seen(plain)).tls == "required"
    checked = on_rds(caSecretRef={"name": "rds-ca"})
    found = connection(checked, seen(checked))
    assert (found.tls, found.authority and found.authority.secret) == ("verify-identity", "rds-ca")


def test_the_password_is_generated_and_ack_reads_it_in_the_store_s_secret() -> None:
    root = on_rds()
    view = seen(root)
    view.token = lambda: "x" * 43
    secret, reference = generated(root, view)
    password = str(decoded(secret, "database-password"))
    assert 8 <= len(password) <= 41, "as RDS takes it"
    assert (reference["namespace"], reference["name"]) == ("books", "shop-secret")
    assert decoded(secret, reference["key"]) == password


def test_another_password_has_another_reference_which_is_all_that_ack_looks_at() -> None:
    root = on_rds()
    _, before = generated(root, seen(root))
    other = seen(root)
    other.token = lambda: "y" * 43
    _, after = generated(root, other)
    assert before["key"] != after["key"]


def test_the_minor_version_that_rds_chose_stays() -> None:
    assert wanted(on_rds(), engineVersion="8.4.5")["spec"]["engineVersion"] == "8.4.5"
    exact = on_rds(engineVersion="8.4.6")
    assert wanted(exact, engineVersion="8.4.5")["spec"]["engineVersion"] == "8.4.6"
    assert wanted(on_rds(), engineVersion="8.0.40")["spec"]["engineVersion"] == "8.4"


def test_the_storage_that_rds_grew_stays() -> None:
    grows = on_rds(maxAllocatedStorage=100)
    assert wanted(grows, allocatedStorage=40)["spec"]["allocatedStorage"] == 40
    assert wanted(on_rds(), allocatedStorage=40)["spec"]["allocatedStorage"] == 20


def test_the_order_of_security_groups_is_no_difference() -> None:
    groups = ["sg-0123456789abcdef0", "sg-0123456789abcdef1"]
    root = on_rds(securityGroupIds=groups)
    there = list(reversed(groups))
    assert wanted(root, vpcSecurityGroupIDs=there)["spec"]["vpcSecurityGroupIDs"] == there


@pytest.mark.parametrize(("policy", "said"), [("Retain", "retain"), ("Delete", "delete")])
def test_ack_is_told_what_is_to_become_of_the_instance(policy: str, said: str) -> None:
    root = on_rds(policy=policy)
    (patch,) = RdsDatabase().final_patches(root, seen(root, instance(root)))
    notes = patch.body["metadata"]["annotations"]
    assert notes["services.k8s.aws/deletion-policy"] == said
    assert notes["rds.services.k8s.aws/skip-final-snapshot"] == "false"
    snapshot = notes["rds.services.k8s.aws/final-db-snapshot-identifier"]
    assert snapshot.startswith(f"{identifier(root)}-final-")
    marked = instance(root, metadata={"annotations": notes})
    assert RdsDatabase().final_patches(root, seen(root, marked)) == []


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_an_instance_whose_object_somebody_deletes_stays_while_the_store_lives(
    policy: str,
) -> None:
    notes = wanted(on_rds(policy=policy))["metadata"]["annotations"]
    assert notes["services.k8s.aws/deletion-policy"] == "retain"


def test_ack_takes_an_instance_that_is_there_only_where_the_store_had_it() -> None:
    policy = "services.k8s.aws/adoption-policy"
    assert policy not in wanted(on_rds())["metadata"]["annotations"]
    root = on_rds(status={"database": {"mode": "rds", "host": HOST}})
    assert wanted(root)["metadata"]["annotations"][policy] == "adopt-or-create"
    assert policy not in wanted(root, engineVersion="8.4.5")["metadata"]["annotations"]


def test_the_instance_outlives_a_store_that_retains_its_data() -> None:
    made = wanted(on_rds())
    assert "ownerReferences" not in made["metadata"]


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)


@given(labels, names)
def test_an_identifier_is_one_that_rds_takes(namespace: str, name: str) -> None:
    body = {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "image": "a",
            "database": {"rds": RDS},
            "storage": {"claim": {}},
        },
    }
    found = identifier(parsed(body))
    assert set(found) <= set(string.ascii_lowercase + string.digits + "-")
    assert found[0].isalpha()
    assert len(found) <= 63
    assert not found.endswith("-")
    assert "--" not in found


def test_stores_of_other_namespaces_have_other_identifiers() -> None:
    long = "a" * 30
    spec = {"image": "a", "database": {"rds": RDS}, "storage": {"claim": {}}}
    found = {
        identifier(parsed({"metadata": {"namespace": f"{long}{one}", "name": "s"}, "spec": spec}))
        for one in range(9)
    }
    assert len(found) == 9
