"""The CRD says what the models say, and in words that help."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema
import pytest
from hypothesis import given
from pydantic import Field

from bookstore_operator.api.crd import bookstore_crd
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.api.structural import structural
from tests.unit.operator.strategies import valid_manifests

Schema = dict[str, Any]

VERSION = bookstore_crd()["spec"]["versions"][0]
SPEC = VERSION["schema"]["openAPIV3Schema"]["properties"]["spec"]


def fields(schema: Schema, path: str = "spec") -> Iterator[tuple[str, Schema]]:
    """Walk a schema and yield every part with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from fields(schema[name], f"{path}[*]")


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
    return value


@given(valid_manifests())
def test_the_api_server_and_the_operator_fill_in_the_same_defaults(manifest: Schema) -> None:
    known = BookStoreSpec.model_validate(manifest).manifest()
    assert defaulted(copy.deepcopy(manifest), SPEC) == known


@given(valid_manifests())
def test_a_spec_that_the_operator_takes_fits_the_schema(manifest: Schema) -> None:
    jsonschema.validate(BookStoreSpec.model_validate(manifest).manifest(), SPEC)


@given(valid_manifests())
def test_a_spec_is_the_same_after_a_round_trip(manifest: Schema) -> None:
    spec = BookStoreSpec.model_validate(manifest)
    assert BookStoreSpec.model_validate(spec.manifest()) == spec


def test_the_schema_is_structural() -> None:
    for path, schema in fields(SPEC):
        assert "type" in schema or schema.get("x-kubernetes-int-or-string"), path
        assert not {"$ref", "anyOf", "oneOf", "title", "nullable", "pattern"} & set(schema), path


def test_what_a_person_writes_is_bounded_so_that_cel_stays_within_its_budget() -> None:
    for path, schema in fields(SPEC):
        if schema.get("type") == "string" and "enum" not in schema:
            assert "maxLength" in schema, path
        if isinstance(schema.get("additionalProperties"), dict):
            assert "maxProperties" in schema, path


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
    spec = BookStoreSpec.model_validate(manifest)
    assert (spec.database.mode, spec.storage.mode) == ("embedded", "claim")
    for wrong in ({}, {"embedded": {}, "external": external}):
        with pytest.raises(ValueError, match=r"set exactly one of external and embedded"):
            BookStoreSpec.model_validate({**manifest, "database": wrong})


def test_columns_scale_and_status_read_fields_that_exist() -> None:
    known = {path for path, _ in fields(VERSION["schema"]["openAPIV3Schema"], "")}
    read = [column["jsonPath"] for column in VERSION["additionalPrinterColumns"]]
    for path in [*read, *VERSION["subresources"]["scale"].values()]:
        assert path.partition("[")[0] in known | {".metadata.creationTimestamp"}
