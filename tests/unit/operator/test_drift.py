"""What counts as drift, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.drift import compare, mending
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.engine.quantity import same
from bookstore_operator.store import MANAGER

WANTED: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "labels": {"ours": "1"}},
    "spec": {
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "shop:1",
                        "env": [{"name": "A", "value": ""}],
                        "resources": {"limits": {"memory": "1024Mi"}},
                    }
                ]
            },
        },
    },
}


def live(**container: Any) -> Manifest:
    """Return the object as the API gives it back: defaulted, normalized, without empty texts."""
    web = {
        "name": "web",
        "image": "shop:1",
        "env": [{"name": "A"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "imagePullPolicy": "IfNotPresent",
    }
    pod = {"containers": [web | container], "dnsPolicy": "ClusterFirst"}
    template = {"metadata": {"labels": {"app": "shop", "injected": "1"}}, "spec": pod}
    return {
        "metadata": {"name": "shop", "labels": {"ours": "1", "theirs": "1"}, "managedFields": []},
        "spec": {"replicas": 2, "template": template, "progressDeadlineSeconds": 600},
        "status": {"replicas": 2},
    }


def owned(body: Manifest, manager: str, fields: Manifest, subresource: str = "") -> Manifest:
    entry = {"manager": manager, "fieldsV1": fields, "subresource": subresource}
    body["metadata"]["managedFields"].append(entry)
    return body


def pod_fields(**fields: Manifest) -> Manifest:
    return {"f:spec": {"f:template": {"f:spec": {f"f:{key}": v for key, v in fields.items()}}}}


def test_defaults_quantities_and_foreign_labels_are_no_drift() -> None:
    assert not compare(WANTED, live())


@pytest.mark.parametrize(
    ("container", "path"),
    [
        ({"image": "shop:2"}, "spec.template.spec.containers"),
        ({"env": []}, "spec.template.spec.containers"),
        ({"env": [{"name": "A", "value": "x"}]}, "spec.template.spec.containers"),
        ({"resources": {"limits": {"memory": "2Gi"}}}, "spec.template.spec.containers"),
    ],
)
def test_a_changed_field_is_wrong(container: Manifest, path: str) -> None:
    drift = compare(WANTED, live(**container))
    assert (str(drift), bool(drift.extra)) == (path, False)


def test_an_added_item_of_a_list_is_extra() -> None:
    body = live()
    body["spec"]["template"]["spec"]["containers"].append({"name": "spy", "image": "x"})
    assert compare(WANTED, body).extra == [("spec", "template", "spec", "containers")]


def test_a_field_that_another_manager_added_is_extra() -> None:
    body = owned(live(), "kubectl-edit", pod_fields(hostNetwork={}))
    body["spec"]["template"]["spec"]["hostNetwork"] = True
    drift = compare(WANTED, body)
    assert drift.extra == [("spec", "template", "spec", "hostNetwork")]
    assert mending(WANTED, drift) == {"spec": {"template": {"spec": {"hostNetwork": None}}}}


@pytest.mark.parametrize(
    ("manager", "fields", "subresource"),
    [
        ("kube-controller-manager", {"f:status": {"f:replicas": {}}}, "status"),
        ("kubectl", {"f:spec": {"f:replicas": {}}}, "scale"),
        ("kubectl", {"f:metadata": {"f:labels": {"f:theirs": {}}}}, ""),
        (
            "kubectl-rollout",
            {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:restartedAt": {}}}}}},
            "",
        ),
    ],
)
def test_what_others_may_own(manager: str, fields: Manifest, subresource: str) -> None:
    assert not compare(WANTED, owned(live(), manager, fields, subresource))


def test_a_field_of_ours_that_is_no_longer_wanted_is_stale() -> None:
    body = owned(live(), MANAGER, {"f:spec": {"f:minReadySeconds": {}, "f:replicas": {}}})
    assert compare(WANTED, body).stale == [("spec", "minReadySeconds")]


def test_a_list_is_mended_whole() -> None:
    patch = mending(WANTED, compare(WANTED, live(image="shop:2")))
    wanted = WANTED["spec"]["template"]["spec"]["containers"]
    assert patch == {"spec": {"template": {"spec": {"containers": wanted}}}}
    assert patch["spec"]["template"]["spec"]["containers"] is not wanted


def test_a_map_of_ours_holds_nothing_else() -> None:
    wanted = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"A": "1"}}
    found = {"metadata": {"name": "c"}, "data": {"A": "1", "B": "2"}}
    drift = compare(wanted, found)
    assert mending(wanted, drift) == {"data": {"B": None}}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1024Mi", "1Gi", True),
        ("0.5", "500m", True),
        ("1e3", "1k", True),
        ("1G", "1Gi", False),
        ("much", "much", False),
    ],
)
def test_quantities(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal
