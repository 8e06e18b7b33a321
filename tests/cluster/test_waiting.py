"""A store that cannot go on says why, and goes on by itself when the reason goes."""

from __future__ import annotations

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import NAME, MySQL, service
from tests.cluster.support.store import Store
from tests.support.poll import eventually


def meta(name: str, namespace: str = "") -> Manifest:
    return {"name": name} | ({"namespace": namespace} if namespace else {})


@pytest.mark.fault(row=15)
def test_credentials_that_come_late(kube: Kube, lab: Lab) -> None:
    login = lab.login("shop")
    right = login.secret(lab.namespace, "db")
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", login.spec("db")))
    store.wait_told("SecretNotFound", mentions=f"{lab.namespace}/db")

    half = {**right, "stringData": {"username": login.user}}
    kube.apply(half)
    store.wait_told("SecretKeyMissing", mentions='"password"')

    wrong = {**right, "stringData": {"username": login.user, "password": "wrong-one"}}
    kube.apply(wrong)
    store.wait_told("DatabaseAccessDenied", mentions=f"Secret {lab.namespace}/db", within=120)
    assert "wrong-one" not in str(store.get()) + str(kube.list("Event", lab.namespace))

    kube.apply(right)
    store.wait_ready()
    assert store.url()


@pytest.mark.fault(row=14)
def test_a_password_that_changes_rolls_the_pods_once_and_fails_no_purchase(
    kube: Kube, lab: Lab, mysql: MySQL
) -> None:
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", login.spec("db"), replicas=2))
    store.wait_ready()
    before = store.child("Deployment")["metadata"]["generation"]

    kube.patch("Secret", lab.namespace, "db", {"metadata": {"labels": {"team": "red"}}})
    new = "another-one"
    crowd = Crowd.of(store)

    def rolled() -> None:
        assert len(kube.list("ReplicaSet", lab.namespace)) == 2

    with crowd:
        mysql.run(f"ALTER USER '{login.user}'@'%' IDENTIFIED BY '{new}' RETAIN CURRENT PASSWORD")
        kube.patch("Secret", lab.namespace, "db", {"stringData": {"password": new}})
        eventually(rolled, within=60)
        store.wait_ready()
        store.wait_none_leaving()
        mysql.run(f"ALTER USER '{login.user}'@'%' DISCARD OLD PASSWORD")
        sold = crowd.bought
        eventually(lambda: has_bought(crowd, more_than=sold), within=30)
    assert crowd.failed == []
    # No acknowledged order is lost.
    assert crowd.sold() == crowd.bought
    # One rollout for the password, none for the label.
    assert len(kube.list("ReplicaSet", lab.namespace)) == 2
    assert store.child("Deployment")["metadata"]["generation"] == before + 1
    assert new not in str(store.get()) + str(kube.list("Event", lab.namespace))


def has_bought(crowd: Crowd, more_than: int) -> None:
    assert crowd.bought > more_than + 5, crowd.failed


def test_a_database_that_does_not_answer(kube: Kube, lab: Lab, mysql: MySQL) -> None:
    late = f"late-{lab.namespace}"
    kube.apply(service(mysql.namespace, late, app="nothing"))
    login = lab.login("shop")
    kube.apply(login.secret(lab.namespace, "db"))
    database = login.spec("db")
    database["external"]["host"] = f"{late}.{mysql.namespace}.svc"
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", database))
    store.wait_told("DatabaseUnreachable", mentions=late, within=120)

    kube.apply(service(mysql.namespace, late, app=NAME))
    store.wait_ready(within=180)
    kube.delete("Service", mysql.namespace, late)


@pytest.mark.fault(row=20)
def test_an_image_that_cannot_be_pulled(lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    good = store.get()["spec"]["image"]
    (pod,) = store.pods()
    store.edit(image="bookstore/app:no-such-release")
    store.wait_told("ImagePullFailed", mentions="bookstore/app:no-such-release")
    assert store.url(), "the pods of before serve on"
    assert [p["metadata"]["uid"] for p in store.pods()] == [pod["metadata"]["uid"]]

    store.edit(image=good)
    store.wait_ready()
    assert [p["metadata"]["uid"] for p in store.pods()] == [pod["metadata"]["uid"]]


def test_a_volume_that_no_one_provides(kube: Kube, lab: Lab) -> None:
    absent = f"absent-{lab.namespace}"
    claim = {"claim": {"storageClassName": absent, "size": "1Gi"}}
    store = lab.external(storage=claim)
    store.wait_told("VolumeNotBound", mentions="shop-files")

    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": meta(absent),
            "spec": {
                "storageClassName": absent,
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "claimRef": {"namespace": lab.namespace, "name": "shop-files"},
                "csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0badc0de"},
            },
        }
    )
    store.wait_ready()


@pytest.mark.fault(row=17)
@pytest.mark.parametrize(
    ("kind", "suffix", "content"),
    [
        ("ServiceAccount", "", {"automountServiceAccountToken": True}),
        ("Service", "-svc", {"spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}),
    ],
)
def test_an_object_of_the_same_name_is_left_alone(
    kube: Kube, lab: Lab, kind: str, suffix: str, content: Manifest
) -> None:
    name = f"shop{suffix}"
    foreign = kube.apply(
        {"apiVersion": "v1", "kind": kind, "metadata": meta(name, lab.namespace), **content}
    )
    store = lab.external()
    store.wait_told("Conflict", mentions=name)
    assert kube.get(kind, lab.namespace, name) == foreign

    kube.delete(kind, lab.namespace, name)
    store.wait_ready()
    assert store.url()


@pytest.mark.fault(row=17)
def test_a_volume_of_the_same_name_is_left_alone(kube: Kube, lab: Lab) -> None:
    name = f"{lab.namespace}.shop.files"
    foreign: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": meta(name),
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "claimRef": {"namespace": "kube-public", "name": "theirs"},
            "csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0badc0de"},
        },
    }
    kube.apply(foreign)
    store = lab.external()
    store.wait_told("Conflict", mentions=name)
    claim = kube.get("PersistentVolume", "", name)["spec"]["claimRef"]
    assert claim["namespace"] == "kube-public"

    kube.delete("PersistentVolume", "", name)
    store.wait_ready()


@pytest.mark.fault(row=8)
def test_a_quota_that_is_used_up(kube: Kube, lab: Lab) -> None:
    quota: Manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta("small", lab.namespace),
        "spec": {"hard": {"count/services": "0"}},
    }
    kube.apply(quota)

    def counted() -> None:
        assert "hard" in kube.get("ResourceQuota", lab.namespace, "small").get("status", {})

    eventually(counted, within=30)
    store = lab.external()
    store.wait_told("QuotaExceeded", mentions="small")

    kube.delete("ResourceQuota", lab.namespace, "small")
    store.wait_ready()


def test_a_paused_store_is_not_touched(kube: Kube, lab: Lab) -> None:
    store = lab.external(state="Paused")

    def paused() -> None:
        assert store.conditions().get("Ready", {}).get("reason") == "Paused"

    eventually(paused, within=30)
    assert store.children() == []
    store.edit(state="Running")
    store.wait_ready()

    store.edit(state="Paused")
    eventually(paused, within=30)
    kube.patch("ServiceAccount", lab.namespace, "shop", {"automountServiceAccountToken": True})
    # The operator has seen what came after the edit once it has judged this one too.
    generation = store.get()["metadata"]["generation"]
    assert store.get()["status"]["observedGeneration"] == generation
    store.edit(replicas=2)

    def seen() -> None:
        assert store.get()["status"]["observedGeneration"] > generation

    eventually(seen, within=30)
    assert store.child("ServiceAccount")["automountServiceAccountToken"] is True
    assert store.child("Deployment")["spec"]["replicas"] == 1

    store.edit(state="Running")
    store.wait_ready()
    assert store.child("ServiceAccount")["automountServiceAccountToken"] is False
