"""A migration that fails or hangs takes nothing from the version that serves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.stage import Stage, controlling

JOBS = "bookstore_operator.components.jobs"


def image(stage: Stage) -> str:
    pod = stage.get("deployments", "shop")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def job(stage: Stage, image: str) -> Manifest | None:
    """Return the migration for an image, or None where there is none."""
    return next(
        (
            live
            for live in stage.cluster.select("jobs", "books")
            if live["spec"]["template"]["spec"]["containers"][0]["image"] == image
        ),
        None,
    )


async def fail(stage: Stage, live: Manifest, reason: str) -> None:
    """End a Job as Kubernetes does, after its pods or at its deadline."""
    now = timestamp(datetime.now(UTC))
    ended = {"type": "Failed", "status": "True", "reason": reason, "lastTransitionTime": now}
    place = ("jobs", "books", live["metadata"]["name"])
    status = {"conditions": [ended | {"message": f"{reason} was told"}]}
    stage.cluster.merge(place, {"status": status}, "controller", "status")
    await stage.cluster.tell()


async def begun(stage: Stage) -> Manifest:
    """Give a store that serves a new image, and return its migration, which does not end."""
    await stage.made()
    stage.held.add("jobs")
    await stage.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}})
    await stage.until(lambda: job(stage, "bookstore/app:2") is not None)
    found = job(stage, "bookstore/app:2")
    assert found is not None
    return found


@pytest.mark.fault(row=19)
@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "DeadlineExceeded"])
async def test_the_old_version_serves_until_a_later_attempt_succeeds(
    bare: Stage, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{JOBS}.FIRST_PAUSE", 2.0)
    async with controlling(bare):
        first = await begun(bare)
        await fail(bare, first, reason)
        await bare.until_told("MigrationFailed")
        assert f"{reason} was told" in bare.message("Degraded")
        assert bare.condition("Available")[0] == "True"
        assert image(bare) == "bookstore/app:1"

        def tried_again() -> bool:
            live = job(bare, "bookstore/app:2")
            return live is not None and live["metadata"]["uid"] != first["metadata"]["uid"]

        await bare.until(tried_again)
        assert image(bare) == "bookstore/app:1"
        bare.held.clear()
        await bare.until(lambda: image(bare) == "bookstore/app:2")
        await bare.until_ready()


@pytest.mark.fault(row=19)
async def test_a_new_image_does_not_wait_for_the_next_attempt_of_one_that_failed(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{JOBS}.FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(f"{JOBS}.LONGEST_PAUSE", 3600.0)
    async with controlling(bare):
        await fail(bare, await begun(bare), "BackoffLimitExceeded")
        await bare.until_told("MigrationFailed")
        bare.held.clear()
        await bare.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:3"}})
        await bare.until(lambda: image(bare) == "bookstore/app:3")
        await bare.until_ready()
