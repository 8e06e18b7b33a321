"""A database on RDS that cannot be used: whom the operator asks, and which way out it names."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.database.database import (
    DATABASE_FAILED,
    DATABASE_PROVISIONING,
    OBSTACLES,
)
from bookstore_operator.components.database.probe import Readiness
from bookstore_operator.components.database.rds import RdsDatabase
from bookstore_operator.components.shop import SCHEMA_MIGRATED, WEB_READY, web_pods
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, put, seen
from tests.unit.operator.test_database_probe import UNREADY
from tests.unit.operator.test_database_probe import condition as lasting
from tests.unit.operator.test_rds import HOST, instance, judged, on_rds, told

UNREADY_WEB = (lasting(SCHEMA_MIGRATED, "True"), lasting(WEB_READY, "False"))
"""A store that was migrated, and whose pods have not been ready for an hour."""


def unready(status: Manifest, **rds: Any) -> tuple[Store, View]:
    """Return a store with a pod that is not ready, and the instance in that state."""
    root = on_rds(status={"conditions": list(UNREADY_WEB)}, **rds)
    view = seen(root, instance(root, status=status))
    play(root, view)
    put(view, instance(root, status=status))
    view.lists[web_pods(root)] = [UNREADY]
    return root, view


def said(words: str, **rds: Any) -> Verdict:
    """Return the verdict where the shop's pod says so of a server that RDS calls available."""
    root, view = unready(told(endpoint=True, state="available"), **rds)
    view.facts = {Readiness("10.0.0.7"): words}
    return RdsDatabase().judge(root, view)


def test_pods_are_asked_why_they_are_not_ready_once_there_is_a_server() -> None:
    root, view = unready(told(endpoint=True, state="available"))
    assert web_pods(root) in RdsDatabase().queries(root, view)
    assert RdsDatabase().questions(root, view) == [Readiness("10.0.0.7")]


def test_no_pod_is_asked_of_a_server_that_is_not_made_yet() -> None:
    root, view = unready(told())
    assert RdsDatabase().queries(root, view) == []
    assert RdsDatabase().questions(root, view) == []


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (
            "database unreachable",
            (
                "; see that spec.database.rds.securityGroupIds let the pods in at port 3306, and "
                "that the pods reach the subnets of spec.database.rds.subnetGroupName"
            ),
        ),
        (
            "database access denied",
            (
                "; wait while RDS takes the password in; where somebody changed it there, set it "
                'to key "database-password" of Secret books/shop-secret'
            ),
        ),
        ("database schema unknown", "; somebody dropped it; make it again, or restore a backup"),
        (
            "database read-only",
            "; wait for RDS to end its failover, or raise the storage if that is full",
        ),
        (
            "database certificate untrusted",
            '; put RDS\' bundle of today into key "ca.crt" of Secret books/rds-ca',
        ),
        ("database certificate expired", "; let RDS rotate it, by the console"),
        ("database certificate of another name", "; see to it in the RDS console"),
        ("database without TLS", "; see to it in the RDS console"),
        ("database wants TLS", "; see to it in the RDS console"),
        ("database TLS failed", "; see to it in the RDS console"),
    ],
)
def test_each_obstacle_is_told_with_the_way_out_of_it_on_rds(words: str, way_out: str) -> None:
    verdict = said(words, caSecretRef={"name": "rds-ca"})
    assert (verdict.state, verdict.reason) == (State.FAILED, OBSTACLES[words])
    assert HOST in verdict.message
    assert verdict.message.endswith(way_out)


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        ({"message": "No such  class.\n", "reason": "Invalid"}, "No such class"),
        ({"message": "", "reason": "Invalid"}, "Invalid"),
        ({}, "it gave no word"),
    ],
)
def test_ack_is_quoted_by_message_or_reason_or_is_said_to_be_silent(
    spoken: Manifest, words: str
) -> None:
    terminal = {"type": "ACK.Terminal", "status": "True", **spoken}
    verdict = judged(on_rds(), told(terminal))
    assert verdict.reason == DATABASE_FAILED
    assert f" up: {words}; correct spec.database.rds" in verdict.message


def test_an_instance_of_which_ack_says_nothing_yet_is_being_created() -> None:
    verdict = judged(on_rds(), {"ackResourceMetadata": {"region": "eu-west-1"}})
    assert (verdict.state, verdict.reason) == (State.WAITING, DATABASE_PROVISIONING)
    assert verdict.message.endswith(" is creating; RDS takes some minutes.")


@pytest.mark.parametrize(
    ("since", "state", "again"),
    [("11:55:00", State.WAITING, 1.0), ("11:54:59", State.FAILED, None)],
)
def test_ack_may_try_again_for_five_minutes_before_it_needs_a_hand(
    since: str, state: State, again: float | None
) -> None:
    trying = {"type": "ACK.Recoverable", "status": "True", "message": "Throttling"}
    verdict = judged(on_rds(), told(trying | {"lastTransitionTime": f"2026-01-01T{since}Z"}))
    assert (verdict.state, verdict.again) == (state, again)


def test_what_ack_tries_again_without_saying_since_when_began_just_now() -> None:
    trying = {"type": "ACK.Recoverable", "status": "True", "message": "Throttling"}
    assert judged(on_rds(), told(trying)).again == 301.0
