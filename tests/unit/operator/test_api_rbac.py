"""The operator's rights are those that it needs, and no more."""

from __future__ import annotations

from bookstore_operator.api.rbac import cluster_role
from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import child_kinds, kinds_used, rights
from bookstore_operator.store import BOOKSTORE

RESOURCE = BookStores()
RULES = cluster_role(rights(RESOURCE))["rules"]
RIGHTS = [
    (group, resource, verb)
    for rule in RULES
    for group in rule["apiGroups"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
]


def granted(group: str, plural: str) -> set[str]:
    return {verb for of, resource, verb in RIGHTS if (of, resource) == (group, plural)}


def test_every_kind_of_child_may_be_followed_made_mended_and_deleted() -> None:
    for kind in child_kinds(RESOURCE):
        verbs = granted(kind.group, kind.plural)
        assert verbs == {"get", "list", "watch", "create", "patch", "delete"}, kind


def test_no_kind_is_granted_that_the_operator_does_not_know() -> None:
    known = {(kind.group, kind.plural) for kind in kinds_used(RESOURCE)}
    assert {(group, resource.partition("/")[0]) for group, resource, _ in RIGHTS} == known


def test_a_store_is_neither_made_nor_deleted_by_the_operator() -> None:
    assert granted(BOOKSTORE.group, BOOKSTORE.plural) == {"get", "list", "watch", "patch"}
    assert granted(BOOKSTORE.group, f"{BOOKSTORE.plural}/status") == {"patch"}


def test_nothing_is_granted_by_wildcard() -> None:
    assert not [right for right in RIGHTS if "*" in right]


def test_nothing_is_granted_twice() -> None:
    assert len(RIGHTS) == len(set(RIGHTS))


def test_the_operator_cannot_give_itself_rights_nor_run_commands_in_pods() -> None:
    resources = {resource for _, resource, _ in RIGHTS}
    assert not resources & {"pods/exec", "pods/attach", "serviceaccounts/token", "nodes"}
    assert not any(resource.startswith(("role", "clusterrole")) for resource in resources)
