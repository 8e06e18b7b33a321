"""Variables of a person's own: where their values are, and what rolls the shop's pods."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings

from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.components.credentials import (
    SECRET_INVALID,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
)
from bookstore_operator.components.environment import (
    CONFIG_MAP_KEY_MISSING,
    CONFIG_MAP_NOT_FOUND,
    RESERVED,
    Environment,
)
from bookstore_operator.components.shop import ENVIRONMENT_READY
from bookstore_operator.components.web import Web
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import parsed, play, seen, store
from tests.unit.operator.strategies import valid_specs

ENV = [
    {"name": "LOG_LEVEL", "value": "DEBUG"},
    {"name": "EMPTY", "value": ""},
    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "extra", "key": "token"}}},
    {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "words", "key": "hello"}}},
]


def secret(key: str = "token", value: bytes = b"s3cret", **metadata: Any) -> Manifest:
    data = {key: base64.b64encode(value).decode()}
    where = {"name": "extra", "namespace": "books", **metadata}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": where, "data": data}


def words(**data: str) -> Manifest:
    metadata = {"name": "words", "namespace": "books"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def played(root: Store, *objects: Manifest) -> View:
    view = seen(root, *objects)
    play(root, view)
    return view


def pods(*objects: Manifest) -> tuple[Manifest, Manifest, Manifest]:
    """Return the plain environment, the secret one, and the template of the shop's pods."""
    root = store(env=ENV)
    made = {one["kind"]: one for one in Web().children(root, played(root, *objects))}
    return made["ConfigMap"]["data"], made["Secret"]["data"], made["Deployment"]["spec"]["template"]


def test_plain_values_and_those_of_config_maps_are_plain_and_secrets_stay_in_secrets() -> None:
    plain, hidden, template = pods(secret(), words(hello="good day"))
    assert plain["LOG_LEVEL"] == "DEBUG"
    assert plain["EMPTY"] == ""
    assert plain["GREETING"] == "good day"
    assert "TOKEN" not in plain
    assert base64.b64decode(hidden["TOKEN"]) == b"s3cret"
    names = [one["name"] for one in template["spec"]["containers"][0]["env"]]
    assert "TOKEN" in names
    assert "s3cret" not in str(template)


@pytest.mark.parametrize(
    "changed",
    [(secret(value=b"new"), words(hello="good day")), (secret(), words(hello="good night"))],
)
def test_another_value_rolls_the_pods_and_other_metadata_does_not(
    changed: tuple[Manifest, Manifest],
) -> None:
    before = pods(secret(), words(hello="good day"))[2]
    assert pods(*changed)[2] != before
    assert pods(secret(labels={"team": "red"}), words(hello="good day", other="x"))[2] == before


@pytest.mark.parametrize(
    ("objects", "reason", "sentence"),
    [
        ((), SECRET_NOT_FOUND, "Secret books/extra is not there; create it, or take TOKEN out"),
        ((secret("other"),), SECRET_KEY_MISSING, 'Secret books/extra has no key "token"'),
        ((secret(value=b"\xff"),), SECRET_INVALID, 'the value of "token" is not text'),
        ((secret(value=b"a\0"),), SECRET_INVALID, 'the value of "token" is not text'),
        ((secret(),), CONFIG_MAP_NOT_FOUND, "ConfigMap books/words is not there; create it"),
        ((secret(), words()), CONFIG_MAP_KEY_MISSING, 'ConfigMap books/words has no key "hello"'),
    ],
)
def test_what_a_variable_refers_to_and_is_not_there_is_named(
    objects: tuple[Manifest, ...], reason: str, sentence: str
) -> None:
    root = store(env=ENV)
    verdict = Environment().judge(root, seen(root, *objects))
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, reason, True)
    assert sentence in verdict.message
    assert ENVIRONMENT_READY in Web.requires


def test_a_value_that_is_empty_is_a_value() -> None:
    root = store(env=ENV)
    assert Environment().judge(root, seen(root, secret(value=b""), words(hello=""))).ready


@settings(max_examples=50, deadline=None)
@given(valid_specs())
def test_every_variable_that_the_operator_sets_is_reserved(spec: BookStoreSpec) -> None:
    root = parsed({"spec": spec.model_copy(update={"env": None}).manifest()})
    for one in Web().children(root, played(root)):
        if one["kind"] == "ConfigMap":
            assert one["data"].keys() <= RESERVED.keys()
        if one["kind"] == "Deployment":
            container, *_ = one["spec"]["template"]["spec"]["containers"]
            assert {variable["name"] for variable in container["env"]} <= RESERVED.keys()
