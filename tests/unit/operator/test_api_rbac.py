"""The operator's rights are those that it needs, and no more."""

from __future__ import annotations

from bookstore_operator.api.rbac import GRANTS, cluster_role


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
    groups = {rule["apiGroups"][0] for rule in cluster_role()["rules"]}
    resources = {resource for grant in GRANTS for resource in grant.resources}
    assert groups == {"", "apps", "batch", "bookstore.dev"}
    assert not resources & {"pods/exec", "pods/attach", "serviceaccounts/token", "nodes"}
