"""Off-site copies: whether the last backup is in the bucket too, and why it is not."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.objectstore import S3Bucket
from bookstore_operator.components.backup import BackupSpec, last_backup, scheduled_backup
from bookstore_operator.components.bucket import secrets_of
from bookstore_operator.components.credentials import (
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
    missing_secret,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, aside, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

BACKED_UP_OFF_SITE = ConditionType(
    "BackedUpOffSite", "The last backup is in the bucket too, and all that there were before it."
)

_PAGE = "see docs/how-to/back-up.md"
NEVER_COPIED = Reason(
    "NeverCopied",
    "No backup was copied into the bucket yet; the next one is.",
    fix="Wait for the schedule, or make a BookStoreBackup at once.",
)
S3_UNREACHABLE = Reason(
    "S3Unreachable",
    "The server of the bucket does not answer.",
    fix="Correct spec.backup.s3.endpoint, or let pods of the store's namespace reach it; the next "
    "backup brings what is missing.",
)
S3_CERTIFICATE_UNTRUSTED = Reason(
    "S3CertificateUntrusted",
    "The certificate of the bucket's server is of an authority that is not trusted.",
    fix="Set spec.backup.s3.caSecretRef to a Secret with that authority's certificate.",
)
S3_ACCESS_DENIED = Reason(
    "S3AccessDenied",
    "The keys of the bucket are wrong, or may not do what the message names.",
    fix="Correct the keys in the Secret of spec.backup.s3.credentialsSecretRef, or the policy of "
    f"who they belong to; {_PAGE}.",
)
S3_BUCKET_NOT_FOUND = Reason(
    "S3BucketNotFound",
    "There is no such bucket.",
    fix="Make the bucket, or correct spec.backup.s3.bucket.",
)
S3_CHECKSUM_MISMATCH = Reason(
    "S3ChecksumMismatch",
    "The bucket has other bytes than were sent; that copy does not count.",
    fix="Wait for the next backup, which sends them again; where it stays, look at the server.",
)
S3_FAILED = Reason(
    "S3Failed",
    "A backup could not be copied into the bucket; the message says why.",
    fix=f"Mend what the message names; the next backup brings what is missing, {_PAGE}.",
)

_BY_ERROR = {
    str(one): one
    for one in (
        S3_UNREACHABLE,
        S3_CERTIFICATE_UNTRUSTED,
        S3_ACCESS_DENIED,
        S3_BUCKET_NOT_FOUND,
        S3_CHECKSUM_MISMATCH,
    )
}
"""The reasons by the name of the error that the shop tells."""


class OffSite(Component[Store]):
    """Tell whether backups are in the bucket; the backup's own Job copies them."""

    condition: ClassVar = BACKED_UP_OFF_SITE
    told: ClassVar = True
    reasons: ClassVar = (
        NEVER_COPIED,
        *_BY_ERROR.values(),
        S3_FAILED,
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
    )

    def active(self, root: Store) -> bool:
        """Return whether backups are copied."""
        return _bucket(root) is not None

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Secrets of the bucket."""
        bucket = _bucket(root)
        return list(secrets_of(root, bucket)) if bucket else []

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return nothing: the backup's own Job copies it."""
        return []

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods of the last backup, while it is not told of yet."""
        scheduled = scheduled_backup(root)
        return scheduled.queries(view) if scheduled else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the last backup's copy, and whether the next one can be made."""
        bucket = _bucket(root)
        if bucket is None:
            return ready("")
        return aside(missing_secret(view, secrets_of(root, bucket)) or _last(root, view))


def _bucket(store: Store) -> S3Bucket | None:
    wanted = store.fragment(BackupSpec).backup
    return wanted.s3 if wanted else None


def _last(store: Store, view: View) -> Verdict:
    last = last_backup(store, view)
    copied = last.s3 if last else None
    if last is None or copied is None:
        return waiting(NEVER_COPIED, "No backup was copied into the bucket yet; the next one is.")
    if copied.error is None:
        return ready(f"The last backup is in {copied.location}, and all that there were before it.")
    what = "a backup before it is" if copied.location else f"the backup {last.name} is"
    message = (copied.message or copied.error).strip().rstrip(".")
    return failed(
        _BY_ERROR.get(copied.error, S3_FAILED),
        f"{what} in the store's folder alone: {message}; the next backup brings what is missing",
    )
