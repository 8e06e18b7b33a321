"""Copies of backups in a bucket: what the Jobs know of it, and what the store tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.api.conditions import Reason
from bookstore_operator.components.backup import Backup
from bookstore_operator.components.credentials import SECRET_KEY_MISSING, SECRET_NOT_FOUND
from bookstore_operator.components.drill import Drill
from bookstore_operator.components.offsite import (
    NEVER_COPIED,
    S3_ACCESS_DENIED,
    S3_BUCKET_NOT_FOUND,
    S3_CERTIFICATE_UNTRUSTED,
    S3_CHECKSUM_MISMATCH,
    S3_FAILED,
    S3_UNREACHABLE,
    OffSite,
)
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import put, store
from tests.unit.operator.test_backup import TOLD, job, left, nightly, staged

LOCATION = "s3://bookstore-backups/books/shop/20260101-031700-000000"
LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s3", "namespace": "books"},
    "data": {"accessKeyId": "a2V5", "secretAccessKey": "c2VjcmV0"},
}


def copied(status: Manifest | None = None, **s3: Any) -> Store:
    return nightly(status=status, s3={"bucket": "bookstore-backups"} | s3)


def made(root: Store, word: Manifest | None, *objects: Manifest) -> View:
    """Return what a pass sees once a backup was made that told this of its copy."""
    done = job("shop-backup-1", 5, "Complete")
    view = staged(root, done)
    left(view, done, **(TOLD | ({"s3": word} if word else {})))
    for one in objects:
        put(view, one)
    return view


def judged(root: Store, view: View) -> tuple[State, str, str]:
    verdict = OffSite().judge(root, view)
    assert verdict.aside, "a store serves without a copy of its backups"
    assert not verdict.holds
    return verdict.state, verdict.reason, verdict.message


def pod(component: Backup | Drill, root: Store) -> Manifest:
    (cron,) = component.children(root, staged(root))
    found: Manifest = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def variables(pod: Manifest) -> dict[str, Any]:
    return {
        one["name"]: one.get("value") or one["valueFrom"]
        for one in pod["containers"][0]["env"]
        if one["name"].startswith("S3_")
    }


def test_without_a_bucket_there_is_nothing_to_tell() -> None:
    assert not OffSite().active(nightly())
    assert not OffSite().active(store())
    assert variables(pod(Backup(), nightly())) == {}


def test_backups_of_two_stores_in_one_bucket_never_meet() -> None:
    assert variables(pod(Backup(), copied())) == {
        "S3_BUCKET": "bookstore-backups",
        "S3_PREFIX": "books/shop",
    }


def test_the_pod_has_the_keys_by_reference_and_starts_without_them() -> None:
    root = copied(
        prefix="prod",
        region="eu-west-1",
        endpoint="https://s3.example.com",
        credentialsSecretRef={"name": "s3", "accessKeyIdKey": "id"},
        caSecretRef={"name": "s3-ca"},
        forcePathStyle=False,
    )
    found = pod(Backup(), root)

    def key(of: str) -> Manifest:
        return {"secretKeyRef": {"name": "s3", "key": of, "optional": True}}

    assert variables(found) == {
        "S3_BUCKET": "bookstore-backups",
        "S3_PREFIX": "prod",
        "S3_REGION": "eu-west-1",
        "S3_ENDPOINT": "https://s3.example.com",
        "S3_FORCE_PATH_STYLE": "false",
        "S3_CA": "/etc/bookstore/s3/ca.crt",
        "S3_ACCESS_KEY_ID": key("id"),
        "S3_SECRET_ACCESS_KEY": key("secretAccessKey"),
    }
    (volume,) = (one for one in found["volumes"] if one["name"] == "s3-ca")
    assert volume["secret"]["optional"] is True


def test_neither_shop_nor_drill_know_the_bucket() -> None:
    root = copied(credentialsSecretRef={"name": "s3"})
    drilled = nightly(
        drill={"schedule": "0 5 * * 0"},
        s3={"bucket": "bookstore-backups", "credentialsSecretRef": {"name": "s3"}},
    )
    assert variables(pod(Drill(), drilled)) == {}
    shop = (staged(root).get(root.web) or {})["spec"]["template"]["spec"]
    assert variables(shop) == {}


def test_before_the_first_copy_there_is_none() -> None:
    root = copied()
    assert judged(root, staged(root))[:2] == (State.WAITING, NEVER_COPIED)
    assert judged(root, made(root, None))[:2] == (State.WAITING, NEVER_COPIED)


def test_a_copy_is_told_with_its_place() -> None:
    root = copied()
    view = made(root, {"location": LOCATION})
    assert judged(root, view)[0] is State.READY
    assert Backup().status(root, view)["lastBackup"]["s3"] == {"location": LOCATION}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("S3Unreachable", S3_UNREACHABLE),
        ("S3CertificateUntrusted", S3_CERTIFICATE_UNTRUSTED),
        ("S3AccessDenied", S3_ACCESS_DENIED),
        ("S3BucketNotFound", S3_BUCKET_NOT_FOUND),
        ("S3ChecksumMismatch", S3_CHECKSUM_MISMATCH),
        ("BackupFailed", S3_FAILED),
    ],
)
def test_a_copy_that_failed_tells_why_and_the_backup_counts(error: str, reason: Reason) -> None:
    root = copied()
    view = made(root, {"error": error, "message": "It does not answer."})
    state, said, message = judged(root, view)
    assert (state, said) == (State.FAILED, reason)
    assert message.startswith(
        "the backup 20260101-031700-000000 is in the store's folder alone: It does not answer;"
    )
    assert Backup().judge(root, view).ready
    later = copied(status=Backup().status(root, view))
    assert judged(later, staged(later))[:2] == (State.FAILED, reason), "until one is copied"
    assert judged(later, made(later, {"location": LOCATION}))[0] is State.FAILED, "of that Job"


def test_the_next_copy_clears_it() -> None:
    root = copied()
    status = Backup().status(root, made(root, {"error": "S3Failed", "message": "no"}))
    later, done = copied(status=status), job("shop-backup-2", 1, "Complete")
    view = staged(later, done)
    left(view, done, **TOLD, s3={"location": LOCATION})
    assert judged(later, view)[0] is State.READY


def test_one_before_the_last_that_is_missing_is_told() -> None:
    root = copied()
    message = judged(root, made(root, {"location": LOCATION, "error": "S3Failed"}))[2]
    assert message.startswith("a backup before it is in the store's folder alone: S3Failed;")


def test_a_secret_that_is_not_there_is_told_before_a_copy_is_tried() -> None:
    root = copied(credentialsSecretRef={"name": "s3"})
    good = {"location": LOCATION}
    state, reason, message = judged(root, made(root, good))
    assert (state, reason) == (State.FAILED, SECRET_NOT_FOUND)
    assert "Secret books/s3 is not there" in message
    assert "backup.s3.credentialsSecretRef.name" in message
    half = LOGIN | {"data": {"accessKeyId": "a2V5"}}
    state, reason, message = judged(root, made(root, good, half))
    assert (state, reason) == (State.FAILED, SECRET_KEY_MISSING)
    assert "backup.s3.credentialsSecretRef.secretAccessKeyKey" in message
    assert judged(root, made(root, good, LOGIN))[0] is State.READY


def test_a_long_sentence_of_the_shop_fits_the_status() -> None:
    root = copied()
    view = made(root, {"error": "S3Failed", "message": "x" * 5000})
    assert len(Backup().status(root, view)["lastBackup"]["s3"]["message"]) == 1024
