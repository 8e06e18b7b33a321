"""What a move between topologies waits for, what it tells, and what it leaves as it is."""

from __future__ import annotations

import base64

import pytest

from bookstore_operator.api.tasks import Phase
from tests.component.operator import tasks
from tests.component.operator.stage import controlling
from tests.component.operator.topologies import (
    EMBEDDED,
    LOGINS,
    MICROSERVICES,
    MONOLITH,
    PHASES,
    Moving,
    ask,
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


async def until_said(moving: Moving, reason: str, *words: str) -> None:
    """Wait until the condition of the move has a reason, and all words in its sentence."""

    def said() -> bool:
        status, told = moving.condition("TopologyCurrent")
        text = moving.message("TopologyCurrent") if told == reason else ""
        return status == "False" and told == reason and all(word in text for word in words)

    await moving.until(said)


JOB = "shop-move-2-expanding"


async def test_a_step_that_fails_is_told_and_tried_again_while_the_shop_serves(
    moving: Moving,
) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        await moving.hold("Expanding", MICROSERVICES)
        why = "The tables of auth are at 12 and this version of the shop has 13"
        await tasks.end(moving, JOB, "Failed", 1, error="MoveFailed", message=why)
        await until_said(moving, "MoveFailed", why, "Expanding to Microservices failed", "Monolith")
        assert moving.condition("Available") == ("True", "Reconciled")
        assert moving.condition("Degraded") == ("True", "MoveFailed")
        await moving.until(lambda: len(steps(moving)) == 2)
        moving.let_go()
        await until_moved(moving, MICROSERVICES)
        await moving.until_ready()
    assert [one[1] for one in steps(moving)] == ["expand", "expand", "cutover", "contract"]


async def test_a_move_waits_for_a_backup_that_has_the_lock(moving: Moving) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        await moving.hold("Expanding", MICROSERVICES)
        why = "Another migration, backup or restore goes on."
        await tasks.end(moving, JOB, "Failed", 1, error="DatabaseLocked", message=why)
        await until_said(moving, "MoveWaits", why)
        assert moving.condition("Degraded")[0] == "False"
        moving.let_go()
        await until_moved(moving, MICROSERVICES)


@pytest.mark.parametrize("at", ["", *PHASES[:3]])
async def test_a_hibernated_store_does_not_move_until_it_wakes(moving: Moving, at: str) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        if at:
            await moving.hold(at, MICROSERVICES)
        hibernated = {"state": "Hibernated", "topology": MICROSERVICES}
        await moving.edit("bookstores", "shop", {"spec": hibernated})
        await until_said(
            moving, "MoveWaits", "spec.state is Hibernated", "set spec.state to Running"
        )
        moving.let_go()
        await moving.until_passes(5)
        assert phase(moving) == (at or None)
        await moving.edit("bookstores", "shop", {"spec": {"state": "Running"}})
        await until_moved(moving, MICROSERVICES)
        await moving.until_ready()
    assert [one[1] for one in steps(moving)] == ["expand", "cutover", "contract"]


async def test_a_move_waits_for_a_restore_and_a_restore_for_a_move(moving: Moving) -> None:
    async with tasks.operator(moving):
        await made(moving, MONOLITH)
        moving.held.add("jobs")
        await tasks.restore(moving)
        await tasks.end(moving, "back-verify")
        await tasks.until_phase(moving, Phase.RESTORING)
        await ask(moving, MICROSERVICES)
        await until_said(moving, "MoveWaits", "BookStoreRestore books/back")
        assert phase(moving) is None
        await tasks.end(moving, "back-restore")
        moving.held.clear()
        await tasks.until_phase(moving, Phase.COMPLETE)
        await until_moved(moving, MICROSERVICES)
        await moving.until_ready()

        await moving.hold("Starting", MONOLITH)
        await tasks.restore(moving, "again")
        text = "moves to topology Monolith"
        await moving.until(
            lambda: text in tasks.condition(moving, "bookstorerestores", "again", "Restored")[2]
        )
        assert "bookstore.dev/restore" not in moving.get("bookstores", "shop")["metadata"].get(
            "annotations", {}
        )
        moving.let_go()
        await until_moved(moving, MONOLITH)
        await tasks.until_phase(moving, Phase.COMPLETE, "again")
        args = moving.get("jobs", "again-restore")["spec"]["template"]["spec"]["containers"][0]
        assert args["args"] == ["restore", tasks.NAME, "--replace"], "it is one again"


async def test_a_backup_is_made_by_the_side_that_shoppers_are_led_to(moving: Moving) -> None:
    async with tasks.operator(moving):
        await made(moving, MONOLITH)
        await moving.hold("Contracting", MICROSERVICES)
        await tasks.back_up(moving)
        await moving.until(lambda: moving.find("jobs", "now-backup") is not None)
        pod = moving.get("jobs", "now-backup")["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == "shop-catalogue"
        assert {"name": "DB_NAME", "value": "bookstore"} in pod["containers"][0]["env"]


async def test_on_an_external_database_each_side_waits_for_its_login(moving: Moving) -> None:
    logins = {one: {"database": {"credentialsSecretRef": {"name": one}}} for one in LOGINS}
    async with controlling(moving):
        await moving.made(database={"external": EXTERNAL})
        await ask(moving, MICROSERVICES, services=logins)
        await until_said(moving, "SecretNotFound", "services.auth.database.credentialsSecretRef")
        assert phase(moving) is None
        assert moving.condition("Available") == ("True", "Reconciled")
        for name in logins:
            await moving.secret(name)
        await until_moved(moving, MICROSERVICES)
        await moving.until_ready()
        await ask(moving, MONOLITH)
        await until_moved(moving, MONOLITH)
        await moving.until_ready()
        await moving.delete("secrets", "auth")
        await moving.edit("bookstores", "shop", {"spec": {"services": None}})
        await moving.until_ready()


async def test_connections_that_do_not_hold_both_sides_are_told_with_their_numbers(
    moving: Moving,
) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH, web={"connectionBudget": 30})
        await ask(moving, MICROSERVICES)
        # Four times three pods of one worker with three connections, and four migrations.
        await until_said(moving, "MoveWaits", "open 40 connections", "connectionBudget is 30")
        assert phase(moving) is None
        await moving.edit("bookstores", "shop", {"spec": {"web": {"connectionBudget": 40}}})
        await until_moved(moving, MICROSERVICES)


async def test_an_image_that_is_wanted_meanwhile_is_rolled_out_after_the_move(
    moving: Moving,
) -> None:
    def images() -> set[str]:
        return {
            one.live["spec"]["template"]["spec"]["containers"][0]["image"]
            for one in moving.cluster.journal
            if one.plural in {"jobs", "deployments"}
            and "gateway" not in one.live["metadata"]["name"]
        }

    async with controlling(moving):
        await made(moving, MONOLITH)
        await moving.hold("CuttingOver", MICROSERVICES)
        await moving.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}})
        await until_said(moving, "MoveInProgress", "Image bookstore/app:2 is rolled out once")
        assert images() == {"bookstore/app:1"}
        moving.let_go()
        await until_moved(moving, MICROSERVICES)
        assert images() == {"bookstore/app:1"}
        await moving.until_ready()
        assert status(moving)["image"] == "bookstore/app:2"


async def test_services_of_several_images_do_not_become_one(moving: Moving) -> None:
    async with controlling(moving):
        orders = {"orders": {"image": "bookstore/app:2"}}
        await made(moving, MICROSERVICES, services=orders)
        await ask(moving, MONOLITH)
        await until_said(moving, "MoveWaits", "images bookstore/app:1 and bookstore/app:2")
        await moving.edit("bookstores", "shop", {"spec": {"services": None}})
        await until_moved(moving, MONOLITH)


async def test_an_embedded_database_starts_anew_once_before_anything_else(moving: Moving) -> None:
    def starts() -> list[str]:
        """Return the pods that the database had, and each Job beside them."""
        seen: list[str] = []
        for one in moving.cluster.journal:
            if one.plural == "statefulsets":
                seen.append(str(one.live["spec"]["template"]))
            if (one.plural, one.kind) == ("jobs", "ADDED") and "-move-" in str(
                one.live["metadata"]
            ):
                seen.append("step")
        return [one for at, one in enumerate(seen) if at == 0 or seen[at - 1] != one]

    async with controlling(moving):
        await made(moving, MONOLITH)
        for to in (MICROSERVICES, MONOLITH, MICROSERVICES):
            await ask(moving, to)
            await until_moved(moving, to)
            await moving.until_ready()
    old, _, new, *more = starts()
    assert old != new
    assert set(more) <= {"step", "migration", new}, "the users of services stay"
    secret = moving.get("secrets", "shop-secret")["data"]
    statements = base64.b64decode(secret["mysql-init.sql"]).decode()
    for name in LOGINS:
        assert f"'bookstore_{name}'@'%'" in statements


async def test_a_move_begins_once_the_image_is_rolled_out(moving: Moving) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        moving.held.add("jobs")
        both = {"topology": MICROSERVICES, "image": "bookstore/app:2"}
        await moving.edit("bookstores", "shop", {"spec": both})
        await until_said(moving, "MoveWaits", "once all pods of image bookstore/app:2 are ready")
        moving.let_go()
        await until_moved(moving, MICROSERVICES)
        assert status(moving)["image"] == "bookstore/app:2"


async def test_a_store_that_never_served_becomes_what_its_spec_says(moving: Moving) -> None:
    async with controlling(moving):
        await moving.store(**EMBEDDED | {"topology": MONOLITH, "database": {"external": EXTERNAL}})
        await moving.until(lambda: moving.condition("CredentialsReady")[0] == "False")
        logins = {one: {"database": {"credentialsSecretRef": {"name": "login"}}} for one in LOGINS}
        await ask(moving, MICROSERVICES, services=logins)
        await moving.secret()
        await moving.until_ready()
    assert phases(moving) == ["settled"]
    assert running(moving) == {"shop-gateway", *(f"shop-{one}" for one in LOGINS)}


@pytest.mark.parametrize("topology", [MONOLITH, MICROSERVICES])
async def test_a_settled_store_of_an_older_operator_keeps_all_that_it_has(
    moving: Moving, topology: str
) -> None:
    async with controlling(moving):
        await made(moving, topology)
    place = ("bookstores", "books", "shop")
    told = status(moving)
    kept = [one for one in told["conditions"] if one["type"] != "TopologyCurrent"]
    older = {"topology": None, "conditions": kept}
    moving.cluster.merge(place, {"status": older}, "bookstore-operator", "status")
    before = len(moving.cluster.journal)
    async with controlling(moving):
        await moving.until(lambda: status(moving).get("topology") == topology)
        await moving.until_quiet()
    changed = {one.plural for one in moving.cluster.journal[before:]}
    assert changed <= {"bookstores", "events"}


async def test_each_phase_is_an_event(moving: Moving) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        await ask(moving, MICROSERVICES)
        await until_moved(moving, MICROSERVICES)
        await moving.until(lambda: len(moving.notes("Moved")) == 1)
    assert [note.split(":")[0] for note in moving.notes("Moving")] == [
        f"To Microservices, {one}" for one in PHASES
    ]
    assert moving.notes("Moved") == ["The store has moved, and serves as Microservices."]


async def test_a_way_that_leads_to_the_old_side_holds_the_move(moving: Moving) -> None:
    async with controlling(moving):
        await made(moving, MONOLITH)
        await moving.hold("Leading", MICROSERVICES)
        await moving.until(lambda: led_to(moving) == "gateway")
        await moving.until_passes(5)
        assert phase(moving) == "Leading", "endpoints are those of before"
        moving.let_go()
        await until_moved(moving, MICROSERVICES)
