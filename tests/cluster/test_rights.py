"""A right that somebody takes from the operator is told by its name, and given back heals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import yaml

from bookstore_operator.engine.resource import kinds_used
from bookstore_operator.kube.client import collection
from bookstore_operator.kube.lease import LEASE
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import NAME, NAMESPACE
from tests.cluster.support.store import Store
from tests.component.operator.rights import GRANTED, USER, Right
from tests.component.operator.server import RESOURCES
from tests.support.poll import eventually

KINDS = [LEASE, *(kind for one in RESOURCES for kind in kinds_used(one))]
METHODS = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}


@contextmanager
def without(kube: Kube, resource: str, verb: str) -> Iterator[None]:
    """Take a verb on a resource out of the operator's ClusterRole."""
    before = kube.get("ClusterRole", "", NAME)["rules"]
    kube.patch("ClusterRole", "", NAME, {"rules": [*lessened(before, resource, verb)]})
    try:
        yield
    finally:
        kube.patch("ClusterRole", "", NAME, {"rules": before})


def lessened(rules: list[Manifest], resource: str, verb: str) -> Iterator[Manifest]:
    for rule in rules:
        others = [name for name in rule["resources"] if name != resource]
        if others:
            yield rule | {"resources": others}
        if resource in rule["resources"]:
            verbs = [name for name in rule["verbs"] if name != verb]
            yield rule | {"resources": [resource], "verbs": verbs}


@pytest.mark.fault(row=9)
def test_a_right_that_is_taken_away_is_told_to_who_needs_it_and_heals(kube: Kube, lab: Lab) -> None:
    store, other = lab.external("shop"), lab.external("other")
    store.wait_ready()
    other.wait_ready()
    with without(kube, "cronjobs", "create"):
        store.edit(backup={"schedule": "@yearly"})
        wait_named(store, 'cannot create resource "cronjobs"')
        assert "ClusterRole bookstore-operator" in store.told("Degraded", "True")
        assert store.url(), "the shop serves on"
        other.edit(replicas=2)
        other.wait_ready()

    eventually(lambda: store.told("Degraded", "False"), within=60)
    with without(kube, "cronjobs", "delete"):
        store.edit(backup=None)
        wait_named(store, 'cannot delete resource "cronjobs"')
        store.told("Ready", "True")
    eventually(lambda: store.told("Degraded", "False"), within=60)
    assert kube.list("CronJob", lab.namespace) == []


def wait_named(store: Store, right: str) -> None:
    """Wait until a store, which is ready without what is refused, names the right that lacks."""

    def named() -> None:
        assert right in store.told("Degraded", "True")
        assert "Forbidden" in {event["reason"] for event in store.events()}

    eventually(named, within=60)


def test_every_right_is_granted_where_it_is_installed_and_no_other(kube: Kube) -> None:
    verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    known = {(right.group, right.resource) for right in GRANTED}
    allowed = {
        Right(*what, verb) for what in known for verb in verbs if is_allowed(kube, *what, verb)
    }
    assert allowed == GRANTED


def is_allowed(kube: Kube, group: str, resource: str, verb: str) -> bool:
    """Ask the API server whether the operator's account may do something."""
    plural, _, below = resource.partition("/")
    asked = {"group": group, "resource": plural, "subresource": below, "verb": verb}
    # A Lease is granted by its name, and making one cannot be.
    lease = {"namespace": NAMESPACE, "name": "" if verb == "create" else NAME}
    spec = {"user": USER, "resourceAttributes": asked | (lease if plural == "leases" else {})}
    answer = kube.http.post(
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        json={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        },
    )
    return bool(answer.json()["status"]["allowed"])


@pytest.mark.parametrize("verb", sorted({right.verb for right in GRANTED}))
def test_the_api_server_refuses_in_the_words_that_the_operator_understands(
    kube: Kube, verb: str
) -> None:
    """They are those of the API server in memory, which takes away each right in turn."""
    for right in (right for right in GRANTED if right.verb == verb):
        answer = kube.http.request(
            METHODS.get(verb, "GET"),
            path_of(right),
            params={"watch": "true"} if verb == "watch" else {},
            headers={"Impersonate-User": "nobody"},
            json={} if verb in METHODS else None,
        )
        assert answer.status_code == httpx.codes.FORBIDDEN, right
        assert right.refusal in answer.json()["message"]


def path_of(right: Right) -> str:
    """Return the path of a request that needs a right."""
    kinds = {(kind.group, kind.plural): kind for kind in KINDS}
    plural, _, below = right.resource.partition("/")
    kind = kinds[right.group, plural]
    place = collection(kind, "default")
    named = right.verb not in {"create", "list", "watch"}
    return place + "/x" * named + f"/{below}" * bool(below)


def test_an_apply_of_what_is_not_there_needs_the_right_to_create(
    kube: Kube, namespace: str
) -> None:
    where = {"name": "patcher", "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": where, "rules": [rule]}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": where,
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "patcher"},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": "patcher"}],
    }
    kube.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([role, binding]))
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    answer = kube.http.patch(
        f"/api/v1/namespaces/{namespace}/configmaps/x",
        params={"fieldManager": "e2e"},
        content=json.dumps(live),
        headers={"Impersonate-User": "patcher", "Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert Right("", "configmaps", "create").refusal in answer.json()["message"]
