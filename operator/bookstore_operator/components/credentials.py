"""Credentials: the Secret that we generate, and those that the spec points at."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from bookstore_operator.api.conditions import GOES_ON, ConditionType, Reason
from bookstore_operator.api.external import CredentialsSecretRef
from bookstore_operator.api.move import MovePhase
from bookstore_operator.api.services import SERVICES, Services
from bookstore_operator.components.initsql import EMBEDDED_USER, init_sql
from bookstore_operator.components.manifests import child, decoded, encoded, keyed_digest
from bookstore_operator.components.servicekeys import service_keys
from bookstore_operator.engine.children import SECRET_FINALIZER
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.root import INSTANCE_LABEL, MANAGED
from bookstore_operator.engine.verdict import Verdict, failed, ready
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import SECRET
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

CREDENTIALS_READY = ConditionType("CredentialsReady", "All Secrets are there and complete.")
WAITING_FOR_CREDENTIALS = Reason(
    "WaitingForCredentials",
    f"This part begins after {CREDENTIALS_READY}.",
    fix=GOES_ON,
)
SECRET_NOT_FOUND = Reason(
    "SecretNotFound",
    "A Secret that the spec names is not there; create it.",
    fix="Make the Secret that the message names, in the store's namespace.",
)
SECRET_KEY_MISSING = Reason(
    "SecretKeyMissing",
    "A Secret lacks a key; add it, or name another.",
    fix="Add the key to the Secret, or name another key in the spec.",
)
SECRET_INVALID = Reason(
    "SecretInvalid",
    "A Secret's value cannot be used; correct it.",
    fix="Correct the value in the Secret; for a mail server see docs/how-to/mail.md.",
)
CREDENTIALS_LOST = Reason(
    "CredentialsLost",
    "A generated credential of a living database is gone; restore it as the message says.",
    fix="Put the Secret back as the message says.",
)

SECRET_KEY = "secret-key"  # noqa: S105 - names of keys, not values
DATABASE_PASSWORD = "database-password"  # noqa: S105
INIT_SQL = "mysql-init.sql"
DATABASE_USER = "bookstore.dev/database-user"
"""The annotation that says whose password a generated Secret holds."""

LONGEST_VALUE = 40
"""Characters of a generated value, 240 random bits: RDS takes passwords of 41 at most."""

ENV_SECRET_KEY, ENV_USER, ENV_PASSWORD = "SECRET_KEY", "DB_USER", "DB_PASSWORD"
"""Variables of the shop, and keys of the Secret of a revision of its environment."""


class Credentials(Component[Store]):
    """Generate the application's key, and the database's password where the database is ours."""

    condition: ClassVar = CREDENTIALS_READY
    awaited: ClassVar = WAITING_FOR_CREDENTIALS
    kinds: ClassVar = (SECRET,)
    reasons: ClassVar = (SECRET_NOT_FOUND, SECRET_KEY_MISSING, SECRET_INVALID, CREDENTIALS_LOST)

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Secrets that the spec points at."""
        return list(references(root))

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the generated Secret with the values that it has, had, or gets for life.

        What this process remembers comes first, so that an edit is reverted; then what the
        cluster holds, in the Secret itself or in a revision of the shop's environment. Only a
        store that never had a value gets a new one.
        """
        values = _values(root, view)
        if _lost(root, view):
            return []
        known = {key: value or view.token()[:LONGEST_VALUE] for key, value in values.items()}
        if root.spec.database.embedded:
            passwords = {"": known[DATABASE_PASSWORD]}
            if makes_service_users(root, view):
                passwords |= {f"_{one}": known[service_password(one)] for one in SERVICES}
            known[INIT_SQL] = init_sql(passwords)
        if root.spec.database.rds:
            password = known[DATABASE_PASSWORD]
            known[password_key(password)] = password
        manifest = child(root, root.secret, "credentials", data=encoded(known), type="Opaque")
        manifest["metadata"]["finalizers"] = [SECRET_FINALIZER]
        if root.spec.database.percona:
            # Of a Secret that has no annotation at all, Percona's operator never asks whether a
            # user that it found on a retained volume has another password.
            manifest["metadata"]["annotations"] = {DATABASE_USER: EMBEDDED_USER}
        return [manifest, *service_keys(root, view)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether every Secret is there with its keys."""
        if view.get(root.secret) is None or _lost(root, view):
            keys = " and ".join(_values(root, view))
            return failed(
                CREDENTIALS_LOST,
                f"Secret {root.namespace}/{root.secret.name} is gone or lacks a value, and no copy "
                f"is left; put it back from a backup, or make it with new values for {keys} and "
                f"the labels {MANAGED} and {INSTANCE_LABEL}={root.name} (new values log every "
                "shopper out)",
            )
        return _judge_references(root, view) or ready("All Secrets are there and complete.")


def absent_secret(ref: Ref, field: str, *more: str) -> Verdict:
    """Return the verdict on a Secret that is not there.

    Args:
        ref: The Secret.
        field: The field of the spec that names it.
        more: What else is to be said.
    """
    fix = f"{ref} is not there; create it, or set {field}"
    return failed(SECRET_NOT_FOUND, "; ".join((fix, *more)))


def missing_secret(view: View, wanted: Mapping[Ref, Mapping[str, str]]) -> Verdict | None:
    """Return the verdict on the first Secret, or key of one, that is not there; None if all are.

    Args:
        view: What is known of them.
        wanted: The keys of each Secret, with the field of the spec that names a key.
    """
    for ref, wants in wanted.items():
        secret = view.get(ref)
        if secret is None:
            return absent_secret(ref, f"{next(iter(wants.values())).rpartition('.')[0]}.name")
        for key, field in wants.items():
            if not (secret.get("data") or {}).get(key):
                return failed(
                    SECRET_KEY_MISSING, f'{ref} has no key "{key}"; add it, or set {field}'
                )
    return None


def references(store: Store) -> dict[Ref, dict[str, str]]:
    """Return the Secrets that the spec points at: each with its keys and the fields naming them."""
    wanted = logins(store, whole=store.has_whole, services=store.has_services)
    return _add_authority(wanted, store)


def logins(store: Store, *, whole: bool, services: bool) -> dict[Ref, dict[str, str]]:
    """Return the Secrets of users that we do not make, likewise.

    Args:
        store: The store.
        whole: Whether the whole shop's is among them.
        services: Whether those of the services are.
    """
    wanted: dict[Ref, dict[str, str]] = {}
    for one in store.services if services else ():
        if login := service_login(one):
            path = f"services.{one.part}.database.credentialsSecretRef"
            _add_login(wanted, store, login, path)
    if whole and (external := store.spec.database.external):
        path = "database.external.credentialsSecretRef"
        _add_login(wanted, store, external.credentials_secret_ref, path)
    return wanted


def _add_login(
    wanted: dict[Ref, dict[str, str]], store: Store, login: CredentialsSecretRef, path: str
) -> None:
    keys = wanted.setdefault(store.own_secret(login.name), {})
    keys[login.user_key] = f"{path}.userKey"
    keys[login.password_key] = f"{path}.passwordKey"


def _add_authority(wanted: dict[Ref, dict[str, str]], store: Store) -> dict[Ref, dict[str, str]]:
    rds, external = store.spec.database.rds, store.spec.database.external
    if rds and (bundle := rds.ca_secret_ref):
        field = "database.rds.caSecretRef.key"
        wanted.setdefault(store.own_secret(bundle.name), {})[bundle.key] = field
    if external and (authority := external.tls.ca_secret_ref):
        field = "database.external.tls.caSecretRef.key"
        wanted.setdefault(store.own_secret(authority.name), {})[authority.key] = field
    return wanted


def service_login(store: Store) -> CredentialsSecretRef | None:
    """Return how a service logs in as a user that we do not make; None where we make it.

    Args:
        store: The store, seen as the service.
    """
    own = getattr(store.spec.services or Services(), str(store.part))
    login: CredentialsSecretRef | None = (
        own.database.credentials_secret_ref if own and own.database else None
    )
    return login


def service_password(service: str) -> str:
    """Return the key of the password of a service's user, where we make it."""
    return f"{service}-{DATABASE_PASSWORD}"


def password_key(password: str) -> str:
    """Return the key under which a controller reads a generated password.

    ACK sees a change of the reference alone, so another password has another key. The password is
    random and long, so that a piece of its digest tells nothing of it.
    """
    return f"{DATABASE_PASSWORD}-{hashlib.sha256(password.encode()).hexdigest()[:8]}"


def config_hash(store: Store, view: View, content: Any) -> str:
    """Return a digest of what pods take in at their start, keyed by the store's own Secret."""
    return keyed_digest(decoded(view.get(store.secret) or {}, SECRET_KEY) or "", content)


def _values(store: Store, view: View) -> dict[str, str | None]:
    """Return the generated values as far as they are known, by key."""
    owners = {SECRET_KEY: store}
    if not store.spec.database.external:
        owners[DATABASE_PASSWORD] = store
    if makes_service_users(store, view):
        owners |= {service_password(str(one.part)): one for one in store.services}
    remembered = {"data": dict(view.remembered.get(store.secret, {}))}
    live = view.get(store.secret) or {}
    return {
        key: decoded(remembered, key) or decoded(live, key) or _copied(owner, view, key)
        for key, owner in owners.items()
    }


def makes_service_users(store: Store, view: View) -> bool:
    """Return whether each service has a user that we make, or have made.

    Users stay where the store has moved back to run as one: to take them out, an embedded database
    would have to start anew.
    """
    if store.spec.database.external or store.spec.database.rds:
        return False
    key, live = service_password(SERVICES[0]), view.get(store.secret) or {}
    made = key in (live.get("data") or {}) or key in view.remembered.get(store.secret, {})
    return made or store.has_services


def _lost(store: Store, view: View) -> bool:
    """Return whether a value that the store had, and that a database may know, is not there."""
    absent = {key for key, value in _values(store, view).items() if value is None}
    if store.move and store.move.phase is MovePhase.EXPANDING:
        # The users of services that are about to start for the first time are yet to be made.
        absent -= set(map(service_password, SERVICES)) if not store.sides.services else set()
    return bool(absent) and _is_living(store)


def _copied(store: Store, view: View, key: str) -> str | None:
    """Return a value out of the newest revision of the shop's environment that holds a copy.

    Args:
        store: The store, seen as the service whose password it is.
        view: What is known of it.
        key: The key of the generated Secret.
    """
    # What services know of the database is not what the whole shop does.
    of_part = "" if key == SECRET_KEY else store.env("").name
    name = ENV_SECRET_KEY if key == SECRET_KEY else ENV_PASSWORD
    copies = [
        (str(secret["metadata"].get("creationTimestamp")), value)
        for ref, secret in view.owned(SECRET).items()
        if ref != store.secret and ref.name.startswith(of_part)
        if (value := decoded(secret, name)) is not None
    ]
    return max(copies)[1] if copies else None


def _is_living(store: Store) -> bool:
    """Return whether the store had its credentials before, so that a database may know them."""
    condition = store.condition(CREDENTIALS_READY)
    had = condition is not None and (
        condition.status == "True" or condition.reason == CREDENTIALS_LOST
    )
    return had or store.status.image is not None


def _judge_references(store: Store, view: View) -> Verdict | None:
    wanted = references(store)
    if fault := missing_secret(view, wanted):
        return fault
    for ref, wants in wanted.items():
        for key in wants:
            if decoded(view.get(ref) or {}, key) is None:
                return failed(
                    SECRET_INVALID, f'{ref}: the value of "{key}" is not UTF-8 text; correct it'
                )
    return None
