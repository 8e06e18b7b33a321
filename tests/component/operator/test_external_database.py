"""An external database: what keeps the shop from it is told, and ends by itself."""

from __future__ import annotations

import json

import pytest

from bookstore_operator.components.database.probe import Readiness
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.controllers import NOW
from tests.component.operator.stage import Stage, controlling

NEW = {"username": "c2hvcA==", "password": "bmV3"}
ADDRESS = "192.0.2.7"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Answer /readyz for the pods of the shop, by address."""
    said: dict[str, str] = {}

    async def ask(self: Readiness) -> str | None:
        return said.get(self.address)

    monkeypatch.setattr(Readiness, "ask", ask)
    monkeypatch.setattr("bookstore_operator.engine.facts.INTERVAL", 0.05)
    monkeypatch.setattr("bookstore_operator.components.pods.EXPLAINED_AFTER", 0.0)
    return said


async def put_pod(stage: Stage, name: str, labels: dict[str, str], status: Manifest) -> None:
    containers = [{"name": "shop", "image": "bookstore/app:1"}]
    body: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": labels},
        "spec": {"containers": containers},
    }
    stage.cluster.apply(("pods", "books", name), body, "kubelet")
    stage.cluster.merge(("pods", "books", name), {"status": status}, "kubelet", "status")
    await stage.cluster.tell()


async def fail_migration(stage: Stage, **word: str) -> None:
    """Let the migration's pod end with a last word, and its Job be failed."""
    name = stage.named("jobs", "shop-migrate-")
    job = stage.get("jobs", name)
    labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
    ended = {"finishedAt": NOW, "message": json.dumps(word)}
    status = {"containerStatuses": [{"name": "migrate", "state": {"terminated": ended}}]}
    await put_pod(stage, f"{name}-pod", labels, status)
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": "2999-01-01T00:00:00Z"}
    stage.cluster.merge(
        ("jobs", "books", name), {"status": {"conditions": [failed]}}, "controller", "status"
    )
    await stage.cluster.tell()


async def let_pods_be(stage: Stage, ready: int) -> None:
    """Let so many pods of the shop be ready."""
    counts = {"readyReplicas": ready, "availableReplicas": ready, "replicas": 2}
    status = {"observedGeneration": 99, "updatedReplicas": 2, **counts}
    stage.cluster.merge(
        ("deployments", "books", "shop"), {"status": status}, "controller", "status"
    )
    await stage.cluster.tell()


async def test_a_login_that_is_refused_is_told_by_the_migration_and_ends_with_the_right_one(
    bare: Stage,
) -> None:
    bare.held = {"jobs", "deployments"}
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.until(lambda: any(place[0] == "jobs" for place in bare.cluster.objects))
        word = {"error": "DatabaseRefused", "obstacle": "database access denied"}
        await fail_migration(bare, **word, message="The database refuses the shop.")
        await bare.until_told("DatabaseAccessDenied")
        assert bare.condition("DatabaseReady") == ("False", "DatabaseAccessDenied")
        assert bare.condition("SchemaMigrated") == ("False", "DatabaseAccessDenied")
        assert "correct user and password in Secret books/login" in bare.message("DatabaseReady")
        await bare.secret(**NEW)
        bare.held = set()
        await bare.until_ready()
        assert bare.condition("DatabaseReady") == ("True", "Reconciled")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("database unreachable", "DatabaseUnreachable"),
        ("database schema unknown", "DatabaseSchemaUnknown"),
        ("database read-only", "DatabaseReadOnly"),
        ("database certificate expired", "DatabaseTLSFailed"),
    ],
)
async def test_what_the_pods_say_is_told_and_ends_by_itself(
    bare: Stage, answers: dict[str, str], words: str, reason: str
) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held = {"deployments"}
        labels = bare.get("deployments", "shop")["spec"]["selector"]["matchLabels"]
        await put_pod(bare, "shop-1", labels, {"podIP": ADDRESS})
        answers[ADDRESS] = words
        await let_pods_be(bare, ready=0)
        await bare.until_told(reason)
        assert bare.condition("DatabaseReady") == ("False", reason)
        assert bare.condition("Available")[0] == "False"
        await let_pods_be(bare, ready=2)
        await bare.until_ready()
        assert bare.condition("DatabaseReady") == ("True", "Reconciled")


async def test_what_the_pods_say_is_remembered_by_an_operator_that_starts_anew(
    bare: Stage, answers: dict[str, str]
) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held = {"deployments"}
        labels = bare.get("deployments", "shop")["spec"]["selector"]["matchLabels"]
        await put_pod(bare, "shop-1", labels, {"podIP": ADDRESS})
        answers[ADDRESS] = "database read-only"
        await let_pods_be(bare, ready=0)
        await bare.until_told("DatabaseReadOnly")
    answers.clear()
    begun = len(bare.cluster.journal)
    async with controlling(bare):
        await bare.until_passes()
    told = [
        condition["reason"]
        for change in bare.cluster.journal[begun:]
        if change.plural == "bookstores"
        for condition in change.live["status"]["conditions"]
        if condition["type"] == "DatabaseReady"
    ]
    assert set(told) <= {"DatabaseReadOnly"}
    assert bare.condition("DatabaseReady") == ("False", "DatabaseReadOnly")


@pytest.mark.fault(row=14)
async def test_a_rotated_password_rolls_the_pods_once_and_a_label_on_its_secret_never(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await bare.made()
        before = bare.get("deployments", "shop")["metadata"]["generation"]
        jobs = bare.server.writes()
        await bare.edit("secrets", "login", {"metadata": {"labels": {"team": "red"}}})
        await bare.until_quiet()
        assert bare.get("deployments", "shop")["metadata"]["generation"] == before
        await bare.secret(**NEW)
        await bare.until(lambda: bare.get("deployments", "shop")["metadata"]["generation"] > before)
        await bare.until_ready()
        await bare.until_quiet()
        assert bare.get("deployments", "shop")["metadata"]["generation"] == before + 1
        again = bare.server.writes()[len(jobs) :]
        assert [write for write in again if "/jobs" in write] == [], "no migration for a password"
        shown = json.dumps(
            [live for place, live in bare.cluster.objects.items() if place[0] not in {"secrets"}]
        )
        assert "bmV3" not in shown
        assert '"new"' not in shown
