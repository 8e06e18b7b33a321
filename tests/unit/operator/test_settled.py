"""Properties of the pass: whatever a store wants, a second pass over it writes and asks nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookstore_operator.api.spec import BookStoreSpec, StoreState
from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.controller import Controller
from bookstore_operator.engine.reconciler import Outcome
from bookstore_operator.engine.resource import child_kinds, referred_kinds
from bookstore_operator.engine.root import FINALIZER
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.store import BOOKSTORE
from tests.component.operator.cluster import Place
from tests.component.operator.controllers import play
from tests.component.operator.memory import kube_of
from tests.component.operator.server import Server
from tests.unit.operator.strategies import valid_services, valid_specs

RESOURCE = BookStores()
KEY = Ref(BOOKSTORE, "books", "shop")
STORE = (BOOKSTORE.plural, "books", "shop")
REFERRED = referred_kinds(RESOURCE)
CHILDREN = {kind.plural: kind for kind in child_kinds(RESOURCE)}
SETTINGS = settings(max_examples=25, deadline=None)


def running(spec: BookStoreSpec) -> Manifest:
    return spec.model_copy(update={"state": StoreState.RUNNING}).manifest()


SPECS = valid_specs().map(running)
ALL_SPECS = st.one_of(SPECS, valid_services().map(running))


class Stage:
    """Run passes over one store, tell the operator what changes, and play the controllers."""

    def __init__(self, spec: Manifest) -> None:
        self.server = Server()
        self.cluster = self.server.cluster
        self.restart()
        body = {
            "apiVersion": "bookstore.dev/v1",
            "kind": "BookStore",
            "metadata": {"finalizers": [FINALIZER]},
            "spec": spec,
        }
        self.cluster.apply(STORE, body, "somebody")
        for name in secret_names(spec):
            self.secret(name, spec)
        if certificate := certificate_name(spec):
            self.add(certificate, "tls.crt", "tls.key")
        if mail := spec.get("mail"):
            # It may be that of the database too, with a password and a key of its own for the user.
            self.add(mail["smtpSecretRef"]["name"], "host", "username", "password")
        for variable in spec.get("env", []):
            for kind, source in variable.get("valueFrom", {}).items():
                plural = "secrets" if kind == "secretKeyRef" else "configmaps"
                self.add(source["name"], source["key"], plural=plural)

    def restart(self) -> None:
        """Begin anew with what the lists of a start tell."""
        self.operator = Controller(RESOURCE, kube_of(self.server), (), "test")
        self.told = self.cluster.version
        for kind in (BOOKSTORE, *CHILDREN.values()):
            for live in self.cluster.select(kind.plural, ""):
                if ours(kind, live):
                    self.operator.cache.changed(kind, "LISTED", live)

    def hear(self) -> None:
        """Tell the operator what changed."""
        for change in self.cluster.since(self.told):
            kind = BOOKSTORE if change.plural == BOOKSTORE.plural else CHILDREN.get(change.plural)
            if kind is not None and ours(kind, change.live):
                self.operator.cache.changed(kind, change.kind, change.live)
            if kind in REFERRED:
                self.operator.references.changed(kind, change.kind, change.live)
        self.told = self.cluster.version

    def secret(self, name: str, spec: Manifest) -> None:
        login, authority = references(spec)
        keys = [login.get("userKey", "username"), login.get("passwordKey", "password")]
        keys.append(authority.get("key", "ca.crt"))
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {}}
        data = dict.fromkeys(keys, "eHh4")
        self.cluster.apply(("secrets", "books", name), {**body, "data": data}, "somebody")

    def add(self, name: str, *keys: str, plural: str = "secrets") -> None:
        where = (plural, "books", name)
        known = self.cluster.objects.get(where, {}).get("data", {})
        data = {**known, **dict.fromkeys(keys, "eHh4")}
        kind = CHILDREN[plural].name
        body = {"apiVersion": "v1", "kind": kind, "metadata": {}, "data": data}
        self.cluster.apply(where, body, "somebody")

    async def run(self) -> Outcome:
        self.hear()
        entry = self.operator.cache.entry(KEY)
        outcome = await self.operator._reconciler.reconcile(KEY, entry.live() if entry else None)
        self.hear()
        return outcome

    async def settle(self) -> None:
        """Run passes and controllers in turn until the store is ready and said so."""
        for _ in range(8):
            outcome = await self.run()
            if outcome == Outcome("ready"):
                return
            play(self.cluster)
        raise AssertionError((outcome, self.cluster.get(STORE)["status"]["conditions"]))

    def service(self) -> Place:
        """Return the Service that leads to the shop, whatever leads to that."""
        (where,) = [
            place
            for place in self.children()
            if place[0] == "services" and place[2] in {"shop-svc", "shop-web"}
        ]
        return where

    def children(self) -> list[Place]:
        """Return what the operator made, and not the Secrets that the spec points at."""
        return [
            where
            for where, live in self.cluster.objects.items()
            if where[0] in CHILDREN and where[0] != "persistentvolumes" and is_labelled(live)
        ]


def is_labelled(live: Manifest) -> bool:
    labels = live["metadata"].get("labels", {})
    return bool(labels.get("app.kubernetes.io/managed-by") == "bookstore-operator")


def ours(kind: Kind, live: Manifest) -> bool:
    return kind is BOOKSTORE or is_labelled(live)


def references(spec: Manifest) -> tuple[Manifest, Manifest]:
    """Return how a spec names the Secrets of login and authority; empty where it names none."""
    external, rds = (spec["database"].get(mode, {}) for mode in ("external", "rds"))
    authority = external.get("tls", {}).get("caSecretRef") or rds.get("caSecretRef") or {}
    return external.get("credentialsSecretRef", {}), authority


def secret_names(spec: Manifest) -> set[str]:
    return {named["name"] for named in references(spec) if named}


def certificate_name(spec: Manifest) -> str | None:
    tls = spec.get("exposure", {}).get("ingress", {}).get("tls", {})
    name = tls.get("secretRef", {}).get("name")
    return str(name) if name else None


@SETTINGS
@given(ALL_SPECS)
async def test_a_second_pass_over_a_settled_store_neither_writes_nor_asks(spec: Manifest) -> None:
    stage = Stage(spec)
    await stage.settle()
    before = len(stage.server.requests)
    assert await stage.run() == Outcome("ready")
    assert stage.server.requests[before:] == []


@SETTINGS
@given(ALL_SPECS)
async def test_a_restarted_operator_writes_nothing_to_a_settled_store(spec: Manifest) -> None:
    stage = Stage(spec)
    await stage.settle()
    before = len(stage.server.writes())
    stage.restart()
    assert await stage.run() == Outcome("ready")
    assert stage.server.writes()[before:] == []


@SETTINGS
@given(ALL_SPECS, st.data())
async def test_a_deleted_child_is_made_again_by_one_pass(
    spec: Manifest, data: st.DataObject
) -> None:
    stage = Stage(spec)
    await stage.settle()
    where = data.draw(st.sampled_from(stage.children()))
    before = stage.cluster.get(where)
    stage.cluster.delete(where)
    # Whoever else holds it by a finalizer lets it go.
    play(stage.cluster)
    await stage.run()
    after = stage.cluster.get(where)
    assert "deletionTimestamp" not in after["metadata"]
    assert after.get("data") == before.get("data")
    assert after["metadata"]["labels"] == before["metadata"]["labels"]


EDITS: list[tuple[str, str, Any]] = [
    ("deployments", "shop", {"spec": {"template": {"spec": {"hostNetwork": True}}}}),
    ("services", "", {"spec": {"selector": {"tier": "nowhere"}}}),
    ("services", "", {"spec": {"ports": [{"name": "http", "port": 9, "targetPort": 9}]}}),
    ("serviceaccounts", "shop", {"automountServiceAccountToken": True}),
    ("secrets", "shop-secret", {"data": {"secret-key": "bm8="}}),
    ("secrets", "shop-secret", {"data": {"extra": "bm8="}}),
]


@pytest.mark.parametrize(("plural", "name", "edit"), EDITS)
@settings(max_examples=10, deadline=None)
@given(SPECS)
async def test_an_edit_of_somebody_else_is_reverted_by_one_write(
    plural: str, name: str, edit: Manifest, spec: Manifest
) -> None:
    stage = Stage(spec)
    await stage.settle()
    where = (plural, "books", name) if name else stage.service()
    before = len(stage.server.writes())
    original = stage.cluster.get(where)
    stage.cluster.merge(where, edit, "kubectl-edit")
    assert without_metadata(stage.cluster.get(where)) != without_metadata(original)
    await stage.run()
    assert without_metadata(stage.cluster.get(where)) == without_metadata(original)
    writes = stage.server.writes()[before:]
    assert len([w for w in writes if "/bookstores/" not in w and "/events/" not in w]) == 1


REPLICAS = {"spec": {"replicas": 99}}
SCALED = SPECS.filter(lambda spec: "autoscaling" in spec)
COUNTED = SPECS.filter(lambda spec: "autoscaling" not in spec)


@settings(max_examples=10, deadline=None)
@given(COUNTED)
async def test_another_number_of_pods_is_reverted_without_autoscaling(spec: Manifest) -> None:
    stage = Stage(spec)
    await stage.settle()
    where = ("deployments", "books", "shop")
    original = stage.cluster.get(where)
    stage.cluster.merge(where, REPLICAS, "kubectl-edit")
    await stage.run()
    assert without_metadata(stage.cluster.get(where)) == without_metadata(original)


@settings(max_examples=10, deadline=None)
@given(SCALED)
async def test_another_number_of_pods_is_left_alone_with_autoscaling(spec: Manifest) -> None:
    stage = Stage(spec)
    await stage.settle()
    where = ("deployments", "books", "shop")
    stage.cluster.merge(where, REPLICAS, "kubectl-edit")
    before = len(stage.server.writes())
    await stage.run()
    assert stage.cluster.get(where)["spec"]["replicas"] == 99
    assert [w for w in stage.server.writes()[before:] if "/deployments/" in w] == []


@settings(max_examples=10, deadline=None)
@given(SPECS)
async def test_a_revision_of_the_environment_gets_its_labels_and_owner_back(
    spec: Manifest,
) -> None:
    stage = Stage(spec)
    await stage.settle()
    # The one that pods start with; a load balancer's address may have made a revision of its own.
    pod = stage.cluster.get(("deployments", "books", "shop"))["spec"]["template"]["spec"]
    (read,) = pod["containers"][0]["envFrom"]
    where = ("configmaps", "books", read["configMapRef"]["name"])
    original = stage.cluster.get(where)["metadata"]
    foreign = {"labels": {"app.kubernetes.io/component": "x"}, "ownerReferences": None}
    stage.cluster.merge(where, {"metadata": foreign}, "kubectl-edit")
    await stage.run()
    now = stage.cluster.get(where)["metadata"]
    assert (now["labels"], now["ownerReferences"]) == (
        original["labels"],
        original["ownerReferences"],
    )


def without_metadata(live: Manifest) -> Manifest:
    return {key: value for key, value in live.items() if key != "metadata"}


@SETTINGS
@given(SPECS)
async def test_labels_and_annotations_of_others_stay(spec: Manifest) -> None:
    stage = Stage(spec)
    await stage.settle()
    foreign = {"metadata": {"labels": {"team": "red"}, "annotations": {"note": "theirs"}}}
    before = len(stage.server.writes())
    for where in stage.children():
        stage.cluster.merge(where, foreign, "kubectl-edit")
    await stage.run()
    assert stage.server.writes()[before:] == []
    for where in stage.children():
        assert stage.cluster.get(where)["metadata"]["annotations"]["note"] == "theirs"
