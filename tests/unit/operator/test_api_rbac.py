"""The operator's rights are those that it needs, and no more."""

from __future__ import annotations

from bookstore_operator import kinds
from bookstore_operator.api.rbac import GRANTS, cluster_role

GRANTED = {
    (grant.group, resource): set(grant.verbs) for grant in GRANTS for resource in grant.resources
}


def test_every_kind_of_child_may_be_followed_made_mended_and_deleted() -> None:
    for kind in kinds.CHILDREN:
        verbs = GRANTED[kind.group, kind.plural]
        assert verbs == {"get", "list", "watch", "create", "patch", "delete"}, kind


def test_no_kind_is_granted_that_the_operator_does_not_know() -> None:
    known = {
        (kind.group, kind.plural) for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)
    }
    assert {(group, resource.partition("/")[0]) for group, resource in GRANTED} == known


def test_a_store_is_neither_made_nor_deleted_by_the_operator() -> None:
    store = kinds.BOOKSTORE
    assert GRANTED[store.group, store.plural] == {"get", "list", "watch", "patch"}


def test_nothing_is_granted_by_wildcard() -> None:
    for grant in GRANTS:
        assert "*" not in (grant.group, *grant.resources, *grant.verbs)


def test_nothing_is_granted_twice() -> None:
    granted = [
        (grant.group, resource, verb)
        for grant in GRANTS
        for resource in grant.resources
        for verb in grant.verbs
    ]
    assert len(granted) == len(set(granted))


def test_the_operator_cannot_give_itself_rights_nor_run_commands_in_pods() -> None:
    resources = {resource for rule in cluster_role()["rules"] for resource in rule["resources"]}
    assert not resources & {"pods/exec", "pods/attach", "serviceaccounts/token", "nodes"}
    assert not any(resource.startswith(("role", "clusterrole")) for resource in resources)
