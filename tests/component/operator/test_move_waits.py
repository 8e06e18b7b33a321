"""What a move between topologies waits for, what it tells, and what it leaves as it is."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from bookstore_operator.api.tasks import Phase
from tests.component.operator import tasks
from tests.component.operator.server import Server
from tests.component.operator.stage import Stage, controlling, played_on
from tests.component.operator.topologies import (
    EMBEDDED,
    LOGINS,
    MICROSERVICES,
    MONOLITH,
    PHASES,
    Moving,
    ask,
    hurry_moves,
    kubelets,
    led_to,
    made,
    phase,
    phases,
    running,
    status,
    steps,
    until_moved,
)

EXTERNAL = {"host": "db", "credentialsSecretRef": {"name": "login"}}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry_moves(monkeypatch)


@pytest.fixture
async def stage() -> AsyncIterator[Moving]:
    async with played_on(Moving(Server())) as stage, kubelets(stage):
        yield stage


async def until_said(stage: Stage, reason: str, *words: str) -> None:
    """Wait until the condition of the move has a reason, and all words in its sentence."""

    def said() -> bool:
        status, told = stage.condition("TopologyCurrent")
        text = stage.message("TopologyCurrent") if told == reason else ""
        return status == "False" and told == reason and all(word in text for word in words)

    await stage.until(said)


JOB = "shop-move-2-expanding"


async def test_a_step_that_fails_is_told_and_tried_again_while_the_shop_serves(
    stage: Moving,
) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        await stage.hold("Expanding", MICROSERVICES)
        why = "The tables of auth are at 12 and this version of the shop has 13"
        await tasks.end(stage, JOB, "Failed", 1, error="MoveFailed", message=why)
        await until_said(stage, "MoveFailed", why, "Expanding to Microservices failed", "Monolith")
        assert stage.condition("Available") == ("True", "Reconciled")
        assert stage.condition("Degraded") == ("True", "MoveFailed")
        await stage.until(lambda: len(steps(stage)) == 2)
        stage.let_go()
        await until_moved(stage, MICROSERVICES)
        await stage.until_ready()
    assert [one[1] for one in steps(stage)] == ["expand", "expand", "cutover", "contract"]


async def test_a_move_waits_for_a_backup_that_has_the_lock(stage: Moving) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        await stage.hold("Expanding", MICROSERVICES)
        why = "Another migration, backup or restore goes on."
        await tasks.end(stage, JOB, "Failed", 1, error="DatabaseLocked", message=why)
        await until_said(stage, "MoveWaits", why)
        assert stage.condition("Degraded")[0] == "False"
        stage.let_go()
        await until_moved(stage, MICROSERVICES)


@pytest.mark.parametrize("at", ["", *PHASES[:3]])
async def test_a_hibernated_store_does_not_move_until_it_wakes(stage: Moving, at: str) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        if at:
            await stage.hold(at, MICROSERVICES)
        hibernated = {"state": "Hibernated", "topology": MICROSERVICES}
        await stage.edit("bookstores", "shop", {"spec": hibernated})
        await until_said(
            stage, "MoveWaits", "spec.state is Hibernated", "set spec.state to Running"
        )
        stage.let_go()
        await stage.until_passes(5)
        assert phase(stage) == (at or None)
        await stage.edit("bookstores", "shop", {"spec": {"state": "Running"}})
        await until_moved(stage, MICROSERVICES)
        await stage.until_ready()
    assert [one[1] for one in steps(stage)] == ["expand", "cutover", "contract"]


async def test_a_move_waits_for_a_restore_and_a_restore_for_a_move(stage: Moving) -> None:
    async with tasks.operator(stage):
        await made(stage, MONOLITH)
        stage.held.add("jobs")
        await tasks.restore(stage)
        await tasks.end(stage, "back-verify")
        await tasks.until_phase(stage, Phase.RESTORING)
        await ask(stage, MICROSERVICES)
        await until_said(stage, "MoveWaits", "BookStoreRestore books/back")
        assert phase(stage) is None
        await tasks.end(stage, "back-restore")
        stage.held.clear()
        await tasks.until_phase(stage, Phase.COMPLETE)
        await until_moved(stage, MICROSERVICES)
        await stage.until_ready()

        await stage.hold("Starting", MONOLITH)
        await tasks.restore(stage, "again")
        text = "moves to topology Monolith"
        await stage.until(
            lambda: text in tasks.condition(stage, "bookstorerestores", "again", "Restored")[2]
        )
        assert "bookstore.dev/restore" not in stage.get("bookstores", "shop")["metadata"].get(
            "annotations", {}
        )
        stage.let_go()
        await until_moved(stage, MONOLITH)
        await tasks.until_phase(stage, Phase.COMPLETE, "again")
        args = stage.get("jobs", "again-restore")["spec"]["template"]["spec"]["containers"][0]
        assert args["args"] == ["restore", tasks.NAME, "--replace"], "it is one again"


async def test_a_backup_is_made_by_the_side_that_shoppers_are_led_to(stage: Moving) -> None:
    async with tasks.operator(stage):
        await made(stage, MONOLITH)
        await stage.hold("Contracting", MICROSERVICES)
        await tasks.back_up(stage)
        await stage.until(lambda: stage.find("jobs", "now-backup") is not None)
        pod = stage.get("jobs", "now-backup")["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == "shop-catalogue"
        assert {"name": "DB_NAME", "value": "bookstore"} in pod["containers"][0]["env"]


async def test_on_an_external_database_each_side_waits_for_its_login(stage: Moving) -> None:
    logins = {one: {"database": {"credentialsSecretRef": {"name": one}}} for one in LOGINS}
    async with controlling(stage):
        await stage.made(database={"external": EXTERNAL})
        await ask(stage, MICROSERVICES, services=logins)
        await until_said(stage, "SecretNotFound", "services.auth.database.credentialsSecretRef")
        assert phase(stage) is None
        assert stage.condition("Available") == ("True", "Reconciled")
        for name in logins:
            await stage.secret(name)
        await until_moved(stage, MICROSERVICES)
        await stage.until_ready()
        await ask(stage, MONOLITH)
        await until_moved(stage, MONOLITH)
        await stage.until_ready()
        await stage.delete("secrets", "auth")
        await stage.edit("bookstores", "shop", {"spec": {"services": None}})
        await stage.until_ready()


async def test_connections_that_do_not_hold_both_sides_are_told_with_their_numbers(
    stage: Moving,
) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH, web={"connectionBudget": 30})
        await ask(stage, MICROSERVICES)
        # Four times three pods of one worker with three connections, and four migrations.
        await until_said(stage, "MoveWaits", "open 40 connections", "connectionBudget is 30")
        assert phase(stage) is None
        await stage.edit("bookstores", "shop", {"spec": {"web": {"connectionBudget": 40}}})
        await until_moved(stage, MICROSERVICES)


async def test_an_image_that_is_wanted_meanwhile_is_rolled_out_after_the_move(
    stage: Moving,
) -> None:
    def images() -> set[str]:
        return {
            one.live["spec"]["template"]["spec"]["containers"][0]["image"]
            for one in stage.cluster.journal
            if one.plural in {"jobs", "deployments"}
            and "gateway" not in one.live["metadata"]["name"]
        }

    async with controlling(stage):
        await made(stage, MONOLITH)
        await stage.hold("CuttingOver", MICROSERVICES)
        await stage.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}})
        await until_said(stage, "MoveInProgress", "Image bookstore/app:2 is rolled out once")
        assert images() == {"bookstore/app:1"}
        stage.let_go()
        await until_moved(stage, MICROSERVICES)
        assert images() == {"bookstore/app:1"}
        await stage.until_ready()
        assert status(stage)["image"] == "bookstore/app:2"


async def test_services_of_several_images_do_not_become_one(stage: Moving) -> None:
    async with controlling(stage):
        orders = {"orders": {"image": "bookstore/app:2"}}
        await made(stage, MICROSERVICES, services=orders)
        await ask(stage, MONOLITH)
        await until_said(stage, "MoveWaits", "images bookstore/app:1 and bookstore/app:2")
        await stage.edit("bookstores", "shop", {"spec": {"services": None}})
        await until_moved(stage, MONOLITH)


async def test_an_embedded_database_starts_anew_once_before_anything_else(stage: Moving) -> None:
    def starts() -> list[str]:
        """Return the pods that the database had, and each Job beside them."""
        seen: list[str] = []
        for one in stage.cluster.journal:
            if one.plural == "statefulsets":
                seen.append(str(one.live["spec"]["template"]))
            if (one.plural, one.kind) == ("jobs", "ADDED") and "-move-" in str(
                one.live["metadata"]
            ):
                seen.append("step")
        return [one for at, one in enumerate(seen) if at == 0 or seen[at - 1] != one]

    async with controlling(stage):
        await made(stage, MONOLITH)
        for to in (MICROSERVICES, MONOLITH, MICROSERVICES):
            await ask(stage, to)
            await until_moved(stage, to)
            await stage.until_ready()
    old, _, new, *more = starts()
    assert old != new
    assert set(more) <= {"step", "migration", new}, "the users of services stay"
    secret = stage.get("secrets", "shop-secret")["data"]
    statements = base64.b64decode(secret["mysql-init.sql"]).decode()
    for name in LOGINS:
        assert f"'bookstore_{name}'@'%'" in statements


async def test_a_move_begins_once_the_image_is_rolled_out(stage: Moving) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        stage.held.add("jobs")
        both = {"topology": MICROSERVICES, "image": "bookstore/app:2"}
        await stage.edit("bookstores", "shop", {"spec": both})
        await until_said(stage, "MoveWaits", "once all pods of image bookstore/app:2 are ready")
        stage.let_go()
        await until_moved(stage, MICROSERVICES)
        assert status(stage)["image"] == "bookstore/app:2"


async def test_a_store_that_never_served_becomes_what_its_spec_says(stage: Moving) -> None:
    async with controlling(stage):
        await stage.store(**EMBEDDED | {"topology": MONOLITH, "database": {"external": EXTERNAL}})
        await stage.until(lambda: stage.condition("CredentialsReady")[0] == "False")
        logins = {one: {"database": {"credentialsSecretRef": {"name": "login"}}} for one in LOGINS}
        await ask(stage, MICROSERVICES, services=logins)
        await stage.secret()
        await stage.until_ready()
    assert phases(stage) == ["settled"]
    assert running(stage) == {"shop-gateway", *(f"shop-{one}" for one in LOGINS)}


@pytest.mark.parametrize("topology", [MONOLITH, MICROSERVICES])
async def test_a_settled_store_of_an_older_operator_keeps_all_that_it_has(
    stage: Moving, topology: str
) -> None:
    async with controlling(stage):
        await made(stage, topology)
    place = ("bookstores", "books", "shop")
    told = status(stage)
    kept = [one for one in told["conditions"] if one["type"] != "TopologyCurrent"]
    older = {"topology": None, "conditions": kept}
    stage.cluster.merge(place, {"status": older}, "bookstore-operator", "status")
    before = len(stage.cluster.journal)
    async with controlling(stage):
        await stage.until(lambda: status(stage).get("topology") == topology)
        await stage.until_quiet()
    changed = {one.plural for one in stage.cluster.journal[before:]}
    assert changed <= {"bookstores", "events"}


async def test_each_phase_is_an_event(stage: Moving) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        await ask(stage, MICROSERVICES)
        await until_moved(stage, MICROSERVICES)
        await stage.until(lambda: len(stage.notes("Moved")) == 1)
    assert [note.split(":")[0] for note in stage.notes("Moving")] == [
        f"To Microservices, {one}" for one in PHASES
    ]
    assert stage.notes("Moved") == ["The store has moved, and serves as Microservices."]


async def test_a_way_that_leads_to_the_old_side_holds_the_move(stage: Moving) -> None:
    async with controlling(stage):
        await made(stage, MONOLITH)
        await stage.hold("Leading", MICROSERVICES)
        await stage.until(lambda: led_to(stage) == "gateway")
        await stage.until_passes(5)
        assert phase(stage) == "Leading", "endpoints are those of before"
        stage.let_go()
        await until_moved(stage, MICROSERVICES)
