"""Who changes a child, and what becomes of the change."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import child_kinds
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.cluster import Place
from tests.component.operator.server import Fault
from tests.component.operator.specs import SPECS, children, made
from tests.component.operator.stage import Stage, controlling

CHILDREN = "bookstore_operator.engine.children"
WITH_DATA = {kind.plural for kind in child_kinds(BookStores()) if kind.holds_data}
"""Their loss is told and not made good in silence."""

KINDS_OF = {
    "plain": {
        *("configmaps", "cronjobs", "deployments", "jobs", "networkpolicies"),
        *("persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets"),
        *("secrets", "serviceaccounts", "services"),
    },
    "busy": {"certificates", "horizontalpodautoscalers", "ingresses", "statefulsets"},
    "rds": {"dbinstances", "httproutes"},
    "percona": {"perconaxtradbclusters"},
    "microservices": {"configmaps", "deployments", "jobs", "networkpolicies", "services"},
}


def image(stage: Stage) -> str:
    pod = stage.get("deployments", "shop")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def mirror(live: Manifest) -> None:
    """Change images to those of a mirror, as a mutating webhook does."""
    if live["kind"] == "Deployment":
        for container in live["spec"]["template"]["spec"]["containers"]:
            if container["image"].startswith("bookstore/"):
                container["image"] = "mirror/" + container["image"]


def writes(stage: Stage, plural: str) -> int:
    return len([w for w in stage.server.writes() if f"/{plural}/" in w])


async def test_what_a_webhook_changes_is_accepted_and_what_a_person_changes_after_it_is_not(
    bare: Stage,
) -> None:
    bare.cluster.admission = mirror
    async with controlling(bare):
        await bare.made()
        assert image(bare) == "mirror/bookstore/app:1"
        assert writes(bare, "deployments") <= 4, "the webhook's word is taken in the end"
        patch = bare.get("deployments", "shop")["spec"]
        patch["template"]["spec"]["containers"][0]["image"] = "elsewhere/app:1"
        await bare.edit("deployments", "shop", {"spec": patch})
        await bare.until(lambda: image(bare) == "mirror/bookstore/app:1")


async def test_a_fight_over_a_child_costs_few_writes_and_one_event(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{CHILDREN}.FIRST_REVERT_PAUSE", 3600.0)
    monkeypatch.setattr(f"{CHILDREN}.LONGEST_REVERT_PAUSE", 3600.0)
    async with controlling(bare):
        await bare.made()
        before = writes(bare, "deployments")

        async def fight() -> None:
            while True:
                if bare.get("deployments", "shop")["spec"]["replicas"] != 7:
                    await bare.edit("deployments", "shop", {"spec": {"replicas": 7}})
                await asyncio.sleep(0.005)

        other = asyncio.create_task(fight())
        await bare.until(lambda: writes(bare, "deployments") > before)
        await bare.until_passes(20)
        other.cancel()
        assert bare.get("deployments", "shop")["spec"]["replicas"] == 7
        assert writes(bare, "deployments") - before <= 4
        assert len(bare.notes("Reverted")) == 1


async def test_a_fight_that_ends_is_won_after_a_pause(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{CHILDREN}.FIRST_REVERT_PAUSE", 0.05)
    async with controlling(bare):
        await bare.made()
        for _ in range(8):
            await bare.edit("deployments", "shop", {"spec": {"replicas": 7}})
            await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 2)


async def test_an_edit_during_a_pass_is_not_taken_for_what_the_pass_saw(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held.add("deployments")
        bare.server.hangs.append("^POST .*/serviceaccounts")
        await bare.delete("serviceaccounts", "shop")
        await bare.until(lambda: bare.server.hanging == 1)
        await bare.edit("deployments", "shop", {"spec": {"replicas": 7}})
        bare.server.release()
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 2)


async def test_an_edit_that_overtakes_the_answer_to_a_write_is_reverted(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held.add("deployments")
        seven = {"spec": {"replicas": 7}}

        def again(live: Manifest) -> None:
            """Edit the Deployment once more, as soon as it is reverted."""
            if live["kind"] == "Deployment" and live["spec"]["replicas"] == 2:
                bare.cluster.admission = lambda _live: None
                asyncio.get_running_loop().call_soon(
                    bare.cluster.merge, ("deployments", "books", "shop"), seven, "kubectl-edit"
                )

        await bare.edit("deployments", "shop", {"spec": {"replicas": 3}})
        bare.cluster.admission = again
        await bare.until(lambda: len(bare.notes("Reverted")) > 0)
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 2)


async def test_an_edit_that_blocks_an_apply_is_mended_by_a_patch(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        ports = bare.get("services", "shop-svc")["spec"]["ports"]
        ports[0] |= {"port": 8080}
        await bare.edit("services", "shop-svc", {"spec": {"ports": ports}})
        await bare.until(
            lambda: [p["port"] for p in bare.get("services", "shop-svc")["spec"]["ports"]] == [80]
        )
        await bare.until_ready()


async def test_a_claim_and_volume_of_somebody_else_are_never_touched(bare: Stage) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"namespace": "books", "name": "shop-files"},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"labels": {"team": "red"}},
        "spec": {"volumeName": "theirs", "resources": {"requests": {"storage": "1Gi"}}},
    }
    bare.cluster.apply(("persistentvolumes", "", "theirs"), volume, "somebody")
    bare.cluster.apply(("persistentvolumeclaims", "books", "shop-files"), claim, "somebody")
    bound = ("persistentvolumeclaims", "shop-files")
    volumes = ("persistentvolumes", "theirs", "")

    def phases() -> set[str]:
        return {bare.get(*one).get("status", {}).get("phase") for one in (bound, volumes)}

    await bare.until(lambda: phases() == {"Bound"})
    before = bare.get(*bound), bare.get(*volumes)
    async with controlling(bare):
        await bare.secret()
        await bare.store(storage={"claim": {}})
        await bare.until_told("Conflict")
        await bare.until_passes()
    assert (bare.get(*bound), bare.get(*volumes)) == before
    assert "delete it" not in bare.message("Degraded")
    assert "move that object out of its way" in bare.message("Degraded")


async def test_an_object_whose_making_was_not_heard_of_is_found(bare: Stage) -> None:
    lost = Fault("POST", "/configmaps", 0)
    bare.server.faults.append(lost)
    async with controlling(bare):
        await bare.made()
    assert lost.times == 0
    assert "Conflict" not in str(bare.events())


@pytest.mark.fault(row=13)
async def test_a_secret_whose_making_was_not_heard_of_is_not_taken_for_lost(bare: Stage) -> None:
    bare.server.faults.append(Fault("POST", "/secrets", 0, times=3))
    async with controlling(bare):
        await bare.made()
    assert "CredentialsLost" not in str(bare.events())


async def test_a_child_that_is_no_longer_wanted_goes(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 1}})
        await bare.until(lambda: bare.find("poddisruptionbudgets", "shop") is None)
        await bare.until_ready()
        assert "DisruptionLimited" not in str(bare.get("bookstores", "shop")["status"])


async def test_what_cannot_be_pruned_is_pruned_later(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        fault = Fault("DELETE", "/poddisruptionbudgets/", 500, times=6)
        bare.server.faults.append(fault)
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 1}})
        await bare.until(lambda: fault.times == 0)
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 0}})
        await bare.until(lambda: bare.find("poddisruptionbudgets", "shop") is None)


async def test_a_child_that_is_slow_to_go_is_waited_for(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        await bare.edit("services", "shop-svc", {"metadata": {"finalizers": ["theirs/lb"]}})
        await bare.delete("services", "shop-svc")
        await bare.until(lambda: bare.condition("Exposed") == ("False", "Progressing"))
        assert "it is made again once it is gone" in bare.message("Exposed")
        await bare.edit("services", "shop-svc", {"metadata": {"finalizers": None}})
        await bare.until_ready()


async def test_a_secret_that_others_hold_too_is_waited_for(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        before = bare.get("secrets", "shop-secret")
        held = [*before["metadata"]["finalizers"], "theirs/backup"]
        await bare.edit("secrets", "shop-secret", {"metadata": {"finalizers": held}})
        await bare.delete("secrets", "shop-secret")
        left = ["theirs/backup"]
        await bare.until(
            lambda: bare.get("secrets", "shop-secret")["metadata"]["finalizers"] == left
        )
        await bare.edit("secrets", "shop-secret", {"metadata": {"finalizers": None}})
        await bare.until(lambda: bare.find("secrets", "shop-secret") is not None)
        await bare.until_ready()
        assert bare.get("secrets", "shop-secret")["data"] == before["data"]


async def test_the_echo_of_a_write_of_ours_costs_no_pass(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore_operator.engine.reconciler.FIRST_RETRY", 3600.0)
    monkeypatch.setattr("bookstore_operator.engine.reconciler.LONGEST_RETRY", 3600.0)
    async with controlling(bare):
        await bare.made()
        bare.held.add("deployments")
        before = bare.passes
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until(lambda: bare.condition("WebReady") == ("False", "PodsNotReady"))
        await bare.until_quiet()
    assert bare.passes == before + 1


@pytest.mark.fault(row=23)
async def test_a_child_of_the_store_before_is_waited_for(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        bare.held.add("services")
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        await bare.store()
        await bare.until(lambda: bare.condition("Exposed") == ("False", "Progressing"))
        assert "of the BookStore before is about to go" in bare.message("Exposed")
        bare.held.clear()
        await bare.until_ready()


@pytest.mark.fault(row=23)
async def test_nothing_is_concluded_from_children_of_the_store_before(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        key = bare.get("secrets", "shop-secret")["data"]["secret-key"]
        bare.held |= {"secrets", "services", "deployments", "jobs"}
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        await bare.store()
        await bare.until(lambda: bare.condition("Exposed") == ("False", "Progressing"))
        assert "of the BookStore before is about to go" in bare.message("CredentialsReady")
        assert "image" not in bare.get("bookstores", "shop")["status"]
        bare.held -= {"secrets"}
        await bare.until(lambda: bare.condition("CredentialsReady") == ("True", "Reconciled"))
        assert bare.get("secrets", "shop-secret")["data"]["secret-key"] != key
        bare.held.clear()
        await bare.until_ready()


async def test_a_guarded_secret_of_a_store_that_was_forced_away_is_let_go(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
    await bare.edit("bookstores", "shop", {"metadata": {"finalizers": None}})
    await bare.delete("bookstores", "shop")
    await bare.until(lambda: "deletionTimestamp" in bare.get("secrets", "shop-secret")["metadata"])
    await bare.store()
    async with controlling(bare):
        await bare.until_ready()


async def test_a_namespace_that_is_not_there_yet_is_waited_for(bare: Stage) -> None:
    message = 'namespaces "books" not found'
    fault = Fault("POST", "/namespaces/books/configmaps", 404, times=4, message=message)
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.made()
    assert fault.times == 0


async def test_a_secret_that_cannot_be_read_is_told_and_read_again(bare: Stage) -> None:
    fault = Fault("GET", "/secrets/login", 503, times=10**6)
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.until_told("ApiError")
        assert bare.condition("CredentialsReady")[0] == "Unknown"
        fault.times = 0
        await bare.until_ready()


def test_the_stores_of_these_tests_have_every_kind_of_child() -> None:
    wanted = {kind.plural for kind in child_kinds(BookStores())}
    assert set().union(*KINDS_OF.values()) == wanted


@pytest.mark.fault(row=10)
@pytest.mark.parametrize("spec", SPECS)
async def test_each_child_that_is_deleted_is_made_again_and_told(bare: Stage, spec: str) -> None:
    async with controlling(bare):
        await made(bare, SPECS[spec])
        found = [place for place in children(bare) if place[0] not in WITH_DATA]
        assert KINDS_OF[spec] <= {place[0] for place in children(bare)}
        for place in found:
            before = bare.cluster.get(place)
            await bare.delete(*place[::2], place[1])
            await bare.until(partial(is_new, bare, place, before))
            assert bare.cluster.get(place).get("data") == before.get("data")
            told = f"{before['kind']} books/{place[2]} was gone and is made again."
            await bare.until(partial(is_told, bare, told))
        await bare.until_ready()


def is_told(stage: Stage, note: str) -> bool:
    return note in stage.notes("Restored")


def is_new(stage: Stage, place: Place, before: Manifest) -> bool:
    live = stage.cluster.objects.get(place, before)
    return bool(live["metadata"]["uid"] != before["metadata"]["uid"])
