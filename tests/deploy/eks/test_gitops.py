"""What Argo CD and Flux make of a BookStore, told by their own libraries."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bookstore_operator.api.conditions import API_ERROR, Condition
from bookstore_operator.components.pods import PODS_NOT_READY
from bookstore_operator.components.shop import WEB_READY
from bookstore_operator.engine.conditions import conditions, terminating
from bookstore_operator.engine.verdict import failed, ready, unknown
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import opened
from tests.cluster.support.store import Store
from tests.deploy.eks.support.local import LocalStore
from tests.deploy.eks.support.overlays import ROOT
from tests.deploy.eks.support.program import program
from tests.support.poll import eventually
from tests.unit.operator.staging import NOW, store

GITOPS = ROOT / "deploy" / "eks" / "gitops"


def judged(tool: Path, file: Path, states: list[Manifest]) -> list[Any]:
    """Let a tool judge the states of a store by the health checks of a file."""
    done = subprocess.run(
        [tool, file], input=json.dumps(states), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    return told


class Tools:
    """Both tools, which answer by status alone."""

    def __init__(self) -> None:
        self._argocd = program("argocd")
        self._flux = program("flux")

    def argocd(self, *states: Manifest) -> list[dict[str, str]]:
        return judged(self._argocd, GITOPS / "argocd" / "argocd-cm.yaml", list(states))

    def flux(self, *states: Manifest) -> list[str]:
        return judged(self._flux, GITOPS / "flux" / "store.yaml", list(states))

    def statuses(self, state: Manifest) -> tuple[str, str]:
        return self.argocd(state)[0]["status"], self.flux(state)[0]


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools()


def state(told: list[Condition], generation: int = 1, **metadata: Any) -> Manifest:
    """Return a store as the API server returns it, of whose first generation this was told."""
    return {
        "apiVersion": "bookstore.dev/v1",
        "kind": "BookStore",
        "metadata": {"name": "shop", "generation": generation, **metadata},
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "conditions": [condition.manifest() for condition in told],
        },
    }


GOOD = conditions(store(), {WEB_READY: ready("Serving.")}, None, NOW)
BROKEN = conditions(store(), {WEB_READY: failed(PODS_NOT_READY, "No node.")}, None, NOW)


def test_a_store_on_its_way_is_waited_for_until_it_is_ready(
    tools: Tools, local_store: LocalStore
) -> None:
    *before, last = local_store.seen
    assert before, "the store was never seen on its way"
    assert {one["status"] for one in tools.argocd(*before)} == {"Progressing"}
    assert set(tools.flux(*before)) <= {"InProgress", "Unknown"}
    assert tools.statuses(last) == ("Healthy", "Current")


@pytest.fixture(scope="module")
def lost(kube: Kube) -> Iterator[Store]:
    """A store whose Secret nobody made."""
    with opened(kube, "gitops") as namespace:
        found = Store(kube, namespace, "shop")
        external = {"host": "db.example.com", "credentialsSecretRef": {"name": "db"}}
        found.apply(
            {
                "image": "bookstore/app:1.0.0",
                "database": {"external": external},
                "storage": {"efs": {"fileSystemId": "fs-0123456789abcdef0"}},
            }
        )
        found.wait_told("SecretNotFound")
        yield found


def test_a_store_that_lacks_something_has_failed_with_its_own_sentence(
    tools: Tools, lost: Store
) -> None:
    (told,) = tools.argocd(lost.get())
    assert told["status"] == "Degraded"
    assert f"{lost.namespace}/db" in told["message"]
    assert tools.flux(lost.get()) == ["Failed"]


def test_a_paused_store_is_suspended_and_holds_nothing_up(tools: Tools, lost: Store) -> None:
    lost.edit(state="Paused")
    eventually(lambda: lost.told("Ready", "False", "Paused"), within=60)
    assert tools.statuses(lost.get()) == ("Suspended", "Current")


@pytest.mark.parametrize("seen", [GOOD, BROKEN], ids=["ready", "broken"])
def test_what_was_told_of_an_older_spec_does_not_count(tools: Tools, seen: list[Condition]) -> None:
    assert tools.statuses(state(seen, generation=2)) == ("Progressing", "InProgress")


def test_an_api_server_that_fails_for_a_while_is_no_failure_of_the_store(tools: Tools) -> None:
    before = replace(store(), conditions=tuple(GOOD))
    told = conditions(before, {WEB_READY: unknown(API_ERROR, "no answer")}, None, NOW)
    assert {one.type: one.status for one in told}["Degraded"] == "True"
    assert tools.statuses(state(told)) == ("Healthy", "Current")


def test_a_broken_store_that_is_being_deleted_is_under_way(tools: Tools) -> None:
    before = replace(store(), conditions=tuple(BROKEN))
    told = terminating(before, "Pods end.", NOW)
    assert tools.statuses(state(told)) == ("Progressing", "InProgress")


def test_a_store_that_nobody_has_looked_at_is_not_healthy(tools: Tools) -> None:
    new = {key: value for key, value in state(GOOD).items() if key != "status"}
    assert tools.statuses(new) == ("Progressing", "Unknown")
