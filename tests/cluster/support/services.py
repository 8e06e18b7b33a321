"""The services of a store, and what each sees of the database by its own user."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.support.store import Store

SERVICES = ("auth", "catalogue", "orders")

# Rows of one statement, for a service's user, whose password its pods have.
ASK = """
import json, os, pymysql, sys
connection = pymysql.connect(
    host=os.environ["DB_HOST"], database=os.environ["DB_NAME"], user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"], ssl={"check_hostname": False},
)
cursor = connection.cursor()
cursor.execute(sys.argv[1])
print(json.dumps(cursor.fetchall()))
"""


def rows(store: Store, service: str, sql: str) -> list[list[Any]]:
    """Return what a statement finds as a service's own user, asked from one of its pods."""
    pod = store.pods(service)[0]
    answer: list[list[Any]] = json.loads(store.exec(pod, "python3", "-c", ASK, sql))
    return answer


def schemas(store: Store, service: str) -> set[str]:
    """Return the schemas that a service's user may see, those of the server itself left out."""
    found = {str(name) for (name,) in rows(store, service, "SHOW DATABASES")}
    return {name for name in found if name.startswith("bookstore")}
