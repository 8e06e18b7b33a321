"""How the shop's pods reach the database: what every mode gives out, the same for all pods."""

from dataclasses import dataclass, replace

from bookstore_operator.components.credentials import (
    ENV_PASSWORD,
    ENV_SECRET_KEY,
    ENV_USER,
    SECRET_KEY,
    service_login,
    service_password,
)
from bookstore_operator.components.initsql import EMBEDDED_USER
from bookstore_operator.components.manifests import decoded, from_secret
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

PORT = 3306
CATALOGUE = "catalogue"
AUTHORITY_PATH = "/etc/bookstore/database-ca"


@dataclass(frozen=True)
class Authority:
    """The certificate authority of the database's server."""

    secret: str
    key: str


@dataclass(frozen=True)
class Reader:
    """Describe servers of the same schema, at the same port, whose rows may be a moment late.

    Attributes:
        host: Their name as the pods see it.
        pod_port: The port of the pods behind it, which is what NetworkPolicies are about.
    """

    host: str
    pod_port: int


@dataclass(frozen=True)
class Connection:
    """Describe a connection without its secrets.

    Attributes:
        host: The server's name as the pods see it.
        port: Its TCP port.
        schema: The schema on it.
        tls: How the connection is protected, as the shop names it.
        login: The Secret and key of the user; None where the user is ours.
        password: The Secret and key of the password.
        authority: The authority that signed the server's certificate, if it is checked.
        user: The user, where it is ours.
        reader: Where reads go that may be late, if not there too.
    """

    host: str
    port: int
    schema: str
    tls: str
    login: tuple[str, str] | None
    password: tuple[str, str]
    authority: Authority | None = None
    user: str = EMBEDDED_USER
    reader: Reader | None = None

    def settings(self) -> dict[str, str]:
        """Return the environment that holds no secret."""
        values = {
            "DB_HOST": self.host,
            "DB_PORT": str(self.port),
            "DB_NAME": self.schema,
            "DB_TLS": self.tls,
        }
        if self.login is None:
            values["DB_USER"] = self.user
        if self.authority:
            values["DB_TLS_CA"] = f"{AUTHORITY_PATH}/{self.authority.key}"
        return values

    def reader_settings(self) -> dict[str, str]:
        """Return what pods that serve are told beside: where they may read late."""
        return {"DB_READER_HOST": self.reader.host} if self.reader else {}

    def secrets(self, store: Store) -> list[Manifest]:
        """Return the environment that the kubelet reads from the Secrets themselves."""
        variables = [from_secret(ENV_SECRET_KEY, store.secret.name, SECRET_KEY)]
        if self.login:
            variables.append(from_secret(ENV_USER, *self.login))
        return [*variables, from_secret(ENV_PASSWORD, *self.password)]

    def variables(self) -> list[str]:
        """Return the names of the variables that hold secrets."""
        return [ENV_SECRET_KEY, *([ENV_USER] if self.login else []), ENV_PASSWORD]

    def volumes(self, copy: str = "") -> tuple[list[Manifest], list[Manifest]]:
        """Return the volume and mount of the certificate authority, if there is one.

        Args:
            copy: A Secret that holds a copy of it; the Secret itself is mounted where empty.
        """
        if self.authority is None:
            return [], []
        items = [{"key": self.authority.key, "path": self.authority.key}]
        secret = {"secretName": copy or self.authority.secret, "items": items}
        mount = {"name": "database-ca", "mountPath": AUTHORITY_PATH, "readOnly": True}
        return [{"name": "database-ca", "secret": secret}], [mount]

    def confidential(self, store: Store, view: View) -> dict[str, str]:
        """Return the secret values that a pod takes in at its start, by variable or file."""
        places = {ENV_SECRET_KEY: (store.secret.name, SECRET_KEY), ENV_PASSWORD: self.password}
        if self.login:
            places[ENV_USER] = self.login
        if self.authority:
            places[self.authority.key] = (self.authority.secret, self.authority.key)
        found = {
            name: decoded(view.get(store.own_secret(secret)) or {}, key)
            for name, (secret, key) in places.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def reads_replicas(store: Store) -> bool:
    """Return whether a part of a store has another way for reads that may be late.

    Such reads are the catalogue's alone; auth and orders have none.
    """
    percona = store.spec.database.percona
    return percona is not None and percona.read_from_replicas and store.part in (None, CATALOGUE)


def of_service(store: Store, connection: Connection) -> Connection:
    """Return the way of a service to its own schema, as a user with rights to that one alone.

    Args:
        store: The store, seen as the service.
        connection: The store's connection.
    """
    schema = f"{connection.schema}_{store.part}"
    if not reads_replicas(store):
        connection = replace(connection, reader=None)
    login = service_login(store)
    if login is not None:
        name = login.name
        return replace(
            connection,
            schema=schema,
            login=(name, login.user_key),
            password=(name, login.password_key),
        )
    return replace(
        connection,
        schema=schema,
        user=f"{connection.user}_{store.part}",
        password=(store.secret.name, service_password(str(store.part))),
    )
