"""Backups and restores of a store of three services: one Job that knows the schemas of all."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.api.services import SERVICES
from bookstore_operator.api.tasks import Phase
from bookstore_operator.components.jobs import UNKNOWN_COMMAND
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.specs import SPECS
from tests.component.operator.stage import Stage
from tests.component.operator.tasks import (
    NAME,
    back_up,
    condition,
    end,
    history,
    opened,
    operator,
    phase,
    restore,
    until_phase,
)

pytestmark = pytest.mark.usefixtures("soon")

SPEC = SPECS["microservices"]
LOGINS: Manifest = {
    "database": {
        "external": {
            "host": "db",
            "schema": "books",
            "credentialsSecretRef": {"name": "whole", "userKey": "user"},
        }
    },
    "services": {
        name: {"database": {"credentialsSecretRef": {"name": "login"}}} for name in SERVICES
    },
}


def container(stage: Stage, job: str) -> Manifest:
    found: list[Manifest] = pod(stage, job)["containers"]
    (one,) = found
    return one


def pod(stage: Stage, job: str) -> Manifest:
    found: Manifest = stage.get("jobs", job)["spec"]["template"]["spec"]
    return found


def variables(stage: Stage, job: str) -> dict[str, Any]:
    """Return what a Job sets beside the ConfigMap: a value, or Secret and key."""
    found = {}
    for one in container(stage, job)["env"]:
        source = one.get("valueFrom", {}).get("secretKeyRef")
        found[one["name"]] = (source["name"], source["key"]) if source else one.get("value", "")
    return found


async def test_a_backup_is_made_by_the_login_of_the_whole_shop_with_all_its_files(
    bare: Stage,
) -> None:
    async with opened(bare, **SPEC):
        await back_up(bare)
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.RUNNING)
        assert container(bare, "now-backup")["args"] == ["backup"]
        told = variables(bare, "now-backup")
        assert (told["SERVICE"], told["DB_NAME"], told["DB_USER"]) == ("", "bookstore", "bookstore")
        assert told["DB_PASSWORD"] == ("shop-secret", "database-password")
        volumes = {one["name"]: one for one in pod(bare, "now-backup")["volumes"]}
        assert "service-key" not in volumes
        mounts = {
            one["mountPath"]: (one["name"], one.get("subPath"))
            for one in container(bare, "now-backup")["volumeMounts"]
        }
        assert mounts["/app/uploads"] == ("files", "uploads")
        assert mounts["/app/backups"] == ("files", "backups")
        assert volumes["files"]["persistentVolumeClaim"]["claimName"] == "shop-files"
        await end(bare, "now-backup")
        ready = ("True", "Reconciled", "What the spec wants is done.")
        await bare.until(lambda: condition(bare, "bookstorebackups", "now", "Ready") == ready)


async def test_a_backup_waits_for_all_services_to_be_started(bare: Stage) -> None:
    async with operator(bare):
        await back_up(bare)
        bare.held.add("jobs")
        await bare.store(**SPEC)
        await bare.until(
            lambda: condition(bare, "bookstorebackups", "now", "Ready")[1] == "StoreNotReady"
        )
        bare.held.clear()
        await bare.until_ready()
        await bare.until(lambda: phase(bare, "now", "bookstorebackups") == Phase.COMPLETE)


async def test_a_scheduled_backup_and_its_rehearsal_are_as_one_that_is_asked_for(
    bare: Stage,
) -> None:
    backup = {"schedule": "17 3 * * *", "keep": 3, "drill": {"schedule": "0 5 * * 0"}}
    async with opened(bare, **SPEC, backup=backup):
        await back_up(bare)
        await bare.until(lambda: bare.find("jobs", "now-backup") is not None)
        asked = container(bare, "now-backup")
        for name, args in (("backup", ["backup", "--keep", "3"]), ("drill", ["drill"])):
            job = bare.get("cronjobs", f"shop-{name}")["spec"]["jobTemplate"]["spec"]
            assert job["template"]["spec"]["containers"] == [asked | {"args": args}]
        await end(bare, "now-backup")
        await bare.until(lambda: bare.condition("BackedUp") == ("True", "Reconciled"))
        assert bare.get("bookstores", "shop")["status"]["lastBackup"]["name"] == NAME


async def test_a_restore_stops_all_services_and_starts_them_again(bare: Stage) -> None:
    async with opened(bare, **SPEC):
        await restore(bare)
        await end(bare, "back-verify")
        await until_phase(bare, Phase.RESTORING)
        whole = ["--topology", "Microservices"]
        args = container(bare, "back-verify")["args"]
        assert args == ["restore", NAME, "--dry-run", "--replace", *whole]
        await bare.until(lambda: bare.condition("Available") == ("False", "BeingRestored"))
        for name in SERVICES:
            assert bare.get("deployments", f"shop-{name}")["spec"]["replicas"] == 0
        assert bare.get("deployments", "shop-gateway")["spec"]["replicas"] == 2, "it tells readers"
        await end(bare, "back-restore")
        assert container(bare, "back-restore")["args"] == ["restore", NAME, "--replace", *whole]
        await until_phase(bare, Phase.COMPLETE)
        await bare.until_ready()
        for name in SERVICES:
            assert history(bare, "back-restore", f"shop-{name}") == [2, 0, -1, 2]


@pytest.mark.parametrize("writing", SERVICES)
async def test_no_row_is_replaced_while_a_pod_of_a_service_is_there(
    bare: Stage, writing: str
) -> None:
    async with opened(bare, **SPEC):
        labels = {
            "app.kubernetes.io/name": "bookstore",
            "app.kubernetes.io/instance": "shop",
            "app.kubernetes.io/component": writing,
        }
        lingering: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": labels},
            "spec": {"containers": []},
        }
        bare.cluster.apply(("pods", "books", "lingering"), lingering, "deployment-controller")
        await restore(bare)
        await end(bare, "back-verify")
        await until_phase(bare, Phase.STOPPING)
        await bare.until(
            lambda: all(
                not bare.get("deployments", f"shop-{name}")["spec"]["replicas"] for name in SERVICES
            )
        )
        passes = bare.passes
        await bare.until(lambda: bare.passes > passes + 10)
        assert phase(bare) == Phase.STOPPING
        assert bare.find("jobs", "back-restore") is None
        await bare.delete("pods", "lingering")
        await end(bare, "back-restore")
        await until_phase(bare, Phase.COMPLETE)


async def test_a_service_that_is_meant_to_rest_keeps_no_restore_from_its_end(bare: Stage) -> None:
    async with opened(bare, **SPEC):
        services = {"services": {"orders": {"replicas": 0}}}
        await bare.edit("bookstores", "shop", {"spec": services})
        await restore(bare)
        await end(bare, "back-verify")
        await end(bare, "back-restore")
        await until_phase(bare, Phase.COMPLETE)
        assert history(bare, "back-restore", "shop-auth") == [2, 0, -1, 2]


async def test_a_restore_that_fails_lets_all_services_serve_again(bare: Stage) -> None:
    async with opened(bare, **SPEC):
        await restore(bare)
        await end(bare, "back-verify")
        await end(bare, "back-restore", "Failed", message="The database refused: gone.")
        await until_phase(bare, Phase.FAILED)
        await bare.until_ready()


async def test_a_backup_of_a_store_that_runs_as_one_is_read_in_its_volume(bare: Stage) -> None:
    async with opened(bare, **SPEC):
        await restore(bare, fromStore="old")
        await bare.until(lambda: bare.find("jobs", "back-verify") is not None)
        mounts = {
            one["mountPath"]: (one["name"], one.get("subPath"))
            for one in container(bare, "back-verify")["volumeMounts"]
        }
        claims = {
            one["name"]: one["persistentVolumeClaim"]["claimName"]
            for one in pod(bare, "back-verify")["volumes"]
            if "persistentVolumeClaim" in one
        }
        volume, folder = mounts["/app/backups"]
        assert (claims[volume], folder) == ("old-files", "backups")
        volume, folder = mounts["/app/uploads"]
        assert (claims[volume], folder) == ("shop-files", "uploads")


async def test_on_a_server_of_others_a_backup_has_the_login_that_the_database_names(
    bare: Stage,
) -> None:
    async with opened(bare, **SPEC | LOGINS, backup={"schedule": "17 3 * * *"}):
        assert bare.condition("BackedUp") == ("False", "SecretNotFound")
        assert bare.condition("Ready") == ("True", "Reconciled"), "a store serves without backups"
        text = bare.message("BackedUp")
        assert "Secret books/whole is not there; create it" in text
        assert "database.external.credentialsSecretRef" in text
        assert "all rights on the store's schema and on those of its services" in text
        await bare.secret("whole", user="d2hvbGU=")
        await bare.until(lambda: bare.condition("BackedUp") == ("False", "SecretKeyMissing"))
        assert "database.external.credentialsSecretRef.passwordKey" in bare.message("BackedUp")
        await bare.secret("whole", user="d2hvbGU=", password="eHl6")
        await bare.until(lambda: bare.condition("BackedUp") == ("False", "NeverBackedUp"))
        await back_up(bare)
        await bare.until(lambda: bare.find("jobs", "now-backup") is not None)
        told = variables(bare, "now-backup")
        assert told["DB_NAME"] == "books"
        assert (told["DB_USER"], told["DB_PASSWORD"]) == (("whole", "user"), ("whole", "password"))


async def test_a_backup_without_that_login_tells_the_field_that_names_it(bare: Stage) -> None:
    async with opened(bare, **SPEC | LOGINS):
        await back_up(bare)
        await bare.until(lambda: bare.find("jobs", "now-backup") is not None)
        live = bare.get("jobs", "now-backup")
        waiting = {"reason": "CreateContainerConfigError", "message": 'secret "whole" not found'}
        started = {"name": "shop", "image": "bookstore/app:1", "state": {"waiting": waiting}}
        body: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": {"batch.kubernetes.io/controller-uid": live["metadata"]["uid"]}},
            "spec": {"containers": live["spec"]["template"]["spec"]["containers"]},
        }
        place = ("pods", "books", "now-backup-x")
        bare.cluster.apply(place, body, "job-controller")
        told = {"status": {"containerStatuses": [started]}}
        bare.cluster.merge(place, told, "kubelet", "status")
        await bare.cluster.tell()
        await bare.until(
            lambda: condition(bare, "bookstorebackups", "now", "BackupMade")[1] == "PodsNotReady"
        )
        _, _, text = condition(bare, "bookstorebackups", "now", "BackupMade")
        assert 'secret "whole" not found; the store\'s database.external.credentialsSecret' in text


async def test_an_image_too_old_for_services_is_told(bare: Stage) -> None:
    async with opened(bare, **SPEC):
        await restore(bare)
        await end(bare, "back-verify", "Failed", exit_code=UNKNOWN_COMMAND)
        await until_phase(bare, Phase.FAILED)
        assert (
            "image bookstore/app:1 is too old"
            in condition(bare, "bookstorerestores", "back", "Restored")[2]
        )
