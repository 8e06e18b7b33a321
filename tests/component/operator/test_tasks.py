"""BookStoreBackup and BookStoreRestore: how they go, and what becomes of those that are cut short.

Jobs end when a test says so, in the place of the shop's commands.
"""

from __future__ import annotations

import pytest

from bookstore_operator.api.tasks import Phase
from bookstore_operator.components.jobs import UNKNOWN_COMMAND
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.task import STANDSTILL
from tests.component.operator.stage import Stage
from tests.component.operator.tasks import (
    NAME,
    TOLD,
    back_up,
    condition,
    end,
    history,
    opened,
    operator,
    phase,
    restore,
    status,
    until_phase,
)

pytestmark = pytest.mark.usefixtures("soon")


def replicas(stage: Stage) -> int:
    return int(stage.get("deployments", "shop")["spec"]["replicas"])


async def test_a_backup_is_made_once_and_told(bare: Stage) -> None:
    async with opened(bare):
        await back_up(bare)
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.RUNNING)
        job = bare.get("jobs", "now-backup")
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["backup"]
        assert container["image"] == "bookstore/app:1"
        await end(bare, "now-backup")
        ready = ("True", "Reconciled", "What the spec wants is done.")
        await bare.until(lambda: condition(bare, "bookstorebackups", "now", "Ready") == ready)
        told = status(bare, "bookstorebackups", "now")
        assert {name: told[name] for name in TOLD} == TOLD
        await bare.until_quiet()
        await bare.delete("jobs", "now-backup")
        await bare.until_quiet()
        assert bare.find("jobs", "now-backup") is None, "what was made once is not made again"
        assert status(bare, "bookstorebackups", "now")["backup"] == NAME


S3: Manifest = {
    "bucket": "bookstore-backups",
    "endpoint": "https://s3.example.com:9000",
    "credentialsSecretRef": {"name": "s3"},
}
LOCATION = f"s3://bookstore-backups/books/shop/{NAME}"


def variables(stage: Stage, job: str) -> dict[str, object]:
    (container,) = stage.get("jobs", job)["spec"]["template"]["spec"]["containers"]
    return {
        one["name"]: one.get("value") or one["valueFrom"]["secretKeyRef"]["name"]
        for one in container["env"]
        if one["name"].startswith("S3_")
    }


async def test_a_backup_that_is_asked_for_is_copied_and_tells_where_it_lies(bare: Stage) -> None:
    async with opened(bare):
        wanted: Manifest = {"spec": {"backup": {"schedule": "@yearly", "s3": S3}}}
        bare.cluster.merge(("bookstores", "books", "shop"), wanted, "somebody")
        await bare.cluster.tell()
        await bare.until_quiet()
        await back_up(bare)
        await bare.until(lambda: bare.find("jobs", "now-backup") is not None)
        assert variables(bare, "now-backup") == {
            "S3_BUCKET": "bookstore-backups",
            "S3_PREFIX": "books/shop",
            "S3_ENDPOINT": "https://s3.example.com:9000",
            "S3_ACCESS_KEY_ID": "s3",
            "S3_SECRET_ACCESS_KEY": "s3",
        }
        await end(bare, "now-backup", **TOLD, s3={"location": LOCATION})
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.COMPLETE)
        assert status(bare, "bookstorebackups", "now")["s3"] == {"location": LOCATION}
        await bare.until(
            lambda: condition(bare, "bookstores", "shop", "BackedUpOffSite")[1] == "SecretNotFound"
        )


async def test_a_restore_out_of_a_bucket_verifies_first_and_has_a_way_there_meanwhile(
    bare: Stage,
) -> None:
    async with opened(bare):
        await restore(bare, backup={"name": "latest"}, fromStore="gone", s3=S3)
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        (container,) = bare.get("jobs", "back-verify")["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["restore", "latest", "--dry-run", "--replace", "--from-s3"]
        assert variables(bare, "back-verify")["S3_PREFIX"] == "books/gone"
        claims = {
            one["persistentVolumeClaim"]["claimName"]
            for one in bare.get("jobs", "back-verify")["spec"]["template"]["spec"]["volumes"]
            if "persistentVolumeClaim" in one
        }
        assert claims == {"shop-files"}, "the volume of the store that is gone is not needed"
        policy = bare.get("networkpolicies", "back-s3")["spec"]
        labels = bare.get("jobs", "back-verify")["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
        assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": 9000}]}]
        await end(bare, "back-verify")
        await until_phase(bare, Phase.RESTORING)
        await bare.until(lambda: bare.find("jobs", "back-restore") is not None)
        (container,) = bare.get("jobs", "back-restore")["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["restore", NAME, "--replace", "--from-s3"], "by its name now"
        await end(bare, "back-restore")
        await until_phase(bare, Phase.COMPLETE)
        await bare.until(lambda: bare.find("networkpolicies", "back-s3") is None)


async def test_a_restore_into_a_store_without_policies_makes_none(bare: Stage) -> None:
    async with opened(bare):
        wanted: Manifest = {"spec": {"networkPolicies": {"enabled": False}}}
        bare.cluster.merge(("bookstores", "books", "shop"), wanted, "somebody")
        await bare.cluster.tell()
        await restore(bare, s3=S3)
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        assert bare.find("networkpolicies", "back-s3") is None


async def test_a_backup_that_failed_tells_the_shops_sentence_and_is_at_rest(bare: Stage) -> None:
    async with opened(bare):
        await back_up(bare)
        await end(bare, "now-backup", "Failed", error="BackupFailed", message="There is no room.")
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.FAILED)
        await bare.until_quiet()
        told = condition(bare, "bookstorebackups", "now", "BackupMade")
        assert told[:2] == ("False", "BackupNotMade")
        assert told[2].startswith("There is no room; mend that, and make another BookStoreBackup")


async def test_a_backup_waits_for_its_store(bare: Stage) -> None:
    async with operator(bare):
        await back_up(bare)
        await bare.until(
            lambda: condition(bare, "bookstorebackups", "now", "Ready")[1] == "StoreNotReady"
        )
        await bare.made_soon()
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.COMPLETE)


async def test_a_backup_on_demand_is_the_stores_last_one(bare: Stage) -> None:
    async with operator(bare):
        await bare.made(backup={"schedule": "17 3 * * *"})
        bare.held.add("jobs")
        await back_up(bare)
        await end(bare, "now-backup")
        await bare.until(
            lambda: status(bare, "bookstores", "shop").get("lastBackup", {}).get("name") == NAME
        )
        assert bare.condition("BackedUp") == ("True", "Reconciled")
        assert bare.condition("Ready") == ("True", "Reconciled")


async def made(stage: Stage, policy: str = "Retain") -> None:
    await back_up(stage, deletionPolicy=policy)
    await end(stage, "now-backup")
    await stage.until(lambda: phase(stage, "now", "bookstorebackups") == Phase.COMPLETE)


async def test_a_backup_goes_with_its_resource_where_its_policy_says_so(bare: Stage) -> None:
    async with opened(bare):
        await made(bare, "Delete")
        await bare.delete("bookstorebackups", "now")
        await bare.until(lambda: bare.find("jobs", "now-discard") is not None)
        (container,) = bare.get("jobs", "now-discard")["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["discard", NAME]
        assert bare.find("bookstorebackups", "now") is not None, "it waits for the Job"
        await end(bare, "now-discard")
        await bare.until(lambda: bare.find("bookstorebackups", "now") is None)


async def test_a_backup_stays_by_default_when_its_resource_goes(bare: Stage) -> None:
    async with opened(bare):
        await made(bare)
        await bare.delete("bookstorebackups", "now")
        await bare.until(lambda: bare.find("bookstorebackups", "now") is None)
        assert bare.find("jobs", "now-discard") is None


@pytest.mark.parametrize("trouble", ["no store", "a Job that fails"])
async def test_a_backup_that_cannot_be_removed_keeps_no_resource(bare: Stage, trouble: str) -> None:
    async with opened(bare):
        await made(bare, "Delete")
        if trouble == "no store":
            await bare.delete("bookstores", "shop")
            await bare.until(lambda: bare.find("deployments", "shop") is None)
        await bare.delete("bookstorebackups", "now")
        if trouble != "no store":
            await end(bare, "now-discard", "Failed", message="There is no backup.")
        await bare.until(lambda: bare.find("bookstorebackups", "now") is None)


async def test_a_restore_verifies_then_stops_restores_and_resumes(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await until_phase(bare, Phase.VERIFYING)
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        (container,) = bare.get("jobs", "back-verify")["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["restore", NAME, "--dry-run", "--replace"]
        assert replicas(bare) == 2, "the shop serves while the copy is verified"
        await end(bare, "back-verify")
        await until_phase(bare, Phase.RESTORING)
        assert replicas(bare) == 0
        await bare.until(lambda: bare.condition("Available") == ("False", "BeingRestored"))
        await end(bare, "back-restore")
        await until_phase(bare, Phase.COMPLETE)
        await bare.until_ready()
        assert history(bare, "back-restore") == [2, 0, -1, 2]
        assert STANDSTILL not in bare.get("bookstores", "shop")["metadata"]["annotations"]
        told = status(bare, "bookstorerestores", "back")
        assert (told["backup"], told["checksum"]) == (NAME, TOLD["checksum"])
        before = len(bare.server.requests)
        await bare.until_quiet()
        assert [one for one in bare.server.writes()[before:] if "restores" in one] == []


@pytest.mark.fault(row=25)
@pytest.mark.parametrize(
    "killed_in", [Phase.VERIFYING, Phase.STOPPING, Phase.RESTORING, Phase.RESUMING]
)
async def test_an_operator_that_is_killed_goes_on_where_it_was(
    bare: Stage, killed_in: Phase
) -> None:
    async with opened(bare):
        await restore(bare)
        if killed_in is not Phase.VERIFYING:
            bare.held.add("deployments")
            await end(bare, "back-verify")
        if killed_in in (Phase.RESTORING, Phase.RESUMING):
            await until_phase(bare, Phase.STOPPING)
            bare.held.discard("deployments")
            await until_phase(bare, Phase.RESTORING)
        if killed_in is Phase.RESUMING:
            bare.held.add("deployments")
            await end(bare, "back-restore")
        await until_phase(bare, killed_in)
    bare.held.discard("deployments")
    async with operator(bare):
        if killed_in is Phase.VERIFYING:
            await end(bare, "back-verify")
        if killed_in is not Phase.RESUMING:
            await end(bare, "back-restore")
        await until_phase(bare, Phase.COMPLETE)
        await bare.until_ready()
    assert history(bare, "back-restore") == [2, 0, -1, 2]


async def test_a_damaged_backup_stops_nothing(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await end(bare, "back-verify", "Failed", message="The backup is damaged.")
        await until_phase(bare, Phase.FAILED)
        await bare.until_quiet()
        told = condition(bare, "bookstorerestores", "back", "Restored")
        assert told[:2] == ("False", "RestoreFailed")
        assert told[2].startswith("The backup is damaged; nothing was changed")
        assert history(bare, "back-restore") == [2]
        assert bare.condition("Ready") == ("True", "Reconciled")


async def test_an_image_too_old_to_verify_a_backup_is_told_and_stops_nothing(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await end(bare, "back-verify", "Failed", exit_code=UNKNOWN_COMMAND)
        await until_phase(bare, Phase.FAILED)
        _, _, text = condition(bare, "bookstorerestores", "back", "Restored")
        command = f"bookstore restore {NAME} --dry-run --replace"
        assert f'image bookstore/app:1 is too old to know "{command}"' in text
        assert "set spec.image of the store to a newer one; nothing was changed" in text
        assert history(bare, "back-restore") == [2]
        policy = bare.get("jobs", "back-verify")["spec"]["podFailurePolicy"]["rules"]
        assert UNKNOWN_COMMAND in policy[0]["onExitCodes"]["values"], "it is not tried again"


async def test_a_restore_that_failed_lets_the_store_serve_again(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await end(bare, "back-verify")
        await end(bare, "back-restore", "Failed", message="The database refused: gone.")
        await until_phase(bare, Phase.FAILED)
        await bare.until_ready()
        assert "The database refused" in condition(bare, "bookstorerestores", "back", "Ready")[2]
        assert history(bare, "back-restore") == [2, 0, -1, 2]


async def test_a_restore_that_is_deleted_half_way_lets_the_store_serve_again(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await end(bare, "back-verify")
        await until_phase(bare, Phase.RESTORING)
        await bare.delete("bookstorerestores", "back")
        await bare.until(lambda: bare.find("bookstorerestores", "back") is None)
        await bare.until_ready()
        assert bare.find("jobs", "back-restore") is None
        assert history(bare, "back-restore")[-1] == 2


async def test_rows_that_must_not_go_are_looked_for_once_nobody_writes(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare, replace=False)
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        (container,) = bare.get("jobs", "back-verify")["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["restore", NAME, "--dry-run"]
        assert history(bare, "back-verify") == [2, 0, -1]
        await end(bare, "back-verify", "Failed", message="The database is not empty.")
        await until_phase(bare, Phase.FAILED)
        await bare.until_ready()
        assert history(bare, "back-restore") == [2, 0, 2]


async def test_two_restores_of_a_store_go_one_after_the_other(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare)
        await end(bare, "back-verify")
        await until_phase(bare, Phase.RESTORING)
        await restore(bare, "other")
        await bare.until(
            lambda: condition(bare, "bookstorerestores", "other", "Ready")[1] == "AnotherRestore"
        )
        await end(bare, "back-restore")
        await end(bare, "other-verify")
        await end(bare, "other-restore")
        await until_phase(bare, Phase.COMPLETE, "other")
        assert phase(bare) == Phase.COMPLETE


async def test_the_backup_of_a_resource_is_waited_for(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare, backup={"bookStoreBackup": "now"})
        await bare.until(
            lambda: condition(bare, "bookstorerestores", "back", "Ready")[1] == "BackupNotReady"
        )
        await back_up(bare)
        await end(bare, "now-backup")
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        (container,) = bare.get("jobs", "back-verify")["spec"]["template"]["spec"]["containers"]
        assert container["args"][1] == NAME


async def test_a_backup_in_another_stores_volume_is_read_there(bare: Stage) -> None:
    async with opened(bare):
        await restore(bare, fromStore="old")
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        pod = bare.get("jobs", "back-verify")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
        claims = {
            one["name"]: one["persistentVolumeClaim"]["claimName"]
            for one in pod["volumes"]
            if "persistentVolumeClaim" in one
        }
        assert claims[mounts["/app/backups"]] == "old-files"
        assert claims[mounts["/app/uploads"]] == "shop-files"


async def test_the_annotation_of_a_restore_that_is_not_there_stops_nothing(bare: Stage) -> None:
    async with opened(bare):
        noted = {"metadata": {"annotations": {STANDSTILL: "gone/uid"}}}
        await bare.edit("bookstores", "shop", noted)
        await bare.until_quiet()
        assert history(bare, "none") == [2]
        assert bare.condition("Ready") == ("True", "Reconciled")
