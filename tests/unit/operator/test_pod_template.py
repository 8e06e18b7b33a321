"""What a person adds to the shop's pods, and that nothing of the operator's is replaced by it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from bookstore_operator.components.pods import IMAGE_PULL_FAILED, explain
from bookstore_operator.components.web import Web
from bookstore_operator.kube.objects import Manifest
from tests.unit.operator.staging import NOW, seen, store
from tests.unit.operator.strategies import pod_templates

LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}


def template(**spec: Any) -> Manifest:
    root = store(**spec)
    (found,) = [
        one for one in Web().children(root, seen(root, LOGIN)) if one["kind"] == "Deployment"
    ]
    pods: Manifest = found["spec"]["template"]
    return pods


def contains(whole: Any, part: Any) -> bool:
    """Return whether a value has all of another: of a map, of a list in its order."""
    if isinstance(part, dict):
        return all(name in whole and contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return all(contains(*pair) for pair in zip(whole, part, strict=False)) and len(
            whole
        ) >= len(part)
    return bool(whole == part)


@settings(max_examples=100, deadline=None)
@given(pod_templates())
def test_nothing_of_ours_is_replaced(added: dict[str, Any]) -> None:
    assert contains(template(podTemplate=added), template())


@settings(max_examples=100, deadline=None)
@given(pod_templates())
def test_every_added_container_is_restricted(added: dict[str, Any]) -> None:
    pod = template(podTemplate=added)["spec"]
    names = [one["name"] for one in (*pod["containers"], *pod.get("initContainers", []))]
    assert len(set(names)) == len(names)
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security.get("runAsUser") != 0
        assert container["resources"]["limits"]["memory"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_an_empty_template_adds_nothing() -> None:
    assert template(podTemplate={}) == template()


def test_an_image_of_a_container_of_ones_own_is_named_as_such() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull"}}
    pod = {
        "metadata": {"name": "p", "namespace": "books"},
        "spec": {"containers": [{"name": "web", "image": "a:1"}, {"name": "s", "image": "b:1"}]},
        "status": {"containerStatuses": [{"name": "s", "image": "b:1", "state": waiting}]},
    }
    verdict = explain([pod], "a:1", "spec.image", NOW)
    assert verdict
    assert verdict.reason == IMAGE_PULL_FAILED
    assert "b:1 cannot be pulled; correct spec.podTemplate, container s" in verdict.message


def test_all_that_a_person_adds_is_in_the_pods_beside_what_is_ours() -> None:
    volumes = [{"name": "theme", "configMap": {"name": "theme"}}]
    mounts = [{"name": "theme", "mountPath": "/etc/theme", "readOnly": True}]
    plain = template()
    found = template(
        podTemplate={
            "labels": {"team": "shops", "app.kubernetes.io/instance": "theirs"},
            "annotations": {"example.com/scrape": "yes"},
            "initContainers": [{"name": "before", "image": "example/before:1"}],
            "containers": [{"name": "beside", "image": "example/beside:1"}],
            "volumes": volumes,
            "volumeMounts": mounts,
            "securityContext": {"supplementalGroups": [4000]},
        }
    )
    assert found["metadata"]["labels"] == {"team": "shops"} | plain["metadata"]["labels"]
    assert found["metadata"]["annotations"] == {"example.com/scrape": "yes"}
    pod, ours = found["spec"], plain["spec"]
    assert [(one["name"], one["image"]) for one in pod["initContainers"]] == [
        ("before", "example/before:1")
    ]
    web, beside = pod["containers"]
    assert (beside["name"], beside["image"]) == ("beside", "example/beside:1")
    assert web == ours["containers"][0] | {
        "volumeMounts": [*ours["containers"][0]["volumeMounts"], *mounts]
    }
    assert pod["volumes"] == [*ours["volumes"], *volumes]
    assert pod["securityContext"] == ours["securityContext"] | {"supplementalGroups": [4000]}
