"""What the operator makes of a resource that holds more than it knows."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_operator.api.model import unknown_fields
from bookstore_operator.bookstore import Spec, Status
from tests.unit.operator.strategies import valid_manifests

Manifest = dict[str, Any]

SPEC: Manifest = {
    "image": "bookstore/app:1.0.0",
    "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
    "database": {"external": {"host": "db", "credentialsSecretRef": {"name": "db"}}},
    "storage": {"claim": {"accessModes": ["ReadWriteMany"]}},
    "resources": {"requests": {"ephemeral-storage": "1Gi"}},
    "exposure": {"loadBalancer": {"annotations": {"example.com/any.key": "value"}}},
}


def objects(value: Any, path: str = "") -> list[tuple[str, Manifest]]:
    """Return all objects of a spec whose keys are fields, with their paths."""
    if isinstance(value, list):
        return [one for n, item in enumerate(value) for one in objects(item, f"{path}[{n}]")]
    if not isinstance(value, dict) or path.endswith((".annotations", ".labels", ".nodeSelector")):
        return []
    below = [one for name in value for one in objects(value[name], f"{path}.{name}".lstrip("."))]
    return [(path, value), *below]


def test_a_spec_of_known_fields_has_no_unknown_ones() -> None:
    assert unknown_fields(Spec, SPEC) == []


@given(valid_manifests(), st.data())
def test_an_unknown_field_is_named_wherever_it_stands_and_changes_nothing(
    manifest: Manifest, data: st.DataObject
) -> None:
    spec = Spec.model_validate(manifest)
    newer = copy.deepcopy(spec.manifest())
    path, chosen = data.draw(st.sampled_from(objects(newer)))
    chosen["fromTheFuture"] = data.draw(st.sampled_from([True, 7, "text", {"a": {}}, [{"b": 1}]]))
    assert unknown_fields(Spec, newer) == [f"{path}.fromTheFuture".lstrip(".")]
    assert Spec.model_validate(newer) == spec


def test_unknown_fields_are_named_in_the_order_of_the_resource() -> None:
    newer = copy.deepcopy(SPEC)
    newer["tracing"] = {"endpoint": "collector"}
    newer["imagePullSecrets"][1]["namespace"] = "shared"
    newer["database"]["external"]["tls"] = {"mode": "Required", "minimumVersion": "1.3"}
    assert unknown_fields(Spec, newer) == [
        "imagePullSecrets[1].namespace",
        "database.external.tls.minimumVersion",
        "tracing",
    ]


def test_a_member_that_only_a_newer_operator_knows_is_not_taken_for_another() -> None:
    newer = copy.deepcopy(SPEC) | {"database": {"cluster": {"size": 3}}}
    assert unknown_fields(Spec, newer) == ["database.cluster"]
    with pytest.raises(
        ValueError, match=r"set exactly one of external and rds and percona and embedded"
    ):
        Spec.model_validate(newer)


def test_a_status_of_a_newer_operator_is_read() -> None:
    told = {"url": "http://192.0.2.1", "volumes": [{"name": "files", "claimUID": "1", "seen": 1}]}
    status = Status.model_validate(told)
    assert status.volumes is not None
    assert status.volumes[0].claim_uid == "1"
    assert unknown_fields(Status, told) == ["volumes[0].seen"]
