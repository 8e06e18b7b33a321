"""Backups and restores while people buy: what was acknowledged is there again, or nothing changed.

Fault 25: a partial backup is never listed as good, pruning never takes the last good one, and the
live database is untouched until the copy is verified.
"""

from __future__ import annotations

import pytest

from tests.cluster.support.backups import FOLDER, Task, checksums, whole
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import database_name
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually

TABLES = ("orders", "purchases", "purchase_lines", "shipments", "books", "sellers")
COVER, LOCKED = "/app/uploads/0123456789abcdef.webp", "/app/uploads/fedcba9876543210.webp"


@pytest.fixture(scope="module")
def store(module_lab: Lab) -> Store:
    """Run a store that is backed up each minute."""
    store = module_lab.external(backup={"schedule": "* * * * *", "keep": 1})
    store.wait_ready()
    return store


@pytest.mark.fault(row=25)
def test_a_scheduled_backup_is_whole_and_told_while_people_buy(store: Store) -> None:
    def backed_up(before: str = "") -> str:
        last = store.get()["status"].get("lastBackup", {})
        assert last.get("name", "") > before, store.conditions().get("BackedUp")
        return str(last["name"])

    with Crowd.of(store) as crowd:
        first = eventually(backed_up, within=150)
        second = eventually(lambda: backed_up(first), within=150)
    assert crowd.failed == []
    assert crowd.bought > 0
    store.told("BackedUp", "True", "Reconciled")
    kept = whole(store)
    assert second in kept
    assert first not in kept, "one is kept"
    last, (pod, *_) = store.get()["status"]["lastBackup"], store.pods()
    summed = store.exec(pod, "sha256sum", f"{FOLDER}/{last['name']}/manifest.json")
    assert summed.split()[0] == last["checksum"]


@pytest.mark.fault(row=25)
def test_a_backup_that_cannot_be_made_is_told_and_takes_no_good_one(store: Store) -> None:
    (pod, *_) = store.pods()
    good = whole(store)
    store.exec(pod, "sh", "-c", f"printf cover > {LOCKED}; chmod 000 {LOCKED}")
    try:
        failed = Task.ask(store, "BookStoreBackup", "refused")
        failed.wait("Failed", within=240)
        assert "A backup cannot be made in BACKUPS_DIR" in failed.message()

        def told() -> None:
            said = store.told("BackedUp", "False", "BackupFailed")
            assert "A backup cannot be made in BACKUPS_DIR" in said

        eventually(told, within=180)
        store.told("Ready", "True")
        store.told("Degraded", "True", "BackupFailed")
        assert whole(store) == good
    finally:
        store.exec(pod, "rm", "-f", LOCKED)
    eventually(lambda: store.told("BackedUp", "True", "Reconciled"), within=240)


@pytest.mark.fault(row=25)
def test_a_restore_brings_back_what_was_acknowledged_though_all_is_killed(
    kube: Kube, store: Store, module_lab: Lab, operator: Operator
) -> None:
    # The folder is the test's alone meanwhile.
    store.edit(backup={"schedule": "@yearly", "keep": 50})
    (pod, *_) = store.pods()
    store.exec(pod, "sh", "-c", f"printf cover > {COVER}")
    with Crowd.of(store) as crowd:
        acknowledged = eventually(lambda: several_orders(crowd), within=60)
        taken = Task.ask(store, "BookStoreBackup", "before").wait("Complete")
    assert crowd.failed == []
    later = set(crowd.buyer.orders())
    login = module_lab.owner(store.name)
    module_lab.mysql.run(damage(login))
    store.exec(pod, "rm", COVER)
    assert crowd.buyer.orders() == []

    restore = Task.ask(
        store, "BookStoreRestore", "back", backup={"bookStoreBackup": "before"}, replace=True
    )
    restore.wait("Restoring")
    assert store.pods() == [], "nobody writes while the rows are replaced"
    operator.kill()
    kill_pod(kube, store, "back-restore")
    restored = restore.wait("Complete", within=300)
    store.wait_ready()

    assert (restored["backup"], restored["checksum"]) == (taken["backup"], taken["checksum"])
    assert crowd.buyer.is_logged_out(), "a session of before opens no account"
    crowd.buyer.log_in(crowd.buyer.email)
    orders = set(crowd.buyer.orders())
    assert acknowledged <= orders <= later
    (pod, *_) = store.pods()
    assert store.exec(pod, "cat", COVER) == "cover"
    after = Task.ask(store, "BookStoreBackup", "after").wait("Complete")
    then, now = checksums(store, taken["backup"]), checksums(store, after["backup"])
    for table in TABLES:
        (path,) = [one for one in then if one.endswith(f"/{table}.jsonl.gz")]
        assert now[path] == then[path], table
    crowd.buyer.buy(crowd.book)


def test_the_newest_backup_is_restored_on_trial_while_people_buy(store: Store) -> None:
    with Crowd.of(store) as crowd:
        name = Task.ask(store, "BookStoreBackup", "tried").wait("Complete")["backup"]
        drill = {"schedule": "* * * * *"}
        store.edit(backup={"schedule": "@yearly", "keep": 50, "drill": drill})

        def drilled() -> None:
            last = store.get()["status"].get("lastDrill", {})
            assert last.get("backup") == name, store.conditions().get("RestoreDrilled")

        eventually(drilled, within=180)
    store.told("RestoreDrilled", "True", "Reconciled")
    assert crowd.failed == []
    assert crowd.bought > 0


def several_orders(crowd: Crowd) -> set[str]:
    orders = set(crowd.buyer.orders())
    assert len(orders) > 5
    return orders


def damage(owner: str) -> str:
    """Return statements that lose what people bought."""
    schema = database_name(owner)
    lost = ("shipments", "purchase_lines", "purchases", "orders")
    deletes = "".join(f"DELETE FROM {schema}.{table};" for table in lost)
    return f"SET foreign_key_checks = 0; {deletes}"


def kill_pod(kube: Kube, store: Store, job: str) -> None:
    """Kill the pod of a Job once there is one, unless it has done its work by then."""

    def killed() -> None:
        for pod in kube.list("Pod", store.namespace, f"batch.kubernetes.io/job-name={job}"):
            kube.delete("Pod", store.namespace, pod["metadata"]["name"], grace=0)
            return
        raise AssertionError(f"{job} has no pod yet")

    eventually(killed, within=60, every=0.05)


@pytest.mark.fault(row=25)
def test_a_damaged_copy_changes_nothing_and_stops_nobody(store: Store) -> None:
    (pod, *_) = store.pods()
    name = Task.ask(store, "BookStoreBackup", "damaged").wait("Complete")["backup"]
    broken = f"{FOLDER}/{name}/uploads.tar"
    store.exec(pod, "sh", "-c", f"printf X | dd of={broken} bs=1 seek=7 conv=notrunc status=none")
    with Crowd.of(store) as crowd:
        restore = Task.ask(
            store, "BookStoreRestore", "damaged", backup={"name": name}, replace=True
        )
        restore.wait("Failed")
    assert "uploads.tar has another checksum" in restore.message()
    assert "nothing was changed" in restore.message()
    assert crowd.failed == []
    assert crowd.bought > 0
    store.exec(pod, "rm", "-r", f"{FOLDER}/{name}")
