"""Hints which index to read: for MySQL and MariaDB, which write them in two ways.

MySQL's FORCE INDEX is an error where a table is read through a view, as it is while a shop's data
moves to another schema; its optimizer hints are left aside there. MariaDB has had those for a short
time only, and reads FORCE INDEX in a comment that is for itself alone.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, text

from bookstore.core.db.database import ON_MYSQL

Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])
PRIMARY = "PRIMARY"


@dataclass(frozen=True)
class IndexHint:
    """The index that a model's table is read by.

    :ivar to_join: for the look-up of each row of a join alone.
    """

    model: Any
    index: str
    to_join: bool = False

    @property
    def for_mysql(self) -> str:
        """Return the hint as it stands after SELECT, among others."""
        kind = "JOIN_INDEX" if self.to_join else "INDEX"
        return f"{kind}({self.model.__tablename__} `{self.index}`)"

    @property
    def for_mariadb(self) -> str:
        """Return the hint as it stands after the table."""
        kind = "FORCE INDEX FOR JOIN" if self.to_join else "FORCE INDEX"
        return f"/*M! {kind} ({self.index}) */"


def hinted(query: Q, *hints: IndexHint) -> Q:
    """Return a query with all of its hints, which MySQL takes in one place alone."""
    for dialect in ON_MYSQL:
        told = " ".join(hint.for_mysql for hint in hints)
        query = query.prefix_with(text(f"/*+ {told} */"), dialect=dialect)
        for hint in hints:
            query = query.with_hint(hint.model, hint.for_mariadb, dialect)
    return query
