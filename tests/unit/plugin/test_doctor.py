"""The doctor finds what blocks a store, and has a fix for each reason that the operator knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bookstore_operator.backups import backups, restores
from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import Resource
from bookstore_operator.engine.resource import reasons as known_reasons
from kubectl_bookstore.doctor import Scene, examine
from kubectl_bookstore.objects import Manifest
from kubectl_bookstore.reasons import UNKNOWN, fix, reasons
from tests.unit.plugin.conftest import recorded

RESOURCES: tuple[Resource, ...] = (BookStores(), backups(), restores())
KNOWN = sorted({reason for resource in RESOURCES for reason in known_reasons(resource)})
ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPERATORS = [{"metadata": {"name": "bookstore-operator-a"}}]


def lease(age: timedelta = timedelta(), holder: str = "bookstore-operator-a_1") -> Manifest:
    renewed = (NOW - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": holder, "renewTime": renewed}}


def told(store: Manifest, *pods: Manifest) -> Iterator[str]:
    """Return what the doctor says of a store, with an operator that is well."""
    for finding in examine(Scene(store, pods, lease(), OPERATORS, NOW)):
        yield f"{finding.what} | {finding.fix}"


@pytest.mark.parametrize("reason", KNOWN)
def test_every_reason_that_the_operator_knows_has_a_fix(reason: str) -> None:
    assert fix(reason) not in ("", UNKNOWN), f"give Reason {reason} a fix"


def test_no_fix_is_of_a_reason_that_the_operator_does_not_know() -> None:
    assert set(reasons()) == set(KNOWN)


def test_the_pages_that_fixes_name_are_there() -> None:
    pages = {page for one in reasons().values() for page in re.findall(r"docs/\S+\.md", one.fix)}
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_a_store_that_is_well_has_no_finding() -> None:
    assert list(told(recorded("well"))) == []


def test_a_cause_is_named_once_and_what_waits_for_it_is_not() -> None:
    (said,) = told(recorded("blocked"))
    assert said.startswith(
        "DatabaseReady is False, SecretNotFound: Secret books/login is not there"
    )
    assert said.endswith(fix("SecretNotFound"))


def test_a_reason_of_a_newer_operator_is_told_with_its_message() -> None:
    store = recorded("blocked")
    for one in store["status"]["conditions"]:
        one["reason"] = one["reason"].replace("SecretNotFound", "MoonInTheWrongPhase")
    (said,) = told(store)
    assert "MoonInTheWrongPhase: Secret books/login" in said
    assert UNKNOWN in said


@pytest.mark.parametrize("state", ["Paused", "Hibernated"])
@pytest.mark.parametrize("status", ["True", "False", "Unknown"])
def test_a_store_that_rests_by_intent_is_told_as_one(state: str, status: str) -> None:
    store = recorded("well")
    store["spec"]["state"] = state
    for one in store["status"]["conditions"]:
        one.update(reason=state, message="It is meant so.")
        if one["type"] not in {"Progressing", "Degraded"}:
            one["status"] = status
    assert list(told(store)) == [
        f"spec.state is {state}: the store is left so by intent. | {fix(state)}"
    ]


@pytest.mark.parametrize(
    ("held", "operators", "expected"),
    [
        (lease(), [], "No pod of the operator runs"),
        (None, OPERATORS, "No operator has acted yet"),
        (lease(holder=""), OPERATORS, "No operator has acted yet"),
        (lease(timedelta(minutes=5)), OPERATORS, "since 2026-01-01 11:55:00 UTC"),
    ],
)
def test_an_operator_that_does_not_act_is_found(
    held: Manifest | None, operators: list[Manifest], expected: str
) -> None:
    (finding,) = examine(Scene(recorded("well"), (), held, operators, NOW))
    assert expected in finding.what


def test_who_may_not_see_the_operator_hears_of_the_store_alone() -> None:
    assert examine(Scene(recorded("well"))) == []


def test_an_edit_that_nobody_has_judged_is_told() -> None:
    store = recorded("well")
    store["metadata"]["generation"] = 4
    assert list(told(store)) == [
        "The operator has not judged the last edit yet. | Wait some seconds."
    ]


def test_a_store_of_no_replicas_serves_nobody() -> None:
    store = recorded("well")
    store["spec"]["replicas"] = 0
    (said,) = told(store)
    assert "kubectl scale bookstore shop -n books --replicas=2" in said


def pod(**status: object) -> Manifest:
    return {"metadata": {"name": "shop-1"}, "status": status}


def waiting(why: str, **last: object) -> Manifest:
    state = {"waiting": {"reason": why, "message": "back-off"}}
    container = {"name": "shop", "image": "i:1", "state": state, "restartCount": 3}
    return pod(containerStatuses=[container | {"lastState": {"terminated": last}}])


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (waiting("ImagePullBackOff"), "cannot pull i:1: back-off | Correct spec.image"),
        (
            waiting("CrashLoopBackOff", reason="OOMKilled", exitCode=137),
            "3 restarts). | Raise spec.resources.limits.memory.",
        ),
        (
            waiting("CrashLoopBackOff", reason="Error", exitCode=1),
            "exit code 1, 3 restarts). | Its last words: `kubectl bookstore logs --previous`.",
        ),
        (waiting("CreateContainerConfigError"), "cannot start: back-off"),
        (
            pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "no room"}]),
            "finds no node: no room | Make room",
        ),
    ],
)
def test_pods_tell_what_conditions_do_not(seen: Manifest, expected: str) -> None:
    (said,) = told(recorded("well"), seen)
    assert expected in said
