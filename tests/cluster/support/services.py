"""The services of a store, what each sees by its own user, and people who buy of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import RESOURCES
from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually

Record = Callable[[str, object], None]

SERVICES = ("auth", "catalogue", "orders")
PAGES = ("/auth/login", "/", "/cart")
"""A page of each, for whoever comes."""

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

# The paid purchases of a book with their orders, and how many are not paid yet.
PAID = """
SELECT purchases.id FROM purchases JOIN purchase_lines ON purchase_id = purchases.id
JOIN orders ON orders.purchase_id = purchases.id WHERE book_id = {book}
"""
PENDING = """
SELECT COUNT(*) FROM purchases JOIN purchase_lines ON purchase_id = purchases.id
WHERE book_id = {book} AND purchases.state = 'pending'
"""


def one_gateway(images: Mapping[str, str]) -> Manifest:
    """Return what a spec says of a gateway of one pod."""
    return {"image": images["NGINX_IMAGE"], "replicas": 1}


def of_services(kube: Kube, namespace: str, images: dict[str, str]) -> Store:
    """Apply a store of one pod for each service, and a database; wait until it serves."""
    store = Store(kube, namespace, "shop")
    store.apply(
        {
            "image": images["APP_IMAGE"],
            "topology": "Microservices",
            "replicas": 1,
            "resources": RESOURCES,
            "services": {"gateway": one_gateway(images)},
            "database": {"embedded": {"image": images["MYSQL_IMAGE"]}},
            "storage": {"claim": {}},
            # Nothing of it comes by itself while a test runs.
            "backup": {"schedule": "@yearly", "drill": {"schedule": "@yearly"}},
        }
    )

    def ready() -> None:
        seen = store.conditions()
        assert seen.get("Ready", {}).get("status") == "True", brief(seen)

    def answers() -> None:
        for page in PAGES:
            answer = httpx.get(f"{store.url()}{page}", trust_env=False)
            assert not answer.is_server_error, f"{page}: {answer.status_code}"

    eventually(ready, within=180)
    # A ready pod is reached once every node knows its address, which takes a moment more.
    eventually(answers, within=30)
    return store


def rows(store: Store, service: str, sql: str) -> list[list[Any]]:
    """Return what a statement finds as a service's own user, asked from one of its pods."""
    pod = store.pods(service)[0]
    answer: list[list[Any]] = json.loads(store.exec(pod, "python3", "-c", ASK, sql))
    return answer


def schemas(store: Store, service: str) -> set[str]:
    """Return the schemas that a service's user may see, those of the server itself left out."""
    found = {str(name) for (name,) in rows(store, service, "SHOW DATABASES")}
    return {name for name in found if name.startswith("bookstore")}


@contextmanager
def people_buy(
    store: Store, fault: str, whole: Callable[[], None], record_property: Record
) -> Iterator[Crowd]:
    """Have people buy before, while and after something happens to a store of services.

    What they were told is compared with what the services hold, once all is ``whole`` again, which
    waits for that.
    """
    whole()
    crowd = Crowd.of(store)
    with crowd:
        crowd.wait_bought(5, within=60)
        yield crowd
        whole()
        crowd.wait_bought(5, within=60)
    record_property(f"seconds without writes, {fault}", round(crowd.longest_gap, 1))
    record_property(f"orders acknowledged, {fault}", crowd.bought)
    record_property(f"requests that failed, {fault}", len(crowd.failed))
    eventually(lambda: assert_kept(store, crowd), within=120)
    # Orders, stock and payments prove each other; it fails where anything differs.
    report = json.loads(store.exec(store.pods("orders")[0], "bookstore", "reconcile"))
    assert report["purchases"] >= crowd.bought


def assert_kept(store: Store, crowd: Crowd) -> None:
    """Assert that no order is lost that people were told of, and that none is of no copy.

    Who got no answer may have bought, and a purchase that waits for its payment holds a copy.
    """
    paid = numbers(rows(store, "orders", PAID.format(book=crowd.book)))
    ((pending,),) = rows(store, "orders", PENDING.format(book=crowd.book))
    acknowledged = {int(page.rpartition("/")[2]) for page in crowd.pages}
    assert len(acknowledged) == crowd.bought
    lost = acknowledged - set(paid)
    assert not lost, f"{len(lost)} of {crowd.bought} orders are lost: {sorted(lost)}"
    assert len(paid) <= crowd.sold() <= len(paid) + pending
    assert len(paid) <= crowd.bought + len(crowd.failed)


def numbers(found: Iterable[list[int]]) -> list[int]:
    return [number for (number,) in found]
