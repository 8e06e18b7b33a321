"""What is told of a store, when, and beside whom."""

from __future__ import annotations

import pytest

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

AUDITED: Manifest = {"type": "Audited", "status": "True", "reason": "Audit", "message": "Fine."}


async def test_fields_that_the_operator_does_not_know_are_passed_over_and_named_once(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await bare.made(hologram={"size": 3})
        await bare.edit("deployments", "shop", {"spec": {"replicas": 9}})
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 2)
        await bare.until_ready()
        await bare.until(lambda: bare.notes("UnknownField") != [])
        await bare.until_quiet()
        (note,) = bare.notes("UnknownField")
        assert "hologram" in note
        assert bare.get("bookstores", "shop")["spec"]["hologram"] == {"size": 3}


async def test_a_spec_that_cannot_be_understood_is_told_and_what_runs_stays(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        before = bare.get("deployments", "shop")["spec"]
        await bare.edit("bookstores", "shop", {"spec": {"replicas": "many"}})
        await bare.until_told("Invalid")
        assert "spec.replicas" in bare.message("Degraded")
        assert bare.get("deployments", "shop")["spec"] == before
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 2}})
        await bare.until_ready()


async def test_a_spec_that_cannot_be_understood_can_be_deleted(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(deletionPolicy="Delete")
        await bare.edit("bookstores", "shop", {"spec": {"replicas": "many"}})
        await bare.until_told("Invalid")
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        await bare.until(lambda: bare.find("secrets", "shop-secret") is None)
        assert bare.find("persistentvolumeclaims", "shop-files"), "no data is destroyed by guess"


async def test_conditions_of_other_writers_survive(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        told = bare.get("bookstores", "shop")["status"]["conditions"]
        patch = {"status": {"conditions": [*told, AUDITED]}}
        bare.cluster.merge(("bookstores", "books", "shop"), patch, "auditor", "status")
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until_ready()
        await bare.until_quiet()
        status = bare.get("bookstores", "shop")["status"]
        assert AUDITED in status["conditions"]
        assert len({one["type"] for one in status["conditions"]}) == len(status["conditions"])


@pytest.mark.fault(row=6)
async def test_fields_of_other_writers_survive_and_cost_no_write(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        patch = {"status": {"auditedBy": "red"}}
        bare.cluster.merge(("bookstores", "books", "shop"), patch, "auditor", "status")
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until_ready()
        await bare.until_quiet()
        before = len(bare.server.writes())
        await bare.edit("services", "shop-svc", {"metadata": {"labels": {"team": "red"}}})
        await bare.until_quiet()
        assert bare.server.writes()[before:] == []
        assert bare.get("bookstores", "shop")["status"]["auditedBy"] == "red"


async def test_an_address_that_is_gone_is_no_longer_told(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held.add("services")
        none = {"status": {"loadBalancer": {"ingress": None}}}
        bare.cluster.merge(("services", "books", "shop-svc"), none, "controller", "status")
        await bare.cluster.tell()
        await bare.until(lambda: bare.condition("Exposed") == ("False", "AddressPending"))
        assert "url" not in bare.get("bookstores", "shop")["status"]


async def test_a_store_that_is_being_deleted_says_what_it_waits_for(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(deletionPolicy="Delete", storage={"claim": {}})
        held = {"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}}
        await bare.edit("persistentvolumeclaims", "shop-files", held)
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.condition("Ready") == ("False", "Terminating"))
        assert "PersistentVolumeClaim books/shop-files" in bare.message("Ready")
        await bare.edit("persistentvolumeclaims", "shop-files", {"metadata": {"finalizers": None}})
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_an_event_that_cannot_be_written_harms_nothing(bare: Stage) -> None:
    bare.server.faults.append(Fault("POST", "/events", 403, times=100))
    async with controlling(bare):
        await bare.made()
    assert bare.events() == []


async def test_a_store_that_went_without_a_word_is_looked_for(bare: Stage) -> None:
    async with controlling(bare) as controller:
        await bare.made()
        known = set(controller.cache.of_kind(controller.resource.kind))
        assert len(known) == 1
        bare.server.faults.append(Fault("GET", r"/bookstores\?", 503, times=10**6))
        await bare.server.end_watches("expire")
        del bare.cluster.objects["bookstores", "books", "shop"]
        await bare.edit("services", "shop-svc", {"spec": {"selector": {"tier": "nowhere"}}})
        await bare.until(lambda: controller.cache.of_kind(controller.resource.kind) == [])


@pytest.mark.fault(row=6)
async def test_what_another_wrote_at_the_same_moment_stays(bare: Stage) -> None:
    bare.server.hangs.append(r"^PATCH .*/bookstores/shop\?")
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.until(lambda: bare.server.hanging == 1)
        theirs = {"labels": {"team": "red"}, "finalizers": ["example.com/hold"]}
        await bare.edit("bookstores", "shop", {"metadata": theirs})
        bare.server.release()
        await bare.until_ready()
    metadata = bare.get("bookstores", "shop")["metadata"]
    assert metadata["labels"] == {"team": "red"}
    assert "example.com/hold" in metadata["finalizers"]
    assert len(metadata["finalizers"]) == 2, "ours came beside it"
