"""A replicated MySQL of Percona's operator: what is asked for, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_operator.components.credentials import Credentials
from bookstore_operator.components.database.connection import Connection, of_service
from bookstore_operator.components.database.database import (
    DATABASE_ACCESS_DENIED,
    DATABASE_FAILED,
    DATABASE_PROVISIONING,
)
from bookstore_operator.components.database.percona import PerconaDatabase
from bookstore_operator.components.database.probe import Readiness
from bookstore_operator.components.manifests import decoded
from bookstore_operator.components.revision import environment
from bookstore_operator.components.shop import SCHEMA_MIGRATED, WEB_READY, web_pods
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import parsed, play, put, seen, store

LONG_AGO = "2026-01-01T11:00:00Z"
IN_ORDER, WITH_VOLUMES = "percona.com/delete-pxc-pods-in-order", "percona.com/delete-pxc-pvc"


def on_percona(*, migrated: bool = False, policy: str = "Retain", **percona: Any) -> Store:
    told = [
        {
            "type": str(kind),
            "status": status,
            "reason": "R",
            "message": "M.",
            "observedGeneration": 1,
            "lastTransitionTime": LONG_AGO,
        }
        for kind, status in ((SCHEMA_MIGRATED, "True"), (WEB_READY, "False"))
    ]
    status = {"conditions": told} if migrated else None
    return store(status=status, database={"percona": percona}, deletionPolicy=policy)


def cluster(root: Store, **parts: Any) -> Manifest:
    metadata = {
        "name": root.percona_cluster.name,
        "namespace": "books",
        "labels": root.labels("database"),
        "ownerReferences": [root.owner()],
    }
    body = {"apiVersion": "pxc.percona.com/v1", "kind": "PerconaXtraDBCluster"}
    return {**body, "metadata": metadata | parts.pop("metadata", {}), **parts}


def wanted(root: Store) -> Manifest:
    (made,) = PerconaDatabase().children(root, seen(root))
    return made


def test_percona_s_operator_is_told_that_the_password_may_be_another() -> None:
    """It looks for a change in a Secret only where that has an annotation of any kind."""
    root = on_percona()
    (made,) = Credentials().children(root, seen(root))
    assert made["metadata"]["annotations"] == {"bookstore.dev/database-user": "bookstore"}


def judged(root: Store, **status: Any) -> Verdict:
    return PerconaDatabase().judge(root, seen(root, cluster(root, status=status)))


def test_a_cluster_that_is_not_there_is_waited_for() -> None:
    root = on_percona()
    verdict = PerconaDatabase().judge(root, seen(root))
    assert (verdict.state, verdict.reason, verdict.holds) == (
        State.WAITING,
        DATABASE_PROVISIONING,
        True,
    )


@pytest.mark.parametrize("state", ["initializing", ""])
def test_a_cluster_that_starts_is_waited_for(state: str) -> None:
    verdict = judged(on_percona(), state=state)
    assert (verdict.state, verdict.reason, verdict.holds) == (
        State.WAITING,
        DATABASE_PROVISIONING,
        True,
    )


def test_a_cluster_that_is_ready_is_used() -> None:
    assert judged(on_percona(), state="ready").ready


def test_what_percona_s_operator_gives_up_is_told_in_its_words() -> None:
    message = ["pxc: image not found", "no quorum"]
    verdict = judged(on_percona(), state="error", message=message, **error_since(LONG_AGO))
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, DATABASE_FAILED, True)
    assert "pxc: image not found; no quorum; correct spec.database.percona" in verdict.message


def test_an_error_that_may_pass_is_waited_for() -> None:
    verdict = judged(
        on_percona(migrated=True),
        state="error",
        message=["Error: the object has been modified"],
        **error_since("2026-01-01T11:59:55Z"),
    )
    assert (verdict.state, verdict.reason, verdict.holds) == (
        State.WAITING,
        DATABASE_PROVISIONING,
        False,
    )
    assert verdict.again


def error_since(time: str) -> Manifest:
    before = {"type": "ready", "status": "True", "lastTransitionTime": LONG_AGO}
    error = {"type": "error", "status": "True", "lastTransitionTime": time}
    return {"conditions": [before, error]}


def test_a_cluster_that_somebody_paused_is_told() -> None:
    verdict = judged(on_percona(), state="paused")
    assert verdict.reason == DATABASE_FAILED
    assert "spec.pause to false" in verdict.message


def test_a_cluster_that_is_being_deleted_is_told() -> None:
    root = on_percona()
    gone = cluster(root, metadata={"deletionTimestamp": LONG_AGO})
    verdict = PerconaDatabase().judge(root, seen(root, gone))
    assert (verdict.state, verdict.reason) == (State.FAILED, DATABASE_FAILED)
    assert "is being deleted; it is made again on its volumes" in verdict.message


def test_the_cluster_of_a_hibernated_store_is_paused() -> None:
    root = store(database={"percona": {}}, state="Hibernated")
    assert wanted(root)["spec"]["pause"] is True
    assert "pause" not in wanted(on_percona())["spec"]


def test_a_cluster_that_replaces_a_node_holds_back_nothing_of_a_store_that_serves() -> None:
    verdict = judged(on_percona(migrated=True), state="initializing")
    assert (verdict.state, verdict.holds) == (State.WAITING, False)


def test_what_the_shop_says_of_a_cluster_that_is_ready_is_told() -> None:
    root = on_percona(migrated=True)
    view = seen(root, cluster(root, status={"state": "ready"}))
    web = {"apiVersion": "apps/v1", "kind": "Deployment"}
    put(view, {**web, "metadata": {"name": "shop", "namespace": "books"}})
    assert web_pods(root) in PerconaDatabase().queries(root, view)
    view.lists[web_pods(root)] = [{"metadata": {}, "status": {"podIP": "10.0.0.7"}}]
    view.facts = {Readiness("10.0.0.7"): "database access denied"}
    verdict = PerconaDatabase().judge(root, view)
    assert verdict.reason == DATABASE_ACCESS_DENIED
    assert "made user and schema" in verdict.message


def test_the_shop_goes_through_the_proxies_and_encrypted() -> None:
    root = on_percona()
    (found,) = PerconaDatabase().outputs(root, seen(root))
    assert isinstance(found, Connection)
    assert (found.host, found.port, found.tls) == ("shop-db-haproxy", 3306, "required")


def test_reads_go_to_the_writer_alone_where_nothing_is_said() -> None:
    root = on_percona()
    assert "exposeReplicas" not in wanted(root)["spec"]["haproxy"]
    assert "DB_READER_HOST" not in environment(root, played(root))


def test_reads_that_may_be_late_go_to_the_nodes_that_are_not_written_to() -> None:
    root = on_percona(readFromReplicas=True)
    replicas = wanted(root)["spec"]["haproxy"]["exposeReplicas"]
    assert replicas == {"enabled": True, "onlyReaders": True}
    told = environment(root, played(root))
    assert told["DB_READER_HOST"] == "shop-db-haproxy-replicas"
    assert told["DB_HOST"] == "shop-db-haproxy"


def test_the_catalogue_alone_of_the_services_is_told_of_replicas() -> None:
    root = store(topology="Microservices", database={"percona": {"readFromReplicas": True}})
    made = played(root)
    whole = made.output(Connection)
    readers = {str(part.part): of_service(part, whole).reader for part in root.services}
    assert readers == {"auth": None, "catalogue": whole.reader, "orders": None}


def test_migrations_and_backups_read_what_is_so() -> None:
    connection = played(on_percona(readFromReplicas=True)).output(Connection)
    assert connection.reader is not None
    assert "DB_READER_HOST" not in connection.settings()


def played(root: Store) -> View:
    view = seen(root)
    play(root, view)
    return view


def test_user_and_schema_are_made_with_the_generated_password() -> None:
    root = on_percona()
    view: View = seen(root)
    (secret,) = Credentials().children(root, view)
    (user,) = wanted(root)["spec"]["users"]
    assert (user["name"], user["dbs"], user["hosts"]) == ("bookstore", ["bookstore"], ["%"])
    assert user["passwordSecretRef"]["name"] == secret["metadata"]["name"]
    assert decoded(secret, user["passwordSecretRef"]["key"])


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_a_cluster_that_somebody_deletes_leaves_its_volumes_while_the_store_lives(
    policy: str,
) -> None:
    assert wanted(on_percona(policy=policy))["metadata"]["finalizers"] == [IN_ORDER]


def test_the_policy_decides_over_the_volumes_at_the_end() -> None:
    there = [IN_ORDER, "example.com/theirs"]
    kept = on_percona()
    live = cluster(kept, metadata={"finalizers": there})
    assert PerconaDatabase().final_patches(kept, seen(kept, live)) == []
    gone = on_percona(policy="Delete")
    (patch,) = PerconaDatabase().final_patches(gone, seen(gone, live))
    assert patch.body["metadata"]["finalizers"] == [*there, WITH_VOLUMES]
    marked = cluster(gone, metadata={"finalizers": [*there, WITH_VOLUMES]})
    assert PerconaDatabase().final_patches(gone, seen(gone, marked)) == []


def test_nothing_is_changed_of_a_cluster_that_is_being_deleted() -> None:
    root = on_percona(policy="Delete")
    live = cluster(root, metadata={"deletionTimestamp": LONG_AGO, "finalizers": [IN_ORDER]})
    assert PerconaDatabase().final_patches(root, seen(root, live)) == []


def test_every_container_keeps_to_the_restricted_standard() -> None:
    spec = wanted(on_percona())["spec"]
    for part in (spec["pxc"], spec["haproxy"]):
        assert part["podSecurityContext"]["runAsNonRoot"] is True
        assert part["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert part["containerSecurityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert part["containerSecurityContext"]["allowPrivilegeEscalation"] is False
    init = spec["initContainer"]["containerSecurityContext"]
    assert init["capabilities"] == {"drop": ["ALL"]}


names = st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)


@given(names)
def test_a_cluster_s_name_is_one_that_percona_takes(name: str) -> None:
    found = named(name)
    assert len(found) <= 22
    assert found[0].isalpha()
    assert found[-1].isalnum()


def test_stores_with_a_long_beginning_in_common_have_clusters_of_their_own() -> None:
    assert len({named(f"{'a' * 30}{number}") for number in range(9)}) == 9


def named(name: str) -> str:
    body = {
        "metadata": {"name": name},
        "spec": {"image": "a", "database": {"percona": {}}, "storage": {"claim": {}}},
    }
    return parsed(body).percona_cluster.name


def test_a_store_without_a_word_gets_three_nodes_and_two_proxies() -> None:
    spec = wanted(on_percona())["spec"]
    assert (spec["pxc"]["size"], spec["haproxy"]["size"]) == (3, 2)
    assert "storages" not in spec["backup"]
    assert "crVersion" not in spec, "Percona's operator fills in its own"
