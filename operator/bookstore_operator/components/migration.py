"""Migration: a Job for each pair of image and database, which the Deployment waits for."""

import hashlib
from datetime import datetime
from typing import ClassVar

from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import config_hash
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.pods import explain, termination
from bookstore_operator.kinds import JOB, POD, Manifest, Ref
from bookstore_operator.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    pod_security,
    scratch,
)
from bookstore_operator.observed import Observed, Query, is_terminating
from bookstore_operator.store import PREFIX, Store
from bookstore_operator.verdict import Verdict, failed, ready, waiting

COMPONENT = "migration"
ATTEMPT = f"{PREFIX}/attempt"
DEADLINE = 900
"""Seconds that a migration may take; a hanging one is ended and tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 120.0
"""Seconds between a failure and the next attempt, doubled each time."""

REASONS = {
    "DatabaseUnreachable": Reason.DATABASE_UNREACHABLE,
    "ConfigurationInvalid": Reason.SECRET_INVALID,
}
"""What the shop's ``migrate`` names its failures; all else is a failed migration."""


class Migration(Component):
    """Bring the database's schema to what the wanted image needs, once."""

    condition: ClassVar = ConditionType.SCHEMA_MIGRATED
    awaited: ClassVar = Reason.WAITING_FOR_MIGRATION
    requires: ClassVar = (ConditionType.CREDENTIALS_READY,)
    begins_after: ClassVar = (ConditionType.DATABASE_READY,)

    def observes(self, store: Store) -> list[Ref]:  # noqa: ARG002
        """Return nothing: the Jobs are surveyed, since their names hold what is found."""
        return []

    def surveys(self, store: Store) -> list[Query]:
        """Return the store's migrations of all images."""
        return [Query.of(JOB, store.labels(COMPONENT))]

    def begun(self, store: Store, seen: Observed) -> bool:
        """Return whether the migration of the wanted image was started."""
        return seen.get(current(store, seen)) is not None

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:
        """Return the Job: as it was made, or the next attempt once a failed one has paused."""
        ref = current(store, seen)
        job = seen.get(ref)
        notes = {ATTEMPT: "1", CONFIG_HASH: _config_hash(store, seen)}
        if job and _is_due(store, seen, job):
            notes[ATTEMPT] = str(_attempt(job) + 1)
        elif job:
            made_with = job["metadata"].get("annotations", {})
            notes = {name: made_with.get(name, value) for name, value in notes.items()}
        return [_job(store, ref, notes)]

    def replaced(self, store: Store, seen: Observed) -> list[Ref]:
        """Return the failed Job when its time has come to be made anew."""
        ref = current(store, seen)
        job = seen.get(ref)
        return [ref] if job and _is_due(store, seen, job) else []

    def inquires(self, store: Store, seen: Observed) -> list[Query]:
        """Return the pods until their outcome is known."""
        job = seen.get(current(store, seen))
        known = job and is_complete(job) and job["metadata"]["uid"] in seen.revisions
        return [] if job is None or known else [_pods(job)]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge the migration of the wanted image, whatever serves meanwhile."""
        job = seen.get(current(store, seen))
        if job is None or is_terminating(job):
            return waiting(Reason.MIGRATION_RUNNING, "The migration is about to start.")
        if is_complete(job):
            return ready(f"The schema is that of image {store.spec.image}.")
        pods = seen.found(_pods(job))
        told = termination(pods)
        failure = _failure(job)
        if failure or told.get("error"):
            reason = REASONS.get(str(told.get("error")), Reason.MIGRATION_FAILED)
            pause = max(_pause_left(store, seen, job), 0.5) if failure else None
            return failed(reason, _failure_sentence(store, told, failure), again=pause)
        return explain(pods, store.spec.image, "spec.image", seen.now) or waiting(
            Reason.MIGRATION_RUNNING, f"The migration for image {store.spec.image} is running."
        )

    def obsolete(self, store: Store, seen: Observed) -> list[Ref]:
        """Return finished or not yet started migrations of other images.

        One that runs is left to end: statements that change a schema cannot be rolled back.
        """
        ref = current(store, seen)
        return [
            Ref.of(job)
            for job in seen.jobs()
            if Ref.of(job) != ref and not job.get("status", {}).get("ready")
        ]


def current(store: Store, seen: Observed) -> Ref:
    """Return the Job for the wanted image and the database, by a key of both.

    An embedded database is known by its claim, so that a new volume is migrated anew.
    """
    claim = seen.get(store.database_claim) or {}
    connection = Connection.of(store)
    identity = [
        store.spec.image,
        connection.host,
        str(connection.port),
        connection.schema,
        claim.get("metadata", {}).get("uid", ""),
    ]
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    return store.migration(digest[:10])


def serving_image(store: Store, seen: Observed) -> str:
    """Return the image that the pods are to run: the wanted one once its migration is done.

    Until then it is that of the migration done last, or of the last whole rollout. A store that
    never served starts its pods beside its first migration: they are not ready before it is done.
    """
    job = seen.get(current(store, seen))
    if job and is_complete(job):
        return store.spec.image
    done = [other for other in seen.jobs() if is_complete(other)]
    if done:
        latest = max(done, key=lambda other: str(other["status"].get("completionTime")))
        return str(latest["spec"]["template"]["spec"]["containers"][0]["image"])
    return store.status.image or store.spec.image


def is_complete(job: Manifest) -> bool:
    """Return whether a Job succeeded."""
    return _condition(job, "Complete") is not None


def revision(store: Store, seen: Observed) -> tuple[str, str] | None:
    """Return the uid of the done migration and the schema revision that its pod told, if it did."""
    job = seen.get(current(store, seen))
    if job is None or not is_complete(job):
        return None
    told = termination(seen.found(_pods(job))).get("schemaRevision")
    return (job["metadata"]["uid"], str(told)) if told else None


def _job(store: Store, ref: Ref, notes: dict[str, str]) -> Manifest:
    connection = Connection.of(store)
    volumes, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    ca_volumes, ca_mounts = connection.volumes()
    settings = connection.settings() | {
        "FLASK_ENV": "production",
        "TERMINATION_LOG": "/dev/termination-log",
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [
            {
                "name": "migrate",
                "image": store.spec.image,
                "args": ["migrate"],
                "env": [{"name": name, "value": value} for name, value in settings.items()]
                + connection.secrets(store),
                "resources": store.spec.resources.manifest(),
                "securityContext": container_security(),
                "volumeMounts": mounts + ca_mounts,
            }
        ],
        "volumes": volumes + ca_volumes,
    }
    manifest = child(
        store,
        ref,
        COMPONENT,
        spec={
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE,
            # A drained node is no failure of the migration.
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                ]
            },
            "template": {"metadata": {"labels": store.labels(COMPONENT)}, "spec": pod},
        },
    )
    manifest["metadata"]["annotations"] = notes
    return manifest


def _config_hash(store: Store, seen: Observed) -> str:
    return config_hash(store, seen, Connection.of(store).confidential(store, seen))


def _failure_sentence(store: Store, told: Manifest, failure: Manifest | None) -> str:
    connection = Connection.of(store)
    message = str(told.get("message") or (failure or {}).get("message") or "it gave no word")
    message = message.strip().rstrip(".")
    if told.get("error") == "DatabaseUnreachable" and connection.host not in message:
        message = f"{connection.host}:{connection.port}: {message}"
    return f"the migration for image {store.spec.image} failed: {message}; it is tried again"


def _attempt(job: Manifest) -> int:
    text = job["metadata"].get("annotations", {}).get(ATTEMPT, "")
    return int(text) if text.isdecimal() else 1


def _is_due(store: Store, seen: Observed, job: Manifest) -> bool:
    return _failure(job) is not None and _pause_left(store, seen, job) <= 0


def _pause_left(store: Store, seen: Observed, job: Manifest) -> float:
    """Return the seconds until a failed Job is made anew; 0 at once when its Secrets changed."""
    failure = _failure(job) or {}
    annotations = job["metadata"].get("annotations", {})
    if annotations.get(CONFIG_HASH) != _config_hash(store, seen):
        return 0.0
    since = datetime.fromisoformat(failure["lastTransitionTime"])
    pause: float = min(FIRST_PAUSE * 2 ** min(_attempt(job) - 1, 10), LONGEST_PAUSE)
    return pause - (seen.now - since).total_seconds()


def _failure(job: Manifest) -> Manifest | None:
    return _condition(job, "Failed")


def _condition(job: Manifest, kind: str) -> Manifest | None:
    conditions: list[Manifest] = job.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind and c["status"] == "True"), None)


def _pods(job: Manifest) -> Query:
    return Query.of(POD, {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]})
