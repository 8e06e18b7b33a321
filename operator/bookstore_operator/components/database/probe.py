"""What the shop's pods say of a database that the operator does not run itself.

Whether it answers is what the pods say, which must reach it: the operator may stand in a network of
its own, and a connection that logs in to nothing counts against the operator's address (MySQL
Reference Manual, ``max_connect_errors``). The migration's pod tells by its last word, the shop's
pods by their probe.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from bookstore_operator.components import migration
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.database.database import DATABASE_READY, OBSTACLES
from bookstore_operator.components.jobs import is_complete, pods_of
from bookstore_operator.components.pods import termination, wants_explanation
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    PORT,
    SCHEMA_MIGRATED,
    WEB_READY,
    web_pods,
)
from bookstore_operator.engine.component import Question
from bookstore_operator.engine.verdict import Verdict, failed
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.objects import Manifest, is_terminating
from bookstore_operator.store import Store

LONGEST_ANSWER = 200

SENTENCES = {
    "database unreachable": "{server} does not answer the shop's pods",
    "database access denied": "{server} refuses the shop's user, or its right to schema {schema}",
    "database schema unknown": "{server} has no schema {schema}",
    "database read-only": "{server} takes no writes",
    "database certificate untrusted": "the certificate of {server} is not signed by the authority "
    "that is given",
    "database certificate expired": "the certificate of {server} has expired, or is not valid yet",
    "database certificate of another name": "the certificate of {server} does not name {host}",
    "database without TLS": "{server} offers no encryption",
    "database wants TLS": "{server} takes encrypted connections alone",
    "database TLS failed": "shop and {server} agree on no version of TLS",
}
"""What is in the way, by the shop's words for it; each mode adds its fixes."""


@dataclass(frozen=True)
class Readiness:
    """Ask a pod of the shop why it is not ready.

    Attributes:
        address: The pod's address.
    """

    address: str

    async def ask(self) -> str | None:
        """Return what the pod says; None where it is not reached."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://{host}:{PORT}/readyz") as answer,
            ):
                return (await answer.text())[:LONGEST_ANSWER].strip()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


@dataclass(frozen=True)
class Probe:
    """Judge a database by what the shop says of it.

    Attributes:
        connection: The way to the database.
        fixes: What to do, by the shop's words for what is in the way.
    """

    connection: Connection
    fixes: Mapping[str, str]

    def queries(self, store: Store, view: View) -> list[Query]:
        """Return the pods of shop and migration that may know, while the database is in doubt."""
        job = self._migration(store, view)
        running = migration.doubtful_pods(store, view, job) if job else []
        return [*running, *([web_pods(store)] if _is_in_doubt(store, view) else [])]

    def questions(self, store: Store, view: View) -> list[Question]:
        """Return what the shop's pods are asked that run and are not ready."""
        pods = view.found(web_pods(store)) or []
        found = [pod.get("status", {}).get("podIP") for pod in pods if not _is_ready(pod)]
        return [Readiness(address) for address in found if address]

    def obstacle(self, store: Store, view: View) -> Verdict | None:
        """Return the verdict where something is in the way, or None.

        What was told stands until the shop says otherwise, also while a migration is tried again
        or the operator starts anew, unless the spec changed.
        """
        said = {str(view.facts.get(question) or "") for question in self.questions(store, view)}
        last = self._last_word(store, view)
        if last is not None:
            said.add(last)
        for words, reason in OBSTACLES.items():
            if words in said:
                return failed(reason, self._sentence(words), holds=False)
        before = store.condition(DATABASE_READY)
        if said - {""} or before is None or before.status == "True" or _serves(store, view):
            return None
        reasons = {str(reason): reason for reason in OBSTACLES.values()}
        if before.observed_generation != store.generation or before.reason not in reasons:
            return None
        return failed(reasons[before.reason], before.message, holds=False)

    def _sentence(self, words: str) -> str:
        connection = self.connection
        server = f"{connection.host}:{connection.port}"
        what = SENTENCES[words].format(
            server=server, host=connection.host, schema=connection.schema
        )
        return f"{what}; {self.fixes[words]}"

    def _last_word(self, store: Store, view: View) -> str | None:
        """Return what the migration's pod said of the database last; None where that is no news."""
        job = self._migration(store, view)
        if job is None or is_terminating(job):
            return None
        if is_complete(job):
            known = store.condition(SCHEMA_MIGRATED)
            return None if known is not None and known.status == "True" else "migrated"
        ended = termination(view.found(pods_of(job)) or [])
        if not ended:
            return None
        words = {reason: words for words, reason in OBSTACLES.items()}
        named = migration.NAMED_FAILURES.get(str(ended.get("error")), migration.MIGRATION_FAILED)
        return str(ended.get("obstacle") or words.get(named, "another failure"))

    def _migration(self, store: Store, view: View) -> Manifest | None:
        return view.get(migration.current(store, view, self.connection))


def _is_in_doubt(store: Store, view: View) -> bool:
    """Return whether pods of the shop are wanted that are not ready for a while."""
    if not store.spec.least_replicas or view.get(store.web) is None:
        return False
    before = store.condition(DATABASE_READY)
    doubted = before is not None and before.status != "True" and not _serves(store, view)
    return doubted or wants_explanation(store, WEB_READY, view.now)


def _serves(store: Store, view: View) -> bool:
    """Return whether the database was migrated, and pods are ready where any are wanted."""
    migrated = store.condition(SCHEMA_MIGRATED)
    available = (view.get(store.web) or {}).get("status", {}).get(AVAILABLE_PODS)
    is_up = bool(available) or not store.spec.least_replicas
    return is_up and migrated is not None and migrated.status == "True"


def _is_ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready or is_terminating(pod)
