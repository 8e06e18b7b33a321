"""Credentials: the Secret that we generate, and those that the spec points at."""

import hashlib
from typing import Any, ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.components.manifests import child, decoded, encoded, keyed_digest
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
    "WaitingForCredentials", f"This part begins after {CREDENTIALS_READY}."
)
SECRET_NOT_FOUND = Reason("SecretNotFound", "A Secret that the spec names is not there; create it.")
SECRET_KEY_MISSING = Reason("SecretKeyMissing", "A Secret lacks a key; add it, or name another.")
SECRET_INVALID = Reason("SecretInvalid", "A Secret's value cannot be used; correct it.")
CREDENTIALS_LOST = Reason(
    "CredentialsLost",
    "A generated credential of a living database is gone; restore it as the message says.",
)

SECRET_KEY = "secret-key"  # noqa: S105 - names of keys, not values
DATABASE_PASSWORD = "database-password"  # noqa: S105
INIT_SQL = "mysql-init.sql"
EMBEDDED_USER = EMBEDDED_SCHEMA = "bookstore"
DATABASE_USER = "bookstore.dev/database-user"
"""The annotation that says whose password a generated Secret holds."""

LONGEST_VALUE = 40
"""Characters of a generated value, 240 random bits: RDS takes passwords of 41 at most."""

ENV_SECRET_KEY, ENV_USER, ENV_PASSWORD = "SECRET_KEY", "DB_USER", "DB_PASSWORD"
"""Variables of the shop, and keys of the Secret of a revision of its environment."""

_COPIES = {SECRET_KEY: ENV_SECRET_KEY, DATABASE_PASSWORD: ENV_PASSWORD}


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
        if _is_living(root) and None in values.values():
            return []
        known = {key: value or view.token()[:LONGEST_VALUE] for key, value in values.items()}
        if root.spec.database.embedded:
            known[INIT_SQL] = _init_sql(known[DATABASE_PASSWORD])
        if root.spec.database.rds:
            password = known[DATABASE_PASSWORD]
            known[password_key(password)] = password
        manifest = child(root, root.secret, "credentials", data=encoded(known), type="Opaque")
        manifest["metadata"]["finalizers"] = [SECRET_FINALIZER]
        if root.spec.database.percona:
            # Of a Secret that has no annotation at all, Percona's operator never asks whether a
            # user that it found on a retained volume has another password.
            manifest["metadata"]["annotations"] = {DATABASE_USER: EMBEDDED_USER}
        return [manifest]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether every Secret is there with its keys."""
        if view.get(root.secret) is None or None in _values(root, view).values():
            keys = " and ".join(_values(root, view))
            return failed(
                CREDENTIALS_LOST,
                f"Secret {root.namespace}/{root.secret.name} is gone or lacks a value, and no copy "
                f"is left; put it back from a backup, or make it with new values for {keys} and "
                f"the labels {MANAGED} and {INSTANCE_LABEL}={root.name} (new values log every "
                "shopper out)",
            )
        return _judge_references(root, view) or ready("All Secrets are there and complete.")


def references(store: Store) -> dict[Ref, dict[str, str]]:
    """Return the Secrets that the spec points at: each with its keys and the fields naming them."""
    database = store.spec.database
    if database.rds and (bundle := database.rds.ca_secret_ref):
        field = "database.rds.caSecretRef.key"
        return {store.own_secret(bundle.name): {bundle.key: field}}
    external = database.external
    if external is None:
        return {}
    path = "database.external.credentialsSecretRef"
    login = external.credentials_secret_ref
    wanted = {
        store.own_secret(login.name): {
            login.user_key: f"{path}.userKey",
            login.password_key: f"{path}.passwordKey",
        }
    }
    authority = external.tls.ca_secret_ref
    if authority:
        keys = wanted.setdefault(store.own_secret(authority.name), {})
        keys[authority.key] = "database.external.tls.caSecretRef.key"
    return wanted


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
    keys = [SECRET_KEY, *([] if store.spec.database.external else [DATABASE_PASSWORD])]
    remembered = {"data": dict(view.remembered.get(store.secret, {}))}
    live = view.get(store.secret) or {}
    return {
        key: decoded(remembered, key) or decoded(live, key) or _copied(store, view, key)
        for key in keys
    }


def _copied(store: Store, view: View, key: str) -> str | None:
    """Return a value out of the newest revision of the shop's environment that holds a copy."""
    copies = [
        (str(secret["metadata"].get("creationTimestamp")), value)
        for ref, secret in view.owned(SECRET).items()
        if ref != store.secret and (value := decoded(secret, _COPIES[key])) is not None
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
    for ref, wants in references(store).items():
        secret = view.get(ref)
        if secret is None:
            return failed(
                SECRET_NOT_FOUND,
                f"Secret {ref.namespace}/{ref.name} is not there; create it, or set "
                f"{next(iter(wants.values())).rpartition('.')[0]}.name",
            )
        for key, field in wants.items():
            if not (secret.get("data") or {}).get(key):
                return failed(
                    SECRET_KEY_MISSING,
                    f'Secret {ref.namespace}/{ref.name} has no key "{key}"; add it, or set {field}',
                )
            if decoded(secret, key) is None:
                return failed(
                    SECRET_INVALID,
                    f'Secret {ref.namespace}/{ref.name}: the value of "{key}" is not UTF-8 text; '
                    "correct it",
                )
    return None


def _init_sql(password: str) -> str:
    """Return what MySQL runs at every start, so that a retained volume and a new Secret agree.

    The password is URL-safe base64 and needs no escape. Each statement stands on one line. Source:
    MySQL Reference Manual, ``init_file``.
    """
    user = f"'{EMBEDDED_USER}'@'%'"
    return (
        f"CREATE DATABASE IF NOT EXISTS `{EMBEDDED_SCHEMA}`;\n"
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';\n"
        f"ALTER USER {user} IDENTIFIED BY '{password}';\n"
        f"GRANT ALL PRIVILEGES ON `{EMBEDDED_SCHEMA}`.* TO {user};\n"
    )
