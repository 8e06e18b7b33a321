"""The CRD says what the models say, and in words that help."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from pydantic import Field

from bookstore_operator.api.crd import bookstore_crd
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.services import SERVICES
from bookstore_operator.api.structural import structural
from bookstore_operator.bookstore import BookStores, Spec, Status
from bookstore_operator.engine.resource import condition_types
from tests.unit.operator.openapi import OpenAPI
from tests.unit.operator.strategies import valid_manifests

Schema = dict[str, Any]

VERSION = bookstore_crd(Spec, Status)["spec"]["versions"][0]
SPEC = VERSION["schema"]["openAPIV3Schema"]["properties"]["spec"]


def fields(schema: Schema, path: str = "spec") -> Iterator[tuple[str, Schema]]:
    """Walk a schema and yield every part with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from fields(schema[name], f"{path}[*]")


FREE = re.compile(r"(annotations|volumeAttributes|command|args)\[\*\]$|env\[\*\].value$")
"""Texts that are a person's own, whatever they are."""


def defaulted(value: Any, schema: Schema) -> Any:
    """Fill in defaults as the API server does: from the outside inwards, never over a value.

    Source: Kubernetes, "Custom Resources", defaulting.
    """
    if isinstance(value, dict):
        for name, field in schema.get("properties", {}).items():
            if name not in value and "default" in field:
                value[name] = copy.deepcopy(field["default"])
            if name in value:
                value[name] = defaulted(value[name], field)
    if isinstance(value, list):
        return [defaulted(one, schema["items"]) for one in value]
    return value


@given(valid_manifests())
def test_the_api_server_and_the_operator_fill_in_the_same_defaults(manifest: Schema) -> None:
    known = Spec.model_validate(manifest).manifest()
    assert defaulted(copy.deepcopy(manifest), SPEC) == known


@given(valid_manifests())
def test_a_spec_that_the_operator_takes_fits_the_schema(manifest: Schema) -> None:
    OpenAPI(SPEC).validate(Spec.model_validate(manifest).manifest())


@given(valid_manifests())
def test_a_spec_is_the_same_after_a_round_trip(manifest: Schema) -> None:
    spec = Spec.model_validate(manifest)
    assert Spec.model_validate(spec.manifest()) == spec


INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def junctors(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas below ``allOf``, ``anyOf``, ``oneOf`` and ``not``, however deep."""
    within = [one for name in ("allOf", "anyOf", "oneOf") for one in schema.get(name, [])]
    for one in [*within, *([schema["not"]] if "not" in schema else [])]:
        yield one
        yield from junctors(one)


def test_the_schema_is_structural() -> None:
    """Kubernetes, "Custom Resources", specifying a structural schema."""
    for path, schema in fields(VERSION["schema"]["openAPIV3Schema"], ""):
        assert "type" in schema or schema.get("x-kubernetes-int-or-string"), path
        assert not {"$ref", "title", "nullable"} & set(schema), path
        if schema.get("x-kubernetes-int-or-string"):
            assert schema["anyOf"] == INT_OR_STRING
            continue
        for below in junctors(schema):
            assert set(below) <= {"pattern", "required", "anyOf", "not"}, path
            assert set(below.get("required", [])) <= set(schema.get("properties", {})), path


def test_what_openapi_can_say_stands_in_the_schema() -> None:
    required = {path: schema["required"] for path, schema in fields(SPEC) if "required" in schema}
    assert required == {
        "spec": ["image", "database", "storage"],
        "spec.imagePullSecrets[*]": ["name"],
        "spec.autoscaling": ["maxReplicas"],
        "spec.env[*]": ["name"],
        "spec.env[*].valueFrom.configMapKeyRef": ["name", "key"],
        "spec.env[*].valueFrom.secretKeyRef": ["name", "key"],
        "spec.placement.topologySpread[*]": ["topologyKey"],
        **{
            f"spec.podTemplate.{kind}[*]{below}": required
            for kind in ("containers", "initContainers")
            for below, required in {
                "": ["name", "image"],
                ".env[*]": ["name"],
                ".env[*].valueFrom.configMapKeyRef": ["name", "key"],
                ".env[*].valueFrom.secretKeyRef": ["name", "key"],
                ".ports[*]": ["containerPort"],
                ".volumeMounts[*]": ["name", "mountPath"],
                **{
                    f".{probe}Probe.{way}": needed
                    for probe in ("startup", "readiness", "liveness")
                    for way, needed in {
                        "httpGet": ["port"],
                        "tcpSocket": ["port"],
                        "exec": ["command"],
                    }.items()
                },
            }.items()
        },
        "spec.podTemplate.volumeMounts[*]": ["name", "mountPath"],
        "spec.podTemplate.volumes[*]": ["name"],
        "spec.podTemplate.volumes[*].configMap": ["name"],
        "spec.podTemplate.volumes[*].configMap.items[*]": ["key", "path"],
        "spec.podTemplate.volumes[*].csi": ["driver"],
        "spec.podTemplate.volumes[*].persistentVolumeClaim": ["claimName"],
        "spec.podTemplate.volumes[*].secret": ["secretName"],
        "spec.podTemplate.volumes[*].secret.items[*]": ["key", "path"],
        "spec.database.external": ["host", "credentialsSecretRef"],
        "spec.database.external.credentialsSecretRef": ["name"],
        "spec.database.external.tls.caSecretRef": ["name"],
        "spec.database.percona.backupStorages[*]": ["name", "s3"],
        "spec.database.percona.backupStorages[*].s3": ["bucket", "credentialsSecret"],
        "spec.database.rds": ["instanceClass"],
        "spec.database.rds.caSecretRef": ["name"],
        "spec.storage.efs": ["fileSystemId"],
        **{
            f"spec.services.{service}.{field}": needed
            for service in SERVICES
            for field, needed in {
                "autoscaling": ["maxReplicas"],
                "database": ["credentialsSecretRef"],
                "database.credentialsSecretRef": ["name"],
            }.items()
        },
        "spec.mail": ["smtpSecretRef", "from"],
        "spec.mail.smtpSecretRef": ["name"],
        "spec.exposure.ingress": ["hosts"],
        "spec.exposure.gateway": ["parentRefs", "hosts"],
        "spec.backup": ["schedule"],
        "spec.backup.drill": ["schedule"],
        "spec.backup.s3": ["bucket"],
        "spec.backup.s3.caSecretRef": ["name"],
        "spec.backup.s3.credentialsSecretRef": ["name"],
        "spec.exposure.gateway.parentRefs[*]": ["name"],
        "spec.exposure.ingress.tls.secretRef": ["name"],
        "spec.exposure.ingress.tls.issuerRef": ["name"],
    }
    for path, schema in fields(SPEC):
        free = re.search(
            r"(annotations|volumeAttributes|command|args)\[\*\]$|env\[\*\].value$", path
        )
        if schema.get("type") == "string" and not free:
            assert "pattern" in schema or "enum" in schema, path
        if schema.get("type") == "integer":
            assert {"minimum", "maximum"} <= set(schema), path


def test_every_pattern_has_a_sentence_for_whom_it_refuses() -> None:
    for path, schema in fields(VERSION["schema"]["openAPIV3Schema"], ""):
        if "pattern" in schema and path != ".metadata.name":
            told = schema["x-kubernetes-validations"]
            assert any(f"matches(r'{schema['pattern']}')" in one["rule"] for one in told), path


def test_no_word_of_the_status_or_a_column_says_something_else_than_the_condition_of_its_name() -> (
    None
):
    conditions = {condition.lower() for condition in condition_types(BookStores())}
    assert not conditions & {name.lower() for name in Status.model_fields}
    for column in VERSION["additionalPrinterColumns"]:
        if column["name"].lower() in conditions:
            assert f'@.type=="{column["name"]}"' in column["jsonPath"]


def test_a_store_that_chose_neither_replicas_nor_exposure_can_be_told_from_one_that_did() -> None:
    for name in ("replicas", "exposure"):
        assert "default" not in SPEC["properties"][name]
    chosen = {"image": "a", "storage": {"claim": {}}, "database": {"embedded": {}}}
    spec = Spec.model_validate(chosen)
    assert (spec.replicas, spec.least_replicas) == (None, 2)
    assert spec.exposure is None
    assert Spec.model_validate(chosen | {"replicas": 0}).least_replicas == 0


def test_what_a_person_writes_is_bounded_so_that_cel_stays_within_its_budget() -> None:
    for path, schema in fields(SPEC):
        if schema.get("type") == "string" and "enum" not in schema:
            assert "maxLength" in schema, path
        if isinstance(schema.get("additionalProperties"), dict):
            assert "maxProperties" in schema, path
        if schema.get("type") == "array":
            assert "maxItems" in schema, path


def test_every_field_is_described() -> None:
    for path, schema in fields(SPEC):
        if not path.endswith("[*]"):
            assert schema.get("description", "").rstrip().endswith("."), path


def test_a_pattern_without_a_sentence_is_a_mistake_of_ours() -> None:
    class Bare(ApiModel):
        word: Annotated[str, Field(pattern="^a$")]

    with pytest.raises(ValueError, match=r"word has a pattern and no sentence"):
        structural(Bare)


def test_a_union_of_two_members_takes_exactly_one() -> None:
    external = {"host": "db.example.com", "credentialsSecretRef": {"name": "db"}}
    manifest = {"image": "a", "storage": {"claim": {}}, "database": {"embedded": {}}}
    spec = Spec.model_validate(manifest)
    assert (spec.database.mode, spec.storage.mode) == ("embedded", "claim")
    for wrong in ({}, {"embedded": {}, "external": external}):
        with pytest.raises(
            ValueError, match=r"set exactly one of external and rds and percona and embedded"
        ):
            Spec.model_validate({**manifest, "database": wrong})


def test_columns_scale_and_status_read_fields_that_exist() -> None:
    known = {path for path, _ in fields(VERSION["schema"]["openAPIV3Schema"], "")}
    read = [column["jsonPath"] for column in VERSION["additionalPrinterColumns"]]
    for path in [*read, *VERSION["subresources"]["scale"].values()]:
        assert path.partition("[")[0] in known | {".metadata.creationTimestamp"}
