"""A MySQL server outside of the operator's care, and how the shop gets to it."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import (
    CaSecretRef,
    Host,
    Port,
    SchemaName,
    SecretKey,
    SecretName,
)


class TlsMode(StrEnum):
    """How the connection to the database is protected."""

    DISABLED = "Disabled"
    REQUIRED = "Required"
    VERIFY_IDENTITY = "VerifyIdentity"


class DatabaseTls(ApiModel):
    """How the connection to an external database is protected."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.mode != 'VerifyIdentity' || has(self.caSecretRef)",
                "mode VerifyIdentity needs a certificate authority: set caSecretRef.name, or "
                "mode: Required",
                field=".caSecretRef",
            )
        )
    )

    mode: TlsMode = TlsMode.REQUIRED
    """Disabled; Required (encrypted); or VerifyIdentity (encrypted, and the server's certificate
    is checked against caSecretRef and the host)."""

    ca_secret_ref: CaSecretRef | None = None
    """The certificate authority that signed the server's certificate."""


class CredentialsSecretRef(ApiModel):
    """The database's user and password, in a Secret of the store's namespace."""

    name: SecretName
    """The Secret, in the store's namespace. It may come after the store, which waits for it."""

    user_key: SecretKey = "username"
    """The key that holds the user."""

    password_key: SecretKey = "password"  # noqa: S105 - the name of a key
    """The key that holds the password."""


class ExternalDatabase(ApiModel):
    """Use a MySQL 8 server outside of the operator's care, such as Amazon RDS."""

    host: Host
    """The server's DNS name, for example db.example.com, or IPv4 address. A server that has an
    IPv6 address alone is reached by a DNS name."""

    port: Port = 3306
    """The server's TCP port."""

    schema_name: Annotated[SchemaName, Field(alias="schema")] = "bookstore"
    """The schema on the server. It must exist; the store's migration makes its tables."""

    credentials_secret_ref: CredentialsSecretRef
    """The Secret that holds user and password, for example {name: db}. In a store of topology
    Microservices it is the login of backups and restores alone, with all rights on the schema and
    on those of the services."""

    tls: DatabaseTls = DatabaseTls()
    """How the connection is protected."""
