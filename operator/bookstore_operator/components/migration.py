"""Migration: a Job for each pair of image and database, which the Deployment waits for."""

import hashlib
from typing import ClassVar

from bookstore_operator.api.conditions import GOES_ON, Reason
from bookstore_operator.components.credentials import (
    CREDENTIALS_READY,
    SECRET_INVALID,
    config_hash,
)
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.database.database import (
    DATABASE_ACCESS_DENIED,
    DATABASE_READY,
    DATABASE_UNREACHABLE,
    OBSTACLE_REASONS,
    OBSTACLES,
)
from bookstore_operator.components.jobs import (
    ATTEMPT,
    UNDISTURBED,
    attempt_of,
    is_complete,
    pause_left,
    pods_of,
)
from bookstore_operator.components.jobs import failure as failure_of
from bookstore_operator.components.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    pod_security,
    pull_policy,
    pull_secrets,
    scratch,
)
from bookstore_operator.components.outputs import ServingImage
from bookstore_operator.components.placement import FIELDS, placed
from bookstore_operator.components.pods import REASONS, explain, termination, wants_explanation
from bookstore_operator.components.revision import service_settings
from bookstore_operator.components.servicekeys import mounted
from bookstore_operator.components.shop import (
    MIGRATION,
    SCHEMA_MIGRATED,
    complete_rollout,
    image_field,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import JOB, POD
from bookstore_operator.kube.objects import Manifest, Ref, is_terminating
from bookstore_operator.store import Store

DEADLINE = 900
"""Seconds that a migration may take; a hanging one is ended and tried again."""

WAITING_FOR_MIGRATION = Reason(
    "WaitingForMigration",
    f"This part begins after {SCHEMA_MIGRATED}.",
    fix=GOES_ON,
)
MIGRATION_RUNNING = Reason(
    "MigrationRunning",
    "The migration Job is running.",
    fix="Wait; the old version serves until the migration is done.",
)
MIGRATION_FAILED = Reason(
    "MigrationFailed",
    "The migration failed; the message says why.",
    fix=(
        "Read the message and the Job's log, mend what they name, or set the former "
        "image, see docs/how-to/roll-back.md."
    ),
)

NAMED_FAILURES = {
    "DatabaseUnreachable": DATABASE_UNREACHABLE,
    "DatabaseRefused": DATABASE_ACCESS_DENIED,
    "ConfigurationInvalid": SECRET_INVALID,
}
"""What the shop's ``migrate`` names its failures where it names no obstacle, as older versions do
not; all else is a failed migration."""


class Migration(Component[Store]):
    """Bring the database's schema to what the wanted image needs, once."""

    condition: ClassVar = SCHEMA_MIGRATED
    awaited: ClassVar = WAITING_FOR_MIGRATION
    kinds: ClassVar = (JOB,)
    reads: ClassVar = (POD,)
    reasons: ClassVar = (MIGRATION_RUNNING, MIGRATION_FAILED, *OBSTACLE_REASONS, *REASONS)
    requires: ClassVar = (CREDENTIALS_READY,)
    begins_after: ClassVar = (DATABASE_READY,)

    def active(self, root: Store) -> bool:
        """Return whether it is of the shop as one, or of a service, and not of several."""
        return root.is_part

    def begun(self, root: Store, view: View) -> bool:
        """Return whether the migration of the wanted image was started."""
        return view.get(current(root, view)) is not None

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the Job: as it was made, or the next attempt once a failed one has paused."""
        ref = current(root, view)
        job = view.get(ref)
        notes = {ATTEMPT: "1", CONFIG_HASH: _config_hash(root, view)}
        if job and _is_due(root, view, job):
            notes[ATTEMPT] = str(attempt_of(job) + 1)
        elif job:
            made_with = job["metadata"].get("annotations", {})
            notes = {name: made_with.get(name, value) for name, value in notes.items()}
        return [_job(root, view, ref, notes)]

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the image that the pods are to run."""
        return (ServingImage(_serving_image(root, view)),)

    def replaced(self, root: Store, view: View) -> list[Ref]:
        """Return the Job that failed, when its time has come, or that waits for another node."""
        ref = current(root, view)
        job = view.get(ref)
        again = job is not None and (_is_due(root, view, job) or _waits_elsewhere(root, job))
        return [ref] if again else []

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return migrations of other images that run, or that tell which image may serve.

        Statements that change a schema cannot be rolled back, so a running one is left to end.
        """
        rolled_out = complete_rollout(root, view) == root.spec.image
        return {
            ref
            for ref, job in _migrations(root, view).items()
            if not rolled_out or job.get("status", {}).get("ready")
        }

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods where their word is needed: of a failure, of the new revision."""
        job = view.get(current(root, view))
        if job is None:
            return []
        if is_complete(job):
            condition = root.condition(SCHEMA_MIGRATED)
            return [] if condition and condition.message == _done(root) else [pods_of(job)]
        return doubtful_pods(root, view, job)

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the migration of the wanted image, whatever serves meanwhile."""
        job = view.get(current(root, view))
        if job is None or is_terminating(job):
            return waiting(MIGRATION_RUNNING, "The migration is about to start.")
        if is_complete(job):
            return ready(_done(root))
        pods = view.found(pods_of(job)) or []
        ended = termination(pods)
        failure = failure_of(job)
        if failure or ended.get("error"):
            reason = _reason(ended)
            pause = max(_pause_left(root, view, job), 0.5) if failure else None
            return failed(reason, _failure_sentence(root, view, ended, failure), again=pause)
        return explain(pods, root.spec.image, image_field(root), view.now) or waiting(
            MIGRATION_RUNNING, f"The migration for image {root.spec.image} is running."
        )

    def status(self, root: Store, view: View) -> Manifest:
        """Return the schema revision that the last successful migration reached."""
        before = root.status.database.schema_revision if root.status.database else None
        job = view.get(current(root, view))
        pods = view.found(pods_of(job)) if job and is_complete(job) else None
        revision = termination(pods or []).get("schemaRevision") or before
        return {"database": {"schemaRevision": str(revision)}} if revision else {}


def current(store: Store, view: View, connection: Connection | None = None) -> Ref:
    """Return the Job for the wanted image and the database, by a key of both.

    An embedded database is known by its volume, so that a new one is migrated anew.

    Args:
        store: The store.
        view: What is known of it.
        connection: The way to the database; by default what the database's component gave out.
    """
    claim = view.get(store.database_claim) or {}
    connection = connection or view.output(Connection)
    identity = [
        store.spec.image,
        connection.host,
        str(connection.port),
        connection.schema,
        claim.get("spec", {}).get("volumeName", ""),
    ]
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    return store.migration(digest[:10])


def _serving_image(store: Store, view: View) -> str:
    """Return the image that the pods are to run: the wanted one once its migration is done.

    Until then it is that of the migration done last, or of the last whole rollout. A store that
    never served starts its pods beside its first migration: they are not ready before it is done.
    """
    job = view.get(current(store, view))
    if job and is_complete(job):
        return store.spec.image
    done = [other for other in _migrations(store, view).values() if is_complete(other)]
    if done:
        latest = max(done, key=lambda other: str(other["status"].get("completionTime")))
        return str(latest["spec"]["template"]["spec"]["containers"][0]["image"])
    return store.status.image or store.spec.image


def _migrations(store: Store, view: View) -> dict[Ref, Manifest]:
    """Return the migrations of all images that there are; those of other services are theirs."""
    beginning = store.migration("").name
    return {ref: job for ref, job in view.owned(JOB).items() if ref.name.startswith(beginning)}


def doubtful_pods(store: Store, view: View, job: Manifest) -> list[Query]:
    """Return the query for the pods of a migration that failed, or takes longer than most."""
    explains = wants_explanation(store, SCHEMA_MIGRATED, view.now)
    return [pods_of(job)] if failure_of(job) or explains else []


def _reason(ended: Manifest) -> Reason:
    named = NAMED_FAILURES.get(str(ended.get("error")), MIGRATION_FAILED)
    return OBSTACLES.get(str(ended.get("obstacle")), named)


def _job(store: Store, view: View, ref: Ref, notes: dict[str, str]) -> Manifest:
    connection = view.output(Connection)
    volumes, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    ca_volumes, ca_mounts = connection.volumes()
    key_volumes, key_mounts = mounted(store)
    settings = (
        connection.settings()
        | service_settings(store)
        | {
            "FLASK_ENV": "production",
            "TERMINATION_LOG": "/dev/termination-log",
        }
    )
    pod = {
        "restartPolicy": "Never",
        **pull_secrets(store),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        **placed(store),
        "containers": [
            {
                "name": "migrate",
                "image": store.spec.image,
                **pull_policy(store),
                "args": ["migrate"],
                "env": [{"name": name, "value": value} for name, value in settings.items()]
                + connection.secrets(store),
                "resources": store.spec.resources.manifest(),
                "securityContext": container_security(),
                "volumeMounts": mounts + ca_mounts + key_mounts,
            }
        ],
        "volumes": volumes + ca_volumes + key_volumes,
    }
    manifest = child(
        store,
        ref,
        MIGRATION,
        spec={
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE,
            "podFailurePolicy": {"rules": [UNDISTURBED]},
            "template": {"metadata": {"labels": store.labels(MIGRATION)}, "spec": pod},
        },
    )
    manifest["metadata"]["annotations"] = notes
    return manifest


def _done(store: Store) -> str:
    return f"The schema is that of image {store.spec.image}."


def _config_hash(store: Store, view: View) -> str:
    return config_hash(store, view, view.output(Connection).confidential(store, view))


def _failure_sentence(store: Store, view: View, ended: Manifest, failure: Manifest | None) -> str:
    connection = view.output(Connection)
    message = str(ended.get("message") or (failure or {}).get("message") or "it gave no word")
    message = message.strip().rstrip(".")
    if ended.get("error") == "DatabaseUnreachable" and connection.host not in message:
        message = f"{connection.host}:{connection.port}: {message}"
    return f"the migration for image {store.spec.image} failed: {message}; it is tried again"


def _is_due(store: Store, view: View, job: Manifest) -> bool:
    return failure_of(job) is not None and _pause_left(store, view, job) <= 0


def _waits_elsewhere(store: Store, job: Manifest) -> bool:
    """Return whether a migration that has not begun waits for a node that is no longer wanted."""
    status, pod = job.get("status", {}), job["spec"]["template"]["spec"]
    begun = status.get("ready") or is_complete(job) or failure_of(job)
    before = {name: pod[name] for name in FIELDS if pod.get(name)}
    return not begun and before != placed(store)


def _pause_left(store: Store, view: View, job: Manifest) -> float:
    """Return the seconds until a failed Job is made anew; 0 at once when its Secrets changed."""
    annotations = job["metadata"].get("annotations", {})
    if annotations.get(CONFIG_HASH) != _config_hash(store, view):
        return 0.0
    return pause_left(job, view.now)
