"""An external database: nothing of it is ours, so it is never waited for here."""

from typing import ClassVar

from bookstore_operator.api.external import ExternalDatabase as External
from bookstore_operator.api.external import TlsMode
from bookstore_operator.components.database.connection import Authority, Connection
from bookstore_operator.components.database.database import (
    DATABASE_READY,
    OBSTACLE_REASONS,
    WAITING_FOR_DATABASE,
    status,
)
from bookstore_operator.components.database.probe import Probe
from bookstore_operator.engine.component import Component, Question
from bookstore_operator.engine.verdict import Verdict, ready
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

_TLS = {
    TlsMode.DISABLED: "disabled",
    TlsMode.REQUIRED: "required",
    TlsMode.VERIFY_IDENTITY: "verify-identity",
}
PATH = "spec.database.external"


class ExternalDatabase(Component[Store]):
    """Use a server outside of the operator's care."""

    condition: ClassVar = DATABASE_READY
    awaited: ClassVar = WAITING_FOR_DATABASE
    reads: ClassVar = (POD,)
    reasons: ClassVar = OBSTACLE_REASONS

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
        """Return the pods that may know why the server cannot be used."""
        return [query for probe in _probes(root) for query in probe.queries(root, view)]

    def questions(self, root: Store, view: View) -> list[Question]:
        """Return what the pods are asked that run and are not ready."""
        return [question for probe in _probes(root) for question in probe.questions(root, view)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the server usable until pods that need it say otherwise."""
        (probe,) = _probes(root)
        server = f"{probe.connection.host}:{probe.connection.port}"
        return probe.obstacle(root, view) or ready(f"The store uses {server}.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return mode and host of the database."""
        return status(root, view)


def _probes(store: Store) -> list[Probe]:
    external = store.spec.database.external
    return [Probe(_connection(external), _fixes(store, external))] if external else []


def _fixes(store: Store, external: External) -> dict[str, str]:
    """Return what to do, by the shop's words for what is in the way."""
    secret, ca = external.credentials_secret_ref, external.tls.ca_secret_ref
    authority = (
        f'key "{ca.key}" of Secret {store.namespace}/{ca.name}' if ca else f"{PATH}.tls.caSecretRef"
    )
    return {
        "database unreachable": "see that the server runs, and that the pods reach it by DNS and "
        "through security groups and firewalls",
        "database access denied": f"correct user and password in Secret {store.namespace}/"
        f"{secret.name}, or grant that user all rights on the schema",
        "database schema unknown": f"make it on the server, or correct {PATH}.schema",
        "database read-only": f"name the server that takes writes in {PATH}.host, or end its "
        "read-only mode",
        "database certificate untrusted": f"put the certificate of the authority that signed it "
        f"into {authority}",
        "database certificate expired": "renew it on the server",
        "database certificate of another name": f"set {PATH}.host to a name that it has, or "
        f"{PATH}.tls.mode to Required",
        "database without TLS": f"let the server offer TLS, or set {PATH}.tls.mode to Disabled",
        "database wants TLS": f"set {PATH}.tls.mode to Required or VerifyIdentity",
        "database TLS failed": "let the server offer TLS 1.2 or 1.3",
    }


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
