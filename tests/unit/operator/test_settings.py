"""The operator's settings, logs and errors."""

from __future__ import annotations

import json
import logging
from typing import Any, ClassVar

import pytest

from bookstore_operator.config import VARIABLES, Config, ConfigurationError
from bookstore_operator.kube.errors import (
    AbsentError,
    AlreadyExistsError,
    ApiError,
    ExpiredError,
    ForbiddenError,
    QuotaExceededError,
    RefusedError,
    TransientApiError,
    from_response,
)
from bookstore_operator.kube.kinds import CONFIG_MAP, EVENT, SECRET
from bookstore_operator.kube.objects import Ref
from bookstore_operator.logs import JsonFormatter, configure
from tests.unit.operator.staging import parsed, play, seen


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_LEVEL", "LOUD"), ("METRICS_PORT", "http"), ("HEALTH_PORT", "70000")]
)
def test_a_wrong_variable_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is {value}; set it to"):
        Config.of({name: value})


def test_namespaces_are_a_list() -> None:
    assert Config.of({"WATCH_NAMESPACES": "a, b,"}).namespaces == ("a", "b")
    assert Config.of({}).namespaces == ()


def test_the_lease_is_held_by_a_pod_whichever_container_of_it_runs() -> None:
    pod = {"HOSTNAME": "operator-a", "POD_UID": "8b6c", "POD_NAMESPACE": "shops"}
    assert Config.of(pod).holder == Config.of(pod).holder == "operator-a_8b6c"
    assert Config.of(pod).namespace == "shops"


def test_no_two_operators_outside_of_a_cluster_hold_the_lease_together() -> None:
    assert Config.of({}).holder != Config.of({}).holder
    assert Config.of({}).namespace == "bookstore-system"


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    class Read(dict[str, str]):
        asked: ClassVar[set[str]] = set()

        def get(self, name: str, default: object = None) -> Any:
            self.asked.add(name)
            return default

    Config.of(Read())
    # The client reads the kubeconfig's place itself.
    assert Read.asked | {"KUBECONFIG"} == set(VARIABLES)


def test_libraries_never_log_bodies() -> None:
    configure(logging.DEBUG)
    assert not logging.getLogger("kopf").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("bookstore_operator").isEnabledFor(logging.DEBUG)


def test_a_log_line_is_json_without_unknown_extras() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "told %s", "args": ("é",), "body": "s3cret"}
    )
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "told é"
    assert "s3cret" not in str(line)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "not found", AbsentError),
        (409, "the object has been modified", TransientApiError),
        (410, "too old resource version", ExpiredError),
        (422, "spec: Invalid value", RefusedError),
        (429, "too many requests", TransientApiError),
        (503, "", TransientApiError),
        (0, "no answer", TransientApiError),
        (403, 'pods "x" is forbidden: exceeded quota: small', QuotaExceededError),
        (403, 'User "o" cannot patch resource "secrets" in API group ""', ForbiddenError),
        (403, "the namespace is being terminated", TransientApiError),
    ],
)
def test_an_answer_of_the_api_server_has_a_meaning(
    status: int, message: str, kind: type[ApiError]
) -> None:
    error = from_response("apply Secret a/b", status, {"message": message})
    assert type(error) is kind
    assert "apply Secret a/b" in str(error)
    assert message in str(error)


def test_a_name_that_is_taken_is_told_from_an_object_that_changed() -> None:
    body = {"message": 'secrets "a" already exists', "reason": "AlreadyExists"}
    assert type(from_response("create Secret a/b", 409, body)) is AlreadyExistsError


@pytest.mark.parametrize(
    "message", ['admission webhook "policy" denied the request', "is forbidden: unable to create"]
)
def test_a_refusal_by_an_admission_policy_is_no_missing_right(message: str) -> None:
    assert type(from_response("create Service a/b", 403, {"message": message})) is RefusedError


def test_names_stay_within_the_limits_of_kubernetes() -> None:
    longest = "a" * 40
    body = {
        "metadata": {"name": longest, "namespace": "b" * 63},
        "spec": {
            "image": "i",
            "database": {"embedded": {}},
            "storage": {"efs": {"fileSystemId": "fs-01234567"}},
        },
    }
    root = parsed(body)
    for manifests in play(root, seen(root)).values():
        for manifest in manifests:
            limit = 253 if manifest["kind"] == "PersistentVolume" else 63
            assert len(manifest["metadata"]["name"]) <= limit
            assert all(len(value) <= 63 for value in manifest["metadata"]["labels"].values())


def test_references_read_as_people_write_them() -> None:
    assert str(Ref(CONFIG_MAP, "books", "shop-config")) == "ConfigMap books/shop-config"
    assert SECRET.api_version == "v1"
    assert EVENT.api_version == "events.k8s.io/v1"
