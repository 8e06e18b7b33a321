"""Credentials: the Secret that we generate, and those that the spec points at."""

from typing import Any, ClassVar

from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.manifests import child, decoded, encoded, keyed_digest
from bookstore_operator.observed import Observed
from bookstore_operator.store import PREFIX, Store
from bookstore_operator.verdict import Verdict, failed, ready

SECRET_FINALIZER = f"{PREFIX}/credentials"
"""Keeps a deleted Secret readable until it is made again with the same values."""

SECRET_KEY = "secret-key"  # noqa: S105 - names of keys, not values
DATABASE_PASSWORD = "database-password"  # noqa: S105
INIT_SQL = "mysql-init.sql"
EMBEDDED_USER = EMBEDDED_SCHEMA = "bookstore"


class Credentials(Component):
    """Generate the application's key, and the database's password where the database is ours."""

    condition: ClassVar = ConditionType.CREDENTIALS_READY
    awaited: ClassVar = Reason.WAITING_FOR_CREDENTIALS

    def observes(self, store: Store) -> list[Ref]:
        """Return the generated Secret and the referenced ones."""
        return [store.secret, *references(store)]

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:
        """Return the generated Secret with the values that it has, had, or gets for life.

        What this process remembers comes first, so that an edit is reverted; then what the
        cluster holds; only a store that never had a value gets a new one.
        """
        held = {"data": dict(seen.remembered)} if seen.remembered else seen.get(store.secret) or {}
        values = {SECRET_KEY: decoded(held, SECRET_KEY) or seen.token()}
        if store.spec.database.embedded:
            password = decoded(held, DATABASE_PASSWORD) or seen.token()
            values |= {DATABASE_PASSWORD: password, INIT_SQL: _init_sql(password)}
        manifest = child(store, store.secret, "credentials", data=encoded(values))
        manifest["metadata"]["finalizers"] = [SECRET_FINALIZER]
        return [manifest]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge whether every referenced Secret is there with its keys."""
        for ref, wants in references(store).items():
            secret = seen.get(ref)
            if secret is None:
                return failed(
                    Reason.SECRET_NOT_FOUND,
                    f"Secret {ref.namespace}/{ref.name} is not there; create it, or set "
                    f"{next(iter(wants.values())).rpartition('.')[0]}.name",
                )
            for key, field in wants.items():
                if not (secret.get("data") or {}).get(key):
                    return failed(
                        Reason.SECRET_KEY_MISSING,
                        f'Secret {ref.namespace}/{ref.name} has no key "{key}"; add it, or set '
                        f"{field}",
                    )
                if decoded(secret, key) is None:
                    return failed(
                        Reason.SECRET_INVALID,
                        f'Secret {ref.namespace}/{ref.name}: the value of "{key}" is not UTF-8 '
                        "text; correct it",
                    )
        return ready("All Secrets are there and complete.")


def references(store: Store) -> dict[Ref, dict[str, str]]:
    """Return the Secrets that the spec points at: each with its keys and the fields naming them."""
    external = store.spec.database.external
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


def config_hash(store: Store, seen: Observed, content: Any) -> str:
    """Return a digest of what pods take in at their start, keyed by the store's own Secret."""
    return keyed_digest(decoded(seen.get(store.secret) or {}, SECRET_KEY) or "", content)


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
