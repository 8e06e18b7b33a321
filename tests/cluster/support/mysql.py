"""One MySQL server for all stores of a run that bring their own database.

Its start costs half a minute and a store's own share of it nothing, so that a test can have as many
stores as it needs. Its data lives as long as its pod.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest
from tests.support.certificates import Authority
from tests.support.poll import eventually

NAME = "mysql"
QUICK = ("--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF")


@dataclass(frozen=True)
class Login:
    """A database with the account that may use it."""

    host: str
    database: str
    user: str
    password: str

    def secret(self, namespace: str, name: str) -> Manifest:
        """Return the Secret that a store's credentialsSecretRef names."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"username": self.user, "password": self.password},
        }

    def spec(self, secret: str) -> Manifest:
        """Return what a store's ``spec.database`` says about it."""
        ref = {"name": secret}
        return {
            "external": {"host": self.host, "schema": self.database, "credentialsSecretRef": ref}
        }


@dataclass(frozen=True)
class MySQL:
    """The server, in a namespace of its own."""

    kube: Kube
    namespace: str

    @property
    def host(self) -> str:
        return f"{NAME}.{self.namespace}.svc"

    def start(self, image: str) -> None:
        """Run the server and wait until it takes connections over the network."""
        for manifest in (deployment(self.namespace, image), service(self.namespace, NAME)):
            self.kube.apply(manifest)

        def answering() -> None:
            # Over TCP: while the image prepares its data, only the socket answers.
            self.run("SELECT 1")

        eventually(answering, within=180)

    def run(self, sql: str) -> str:
        """Run statements as the server's administrator and return what they print."""
        client = ("mysql", "--host=127.0.0.1", "--user=root", "--batch", "--skip-column-names")
        where = ("exec", "-n", self.namespace, "-i", f"deployment/{NAME}", "--")
        return self.kube.kubectl(*where, *client, stdin=sql)

    def present(self, authority: Authority, name: str) -> None:
        """Show a certificate of that name to those who connect encrypted from now on."""
        where = ("exec", "-n", self.namespace, "-i", f"deployment/{NAME}", "--")
        pair = authority.sign(name)
        # The server takes no certificate that its own authority did not sign.
        files = {"ssl_ca": authority.pem, "ssl_cert": pair.certificate, "ssl_key": pair.key}
        for option, text in files.items():
            path = f"/tmp/{option}.pem"
            self.kube.kubectl(*where, "sh", "-c", f"umask 077; cat > {path}", stdin=text)
            self.run(f"SET GLOBAL {option} = '{path}'")
        self.run("ALTER INSTANCE RELOAD TLS")

    def create(self, owner: str) -> Login:
        """Make an empty database with an account of its own, named after its owner."""
        key = database_name(owner)
        login = Login(self.host, key, key, secrets.token_urlsafe(18))
        self.run(
            f"CREATE DATABASE {key};"
            f"CREATE USER '{key}'@'%' IDENTIFIED BY '{login.password}';"
            f"GRANT ALL ON {key}.* TO '{key}'@'%';"
        )
        return login

    def create_services(self, whole: Login, services: Iterable[str]) -> dict[str, Login]:
        """Make a schema and an account for each service of a store that runs as one yet.

        The account of the whole shop, which moves the tables, gets the rights to all of them, as
        docs/how-to/microservices-on-kubernetes.md says.
        """
        logins = {}
        for name in services:
            schema = f"{whole.database}_{name}"
            # The names of accounts have 32 characters at most.
            login = Login(whole.host, schema, schema, secrets.token_urlsafe(18))
            pattern = schema.replace("_", r"\_")
            self.run(
                f"CREATE DATABASE {schema};"
                f"CREATE USER '{login.user}'@'%' IDENTIFIED BY '{login.password}';"
                f"GRANT ALL ON `{pattern}`.* TO '{login.user}'@'%';"
                f"GRANT ALL ON `{pattern}`.* TO '{whole.user}'@'%';"
            )
            logins[name] = login
        return logins

    def disconnect(self, login: Login) -> None:
        """End the account's connections until none comes back: its Service leads nowhere by now."""
        asked = f"SELECT id FROM information_schema.processlist WHERE user = '{login.user}'"

        def ended() -> None:
            numbers = self.run(asked).split()
            # One that ends by itself meanwhile fails the statement, and all are asked for again.
            self.run("".join(f"KILL {number};" for number in numbers))
            assert not numbers, f"connections {numbers} of {login.user} were there"

        eventually(ended, within=60)


def database_name(owner: str) -> str:
    """Return the name of the owner's database and account; MySQL allows 32 characters."""
    return "s" + hashlib.sha256(owner.encode()).hexdigest()[:16]


def service(namespace: str, name: str, app: str = NAME) -> Manifest:
    """Return a Service to the server; with another ``app`` it leads nowhere."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": app}, "ports": [{"port": 3306}]},
    }


def deployment(namespace: str, image: str) -> Manifest:
    """Return the server itself, fit for a namespace that enforces the restricted standard."""
    writable = {"data": "/var/lib/mysql", "run": "/var/run/mysqld", "tmp": "/tmp"}
    container = {
        "name": NAME,
        "image": image,
        "args": list(QUICK),
        # The account that may do all is reached by kubectl exec alone.
        "env": [
            {"name": "MYSQL_ALLOW_EMPTY_PASSWORD", "value": "yes"},
            {"name": "MYSQL_ROOT_HOST", "value": "127.0.0.1"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": name, "mountPath": at} for name, at in writable.items()],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": name, "emptyDir": {}} for name in writable],
    }
    labels = {"app": NAME}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
