"""An external database: nothing of it is ours, so it is never waited for here.

Whether it answers is what the shop's pods say, which must reach it: the operator may stand in a
network of its own, and a connection that logs in to nothing counts against the operator's address
(MySQL Reference Manual, ``max_connect_errors``).
"""

from dataclasses import dataclass
from typing import ClassVar

import aiohttp

from bookstore_operator.api.spec import ExternalDatabase as External
from bookstore_operator.api.spec import TlsMode
from bookstore_operator.components.database.connection import Authority, Connection
from bookstore_operator.components.database.database import (
    DATABASE_READY,
    DATABASE_UNREACHABLE,
    WAITING_FOR_DATABASE,
    status,
)
from bookstore_operator.components.pods import wants_explanation
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    PORT,
    SCHEMA_MIGRATED,
    WEB_READY,
    web_pods,
)
from bookstore_operator.engine.component import Component, Question
from bookstore_operator.engine.verdict import Verdict, failed, ready
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

LONGEST_ANSWER = 200
_TLS = {
    TlsMode.DISABLED: "disabled",
    TlsMode.REQUIRED: "required",
    TlsMode.VERIFY_IDENTITY: "verify-identity",
}


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


class ExternalDatabase(Component[Store]):
    """Use a server outside of the operator's care."""

    condition: ClassVar = DATABASE_READY
    awaited: ClassVar = WAITING_FOR_DATABASE
    reads: ClassVar = (POD,)
    reasons: ClassVar = (DATABASE_UNREACHABLE,)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this mode."""
        return root.spec.database.external is not None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:  # noqa: ARG002
        """Return the connection."""
        external = root.spec.database.external
        return (_connection(external),) if external else ()

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return nothing: no object of the cluster stands for the server."""
        return []

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the shop's pods while none serves that did."""
        return [web_pods(root)] if _is_in_doubt(root, view) else []

    def questions(self, root: Store, view: View) -> list[Question]:
        """Return what the pods are asked that run and are not ready."""
        pods = view.found(web_pods(root)) if _is_in_doubt(root, view) else None
        addresses = [pod.get("status", {}).get("podIP") for pod in pods or []]
        return [Readiness(address) for address in addresses if address]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the server usable until pods that need it say otherwise."""
        external = root.spec.database.external
        server = f"{external.host}:{external.port}" if external else "no database"
        said = {view.facts.get(question) for question in self.questions(root, view)}
        if "database unreachable" in said:
            return failed(
                DATABASE_UNREACHABLE,
                f"{server} does not answer the shop's pods; see that the server runs, and that "
                "the pods reach it",
                holds=False,
            )
        return ready(f"The store uses {server}.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return mode and host of the database."""
        return status(root, view)


def _is_in_doubt(store: Store, view: View) -> bool:
    """Return whether the shop had a database, and no pod of it is ready."""
    migrated = store.condition(SCHEMA_MIGRATED)
    if migrated is None or migrated.status != "True" or not store.spec.desired_replicas:
        return False
    live = view.get(store.web) or {}
    unavailable = not live.get("status", {}).get(AVAILABLE_PODS)
    condition = store.condition(DATABASE_READY)
    doubted = condition is not None and condition.status != "True"
    return unavailable and (doubted or wants_explanation(store, WEB_READY, view.now))


def _connection(external: External) -> Connection:
    secret = external.credentials_secret_ref
    ca = external.tls.ca_secret_ref
    return Connection(
        host=external.host,
        port=external.port,
        schema=external.schema_name,
        tls=_TLS[external.tls.mode],
        login=(secret.name, secret.user_key),
        password=(secret.name, secret.password_key),
        authority=Authority(ca.name, ca.key) if ca else None,
    )
