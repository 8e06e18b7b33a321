"""What the operator tells Prometheus of its stores and watches."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import Metric

from bookstore_operator.api.conditions import Condition
from bookstore_operator.bookstore import BookStores
from bookstore_operator.metrics import Roots, Watches

SHOP, OTHER = ("books", "shop"), ("books", "other")


def condition(kind: str, status: str, reason: str = "Reconciled") -> Condition:
    return Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "",
            "lastTransitionTime": "2026-01-01T12:00:00Z",
        }
    )


def samples(families: Iterable[Metric], name: str) -> dict[tuple[str, ...], float]:
    """Return what is told under a name, by the values of its labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_a_store_tells_its_summary_with_namespace_name_and_reason() -> None:
    roots = Roots()
    roots.judged(SHOP, [condition("Ready", "False", "SecretNotFound")])
    roots.judged(OTHER, [condition("Ready", "Unknown"), condition("WebReady", "True")])
    assert samples(roots.families(), "bookstore_store_condition") == {
        ("books", "shop", "Ready", "SecretNotFound"): 0.0,
        ("books", "other", "Ready", "Reconciled"): -1.0,
    }


def test_a_store_tells_what_an_alert_asks_of_its_backups() -> None:
    roots = Roots()
    roots.tell(one.condition for one in BookStores().components if one.told)
    failed, missing = condition("BackedUp", "False"), condition("BackedUpOffSite", "False")
    roots.judged(SHOP, [failed, missing, condition("WebReady", "True")])
    assert samples(roots.families(), "bookstore_store_condition") == {
        ("books", "shop", "BackedUp", "Reconciled"): 0.0,
        ("books", "shop", "BackedUpOffSite", "Reconciled"): 0.0,
    }


def test_a_condition_has_one_series_whatever_its_reasons_were() -> None:
    roots = Roots()
    roots.judged(SHOP, [condition("Degraded", "True", "SecretNotFound")])
    roots.judged(SHOP, [condition("Degraded", "False")])
    told = samples(roots.families(), "bookstore_store_condition")
    assert told == {("books", "shop", "Degraded", "Reconciled"): 0.0}


def test_stores_are_counted_by_condition() -> None:
    roots = Roots()
    roots.judged(SHOP, [condition("Ready", "True")])
    roots.judged(OTHER, [condition("Ready", "True")])
    assert samples(roots.families(), "bookstore_stores") == {("Ready", "True"): 2.0}
    roots.forget(OTHER)
    assert samples(roots.families(), "bookstore_stores") == {("Ready", "True"): 1.0}


def test_a_store_that_is_gone_leaves_no_series() -> None:
    roots = Roots()
    roots.judged(SHOP, [condition("Ready", "True")])
    roots.passed(SHOP)
    roots.forget(SHOP)
    assert not [sample for family in roots.families() for sample in family.samples]


def test_the_last_pass_that_ended_well_is_told_as_a_time() -> None:
    roots = Roots()
    roots.passed(SHOP)
    told = samples(roots.families(), "bookstore_store_last_success_timestamp_seconds")
    assert told[SHOP] == pytest.approx(time.time(), abs=60)


def test_the_most_silent_watch_speaks_for_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    watches, now = Watches(), [1000.0]
    monkeypatch.setattr("bookstore_operator.metrics.time.monotonic", lambda: now[0])
    watches.hear("secrets", "?managed")
    now[0] += 50
    watches.hear("secrets", "?")
    watches.hear("certificates", "?managed")
    watches.forget("certificates", "?managed")
    now[0] += 5
    told = samples(watches.families(), "bookstore_watch_silence_seconds")
    assert told == {("secrets",): 55.0}


def test_prometheus_gets_a_page() -> None:
    page = generate_latest(REGISTRY).decode()
    for name in ("bookstore_leader", "bookstore_queue_wait_seconds", "bookstore_stores"):
        assert f"# HELP {name} " in page
