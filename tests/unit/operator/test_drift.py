"""What counts as drift, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.network import NETWORK_POLICY
from bookstore_operator.engine.drift import Drift, compare, disowned, patch_of
from bookstore_operator.engine.quantity import less, same
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, PERSISTENT_VOLUME_CLAIM
from bookstore_operator.kube.objects import Manifest

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


def against(body: Manifest) -> Drift:
    return compare(WANTED, body, DEPLOYMENT.fields)


def owned(body: Manifest, manager: str, fields: Manifest, subresource: str = "") -> Manifest:
    entry = {"manager": manager, "fieldsV1": fields, "subresource": subresource}
    body["metadata"]["managedFields"].append(entry)
    return body


def pod_fields(**fields: Manifest) -> Manifest:
    return {"f:spec": {"f:template": {"f:spec": {f"f:{key}": v for key, v in fields.items()}}}}


def test_defaults_quantities_and_foreign_labels_are_no_drift() -> None:
    assert not against(live())


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
    drift = against(live(**container))
    assert (str(drift), bool(drift.extra)) == (path, False)


def test_an_added_item_of_a_list_is_extra() -> None:
    body = live()
    body["spec"]["template"]["spec"]["containers"].append({"name": "spy", "image": "x"})
    assert against(body).extra == [("spec", "template", "spec", "containers")]


def test_a_field_that_another_manager_added_is_extra() -> None:
    body = owned(live(), "kubectl-edit", pod_fields(hostNetwork={}))
    body["spec"]["template"]["spec"]["hostNetwork"] = True
    drift = against(body)
    assert drift.extra == [("spec", "template", "spec", "hostNetwork")]
    assert patch_of(WANTED, drift) == {"spec": {"template": {"spec": {"hostNetwork": None}}}}


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
    assert not against(owned(live(), manager, fields, subresource))


def test_a_field_of_ours_that_is_no_longer_wanted_is_stale() -> None:
    body = owned(live(), MANAGER, {"f:spec": {"f:minReadySeconds": {}, "f:replicas": {}}})
    assert against(body).stale == [("spec", "minReadySeconds")]


def test_what_stands_behind_a_part_of_another_s_is_looked_at_too() -> None:
    body = owned(live(), "kubectl", {"f:spec": {"f:replicas": {}}}, "scale")
    owned(body, MANAGER, {"f:spec": {"f:minReadySeconds": {}}})
    assert against(body).stale == [("spec", "minReadySeconds")]


@pytest.mark.parametrize("found", ["shop", [], None])
def test_what_is_no_map_any_more_is_wrong_as_a_whole(found: object) -> None:
    body = live()
    body["spec"]["template"]["metadata"] = found
    assert against(body).wrong == [("spec", "template", "metadata")]


def test_a_field_of_ours_is_given_up_and_the_others_stay_ours() -> None:
    body = owned(live(), "kubectl", {"f:spec": {"f:replicas": {}}})
    owned(body, MANAGER, {"f:spec": {"f:replicas": {}, "f:minReadySeconds": {}}})
    body["metadata"]["resourceVersion"] = "7"
    assert disowned(body, ("spec", "replicas")) == {
        "metadata": {
            "resourceVersion": "7",
            "managedFields": [
                {
                    "manager": "kubectl",
                    "fieldsV1": {"f:spec": {"f:replicas": {}}},
                    "subresource": "",
                },
                {
                    "manager": MANAGER,
                    "fieldsV1": {"f:spec": {"f:minReadySeconds": {}}},
                    "subresource": "",
                },
            ],
        }
    }
    entries = body["metadata"]["managedFields"]
    assert entries[1]["fieldsV1"]["f:spec"] == {"f:replicas": {}, "f:minReadySeconds": {}}


@pytest.mark.parametrize(
    ("manager", "subresource"), [("kubectl", ""), (MANAGER, "status"), (MANAGER, "scale")]
)
def test_a_field_that_is_not_ours_cannot_be_given_up(manager: str, subresource: str) -> None:
    body = owned(live(), manager, {"f:spec": {"f:replicas": {}}}, subresource)
    assert disowned(body, ("spec", "replicas")) is None
    assert disowned(body, ("spec", "template", "spec", "replicas")) is None


def test_a_patch_shares_nothing_with_what_is_wanted() -> None:
    patch = patch_of(WANTED, against(live(image="shop:2")))
    patch["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "changed"
    assert WANTED["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": ""}
    ]


def test_a_list_is_mended_whole() -> None:
    patch = patch_of(WANTED, against(live(image="shop:2")))
    wanted = WANTED["spec"]["template"]["spec"]["containers"]
    assert patch == {"spec": {"template": {"spec": {"containers": wanted}}}}
    assert patch["spec"]["template"]["spec"]["containers"] is not wanted


def test_a_map_of_ours_holds_nothing_else() -> None:
    wanted = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"A": "1"}}
    found = {"metadata": {"name": "c"}, "data": {"A": "1", "B": "2"}}
    drift = compare(wanted, found, CONFIG_MAP.fields)
    assert patch_of(wanted, drift) == {"data": {"B": None}}


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


@pytest.mark.parametrize(("one", "other", "smaller"), [("1Gi", "2G", True), ("2G", "1Gi", False)])
def test_quantities_have_an_order(one: str, other: str, smaller: bool) -> None:
    assert less(one, other) is smaller
    assert not less(one, "much")


def test_a_part_that_the_api_does_not_let_change_is_not_compared() -> None:
    wanted = {
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    found = owned(
        {
            "metadata": {"name": "c", "managedFields": []},
            "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {}}},
        },
        MANAGER,
        {"f:spec": {"f:volumeName": {}, "f:storageClassName": {}}},
    )
    drift = compare(wanted, found, PERSISTENT_VOLUME_CLAIM.fields)
    assert drift.paths() == [("spec", "resources", "requests", "storage")]


def test_an_item_of_a_list_that_somebody_owns_and_nobody_wants_is_extra() -> None:
    name = 'k:{"name":"spy"}'
    body = owned(live(), "kubectl-edit", pod_fields(containers={name: {"f:image": {}}}))
    assert against(body).extra == [("spec", "template", "spec", "containers")]
    ours = owned(live(), MANAGER, pod_fields(containers={'k:{"name":"web"}': {"f:image": {}}}))
    assert not against(ours)


def test_a_value_in_a_set_is_ours_alone_where_it_is_no_metadata() -> None:
    wanted = {"metadata": {"finalizers": ["ours"]}, "spec": {"modes": ["a"]}}
    found = {"metadata": {"finalizers": ["theirs", "ours"]}, "spec": {"modes": ["a", "b"]}}
    assert compare(wanted, found, DEPLOYMENT.fields).wrong == [("spec", "modes")]
    gone = owned(
        {"metadata": {"finalizers": ["theirs"], "managedFields": []}, "spec": {"modes": ["a"]}},
        MANAGER,
        {"f:metadata": {"f:finalizers": {'v:"old"': {}, 'v:"ours"': {}}}},
    )
    drift = compare(wanted, gone, DEPLOYMENT.fields)
    assert drift.wrong == drift.stale == [("metadata", "finalizers")]


def test_what_the_api_fills_in_within_lists_is_no_drift_whatever_tells_their_items_apart() -> None:
    parents = [{"name": "public", "sectionName": one} for one in ("http", "https")]
    rules = [{"backendRefs": [{"name": "shop", "port": 80}]}]
    wanted: Manifest = {"metadata": {}, "spec": {"parentRefs": parents, "rules": rules}}
    filled: Manifest = {
        "metadata": {},
        "spec": {
            "parentRefs": [one | {"kind": "Gateway"} for one in parents],
            "rules": [
                {
                    "matches": [{"path": {"value": "/"}}],
                    "backendRefs": [{"name": "shop", "port": 80, "weight": 1}],
                }
            ],
        },
    }
    assert not compare(wanted, filled, NETWORK_POLICY.fields)
    filled["spec"]["rules"][0]["backendRefs"][0]["port"] = 81
    filled["spec"]["parentRefs"].reverse()
    drift = compare(wanted, filled, NETWORK_POLICY.fields)
    assert drift.paths() == [("spec", "parentRefs"), ("spec", "rules")]


def test_items_that_share_their_key_are_told_apart_by_their_places() -> None:
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    wanted: Manifest = {"metadata": {}, "spec": {"egress": [{"ports": ports}]}}
    assert not compare(wanted, wanted, NETWORK_POLICY.fields)
    changed: Manifest = {"metadata": {}, "spec": {"egress": [{"ports": ports[:1]}]}}
    drift = compare(wanted, changed, NETWORK_POLICY.fields)
    assert patch_of(wanted, drift) == {"spec": wanted["spec"]}
