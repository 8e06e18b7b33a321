"""The operator's rights are those that its kinds declare, and no more."""

from __future__ import annotations

import pytest

from bookstore_operator.api.rbac import cluster_role
from bookstore_operator.backups import backups, restores
from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import Resource, child_kinds, kinds_used, rights
from bookstore_operator.kube.kinds import SERVICE_ACCOUNT
from bookstore_operator.kube.objects import Kind

RESOURCES: tuple[Resource, ...] = (BookStores(), backups(), restores())
RULES = cluster_role(right for one in RESOURCES for right in rights(one))["rules"]
GRANTED = {
    (group, resource): set(rule["verbs"])
    for rule in RULES
    for group in rule["apiGroups"]
    for resource in rule["resources"]
}


def test_every_kind_of_child_may_be_followed_made_mended_and_deleted() -> None:
    for kind in (kind for one in RESOURCES for kind in child_kinds(one)):
        verbs = GRANTED[kind.group, kind.plural]
        if kind is not SERVICE_ACCOUNT:  # It is always wanted, and goes with its owner.
            verbs = verbs - {"delete"}
        assert verbs == {"get", "list", "watch", "create", "patch"}, kind


def test_no_kind_is_granted_that_no_component_declares() -> None:
    known = {(kind.group, kind.plural) for one in RESOURCES for kind in kinds_used(one)}
    assert {(group, resource.partition("/")[0]) for group, resource in GRANTED} == known


@pytest.mark.parametrize("kind", [one.kind for one in RESOURCES], ids=str)
def test_a_root_is_neither_made_nor_deleted_by_the_operator(kind: Kind) -> None:
    assert GRANTED[kind.group, kind.plural] == {"get", "list", "watch", "patch"}
    assert GRANTED[kind.group, f"{kind.plural}/status"] == {"patch"}


def test_nothing_is_granted_by_wildcard() -> None:
    for rule in RULES:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])


def test_nothing_is_granted_twice() -> None:
    granted = [
        (group, resource, verb)
        for rule in RULES
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert len(granted) == len(set(granted))


def test_the_operator_cannot_give_itself_rights_nor_run_commands_in_pods() -> None:
    resources = {resource for _, resource in GRANTED}
    assert not resources & {"pods/exec", "pods/attach", "serviceaccounts/token", "nodes"}
    assert not any(resource.startswith(("role", "clusterrole")) for resource in resources)
