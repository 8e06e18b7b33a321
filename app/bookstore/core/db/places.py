"""Where each domain's tables are: in the whole shop's schema, or in one of the domain's own.

The schemas of a shop of three services are beside that of the whole shop, on the same server, and
named after it: ``bookstore_auth``, ``bookstore_catalogue`` and ``bookstore_orders`` for a shop
whose ``DB_NAME`` is ``bookstore``. Tables may be seen from the other place too, as views, while
processes of both kinds serve. Nothing but the database says where they are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr
from sqlalchemy import bindparam, text
from sqlalchemy.engine import Connection

from bookstore.core.config.settings import Settings
from bookstore.core.db import schema
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import HeldLock, database_lock
from bookstore.core.db.schema import DOMAINS

_OBJECTS = text(
    "SELECT table_schema, table_name, table_type FROM information_schema.tables"
    " WHERE table_schema IN :schemas"
).bindparams(bindparam("schemas", expanding=True))
TABLE = "BASE TABLE"


class Topology(StrEnum):
    """How a shop is run."""

    MONOLITH = "Monolith"
    MICROSERVICES = "Microservices"


class PlaceUnclear(Exception):
    """It cannot be told where a domain's tables are."""


def own_schema(shop: str, domain: str) -> str:
    """Return the name of a domain's own schema; ``shop`` is that of the whole shop."""
    return f"{shop}_{domain}"


def schemas_of(shop: str) -> tuple[str, ...]:
    """Return the names of all schemas that a shop may have, in the order of their locks."""
    return (shop, *(own_schema(shop, domain) for domain in DOMAINS))


def in_schema(settings: Settings, name: str) -> Settings:
    """Return the settings for another schema of the same server, with the same login."""
    url = settings.database_url.set(database=name).render_as_string(hide_password=False)
    return settings.model_copy(update={"sqlalchemy_database_uri": SecretStr(url)})


@contextmanager
def locked_schema(settings: Settings, name: str) -> Iterator[HeldLock]:
    """Lock another schema of the same server against migrations, backups and restores.

    :raise DatabaseLocked: when another one holds the lock too long.
    """
    engine = build_engine(in_schema(settings, name), patient=True)
    try:
        with engine.connect() as connection, database_lock(connection) as lock:
            yield lock
    finally:
        engine.dispose()


def grant(shop: str) -> str:
    """Return what a database's administrator has to give for all schemas of a shop."""
    names = ", ".join(f"GRANT ALL ON `{name}`.*" for name in schemas_of(shop))
    return f"{names} TO the user that DB_USER names"


def tables_of(domain: str) -> tuple[str, ...]:
    """Return the names of a domain's tables in this version, that of its revision included."""
    return (*schema.models(domain).tables, schema.version_table(domain))


@dataclass(frozen=True)
class Places:
    """What the schemas of a shop hold, as the login may see it.

    :ivar shop: the name of the whole shop's schema.
    :ivar found: of each schema what it holds, by name: whether it is a table, and no view.
    """

    shop: str
    found: Mapping[str, Mapping[str, bool]]

    @classmethod
    def read(cls, connection: Connection, shop: str) -> "Places":
        """Ask a server."""
        found: dict[str, dict[str, bool]] = {name: {} for name in schemas_of(shop)}
        for place, name, kind in connection.execute(_OBJECTS, {"schemas": list(found)}):
            found[place][name] = kind == TABLE
        return cls(shop, found)

    def of(self, domain: str) -> str | None:
        """Return the schema that has a domain's tables, or None when none has.

        :raise PlaceUnclear: when two have.
        """
        holding = self.holders(domain)
        if len(holding) > 1:
            raise PlaceUnclear(
                f"Both {' and '.join(holding)} hold tables of {domain}. Drop those that are not "
                "the shop's, such as what bookstore migrate --service made before the shop's data "
                "came."
            )
        return holding[0] if holding else None

    def holders(self, domain: str) -> list[str]:
        """Return the schemas that have tables of a domain: one, unless something went wrong."""
        marker, own = schema.version_table(domain), own_schema(self.shop, domain)
        return [name for name in (self.shop, own) if self.found[name].get(marker)]

    def all(self) -> dict[str, str]:
        """Return for each domain that has tables the schema with them.

        :raise PlaceUnclear: when a domain has them twice.
        """
        found = {domain: self.of(domain) for domain in DOMAINS}
        return {domain: place for domain, place in found.items() if place is not None}

    def target(self, domain: str, topology: Topology) -> str:
        """Return the schema that a domain's tables are in where the shop is run so."""
        return self.shop if topology is Topology.MONOLITH else own_schema(self.shop, domain)

    def views(self, place: str, domain: str) -> list[str]:
        """Return the views of a domain's tables that a schema has."""
        here = self.found[place]
        return [name for name in tables_of(domain) if here.get(name) is False]
