"""Print what the shop's pages cost beside a Flask that says hello: `make bench-app`.

Both run on the same gunicorn settings in the same run; each page is measured right after a hello,
in several rounds, and the ratio is that of the pairs. Nothing passes or fails by the clock. "No
cache" is a shop that draws each page for each reader. A page for somebody who is logged in is drawn
each time, but for the list of books, which is the same for everybody.
Both have the allocator's settings of the image.
With `--growth` the catalogue is also measured with 10,000 and with 1,000,000 books, and with
`--topologies` the shop is measured as three services beside the shop as one, instead of all that.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, func, select, update

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.models import Book
from bookstore.catalogue.samples import publish_samples
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database, changed_rows
from bookstore.core.db.migrate import migrate
from bookstore.core.paging import PAGE_SIZE, encode_cursor
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.bench import load, topologies
from tests.bench.buyers import Buyers
from tests.bench.figures import heading, line, median
from tests.support import mysql
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.replicas import Replica

BOOKS, FEW, MANY = 100_000, 10_000, 1_000_000
ROUNDS = 3
MEGABYTE = 1024
DEFAULTS = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "8", "PAGE_CACHE_SECONDS": "2"}
THOUSANDTH = 999 * PAGE_SIZE
COMMON, RARE = "edition", "1042"
DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
SERVER = ("--innodb-buffer-pool-size=1G", "--skip-log-bin")


@dataclass(frozen=True)
class Case:
    """A page, how it is measured, and the ratio to hello that the shop aims at."""

    name: str
    measure: Callable[[float], load.Load]
    floor: Callable[[float], load.Load]
    aim: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=int, default=BOOKS)
    parser.add_argument("--seconds", type=float, default=4, help="for each measurement")
    parser.add_argument("--growth", action="store_true", help="also 10,000 and 1,000,000 books")
    parser.add_argument("--topologies", action="store_true", help="three services beside one shop")
    wanted = parser.parse_args()
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        server = os.environ.get("MYSQL_URL") or ends.enter_context(mysql.running(*SERVER))
        uri = ends.enter_context(new_database(server))
        heading(f"{wanted.books:,} books on MySQL")
        newest = seed(uri, wanted.books)
        if wanted.topologies:
            with served(uri, folder, PAGE_CACHE_SECONDS="0") as shop:
                settings = {**DEFAULTS, **allocator(), "PAGE_CACHE_SECONDS": "0"}
                topologies.compare(server, folder, shop, newest, wanted.books, settings)
            return
        pages(uri, folder, newest, wanted.seconds)
        if wanted.growth:
            growth(server, folder, wanted.seconds)


def seed(uri: str, books: int) -> int:
    """Fill a database and return the number of the newest book."""
    settings = load_settings(sqlalchemy_database_uri=uri, secret_key=SECRET_KEY)
    migrate(settings)
    app = create_app(settings)
    database, auth = service(Database, app), service(LocalAuth, app)
    seller, _ = auth.register("seller@example.com", "Seller", uuid.uuid4().hex)
    began = time.monotonic()
    publish_samples(database, books, {seller.id: seller.name})
    took = time.monotonic() - began
    line("seeding", f"{books / took:,.0f} books/s ({books:,} in {took:.1f} s)")
    # Buyers race for the stock of a book; here they shall not run out of it.
    database.transaction(lambda db: changed_rows(db, update(Book).values(stock=1_000_000)))
    with database.reading() as db:
        newest: int = db.scalars(select(func.max(Book.id))).one()
    database.engine.dispose()
    engine = create_engine(uri)
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE TABLE books")
    engine.dispose()
    return newest


def last_before(uri: str, position: int) -> int:
    """Return the number of the book at a position in the catalogue, newest first."""
    engine = create_engine(uri)
    with engine.connect() as connection:
        numbers = select(Book.id).order_by(Book.id.desc()).offset(position - 1).limit(1)
        number = connection.scalars(numbers).one()
    engine.dispose()
    return number


@contextmanager
def served(uri: str, folder: Path, module: str = "bookstore", **settings: str) -> Iterator[Replica]:
    """Run a server with the settings that the shop has by default."""
    replica = Replica(uri, folder, module=module, **{**DEFAULTS, **allocator(), **settings})
    replica.start()
    try:
        replica.wait_ready()
        yield replica
    finally:
        replica.kill()


def allocator() -> dict[str, str]:
    """Return what the image tells the allocator, without which threads keep what hashes took."""
    told = re.findall(r"\b(MALLOC_\w+)=(\w+)", DOCKERFILE.read_text())
    assert told, f"{DOCKERFILE} tells the allocator nothing"
    return dict(told)


def pages(uri: str, folder: Path, newest: int, seconds: float) -> None:
    heading("Pages beside hello on the same gunicorn")
    with (
        served(uri, folder, "tests.bench.hello") as hello,
        served(uri, folder) as cached,
        served(uri, folder, PAGE_CACHE_SECONDS="0") as shop,
    ):
        floor = by_get(hello.url)
        etag = httpx.get(cached.url, trust_env=False).headers["ETag"]
        buyers = Buyers(shop.url, str(newest))
        after = encode_cursor(last_before(uri, THOUSANDTH))
        cases = [
            Case("home, anonymous", by_get(cached.url), floor, 0.5),
            Case("home, not modified (304)", by_get(cached.url, If_None_Match=etag), floor, 0.5),
            Case("home, no cache", by_get(shop.url), floor),
            Case("the 1,000th page, no cache", by_get(f"{shop.url}?after={after}"), floor),
            Case("search, common word, no cache", by_get(f"{shop.url}?q={COMMON}"), floor),
            Case("search, rare word, no cache", by_get(f"{shop.url}?q={RARE}"), floor),
            Case("a book, no cache", by_get(f"{shop.url}books/{newest}"), floor),
            Case("home, logged in", by_get(cached.url, Cookie=buyers.cookie()), floor, 0.15),
            Case("purchase", buyers.buy, Buyers(hello.url, "").greet),
        ]
        rates = {case.name: measured(case, seconds) for case in cases}
        line("search, common word: home without cache", times(rates, cases[2], cases[4], 2))
        line("1,000th page: first page", times(rates, cases[2], cases[3], None))
        for name, replica in (("with", cached), ("without", shop)):
            most = max(resident(worker) for worker in replica.workers())
            line(f"memory of a worker, {name} page cache", f"{most:.0f} MB (wanted: under 120)")


def by_get(url: str, **headers: str) -> Callable[[float], load.Load]:
    """Return a way to measure an address, asked for with headers."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda seconds: load.get(url, seconds, sent)


def measured(case: Case, seconds: float) -> float:
    """Measure a page in rounds beside the floor, print it, and return its requests a second."""
    case.measure(1)
    pairs = [(case.floor(seconds), case.measure(seconds)) for _ in range(ROUNDS)]
    ratio = median([mine.rate / floor.rate for floor, mine in pairs])
    rate, p50, p99 = (
        median([getattr(mine, name) for _, mine in pairs]) for name in ("rate", "p50", "p99")
    )
    floor = median([floor.rate for floor, _ in pairs])
    aim = f" (wanted: at least {case.aim})" if case.aim else ""
    line(
        case.name,
        f"{rate:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"{ratio:.2f} of hello's {floor:,.0f}/s{aim}",
    )
    return rate


def times(rates: dict[str, float], quick: Case, slow: Case, aim: float | None) -> str:
    """Return how many times more one page costs than another."""
    wanted = f" (wanted: at most {aim})" if aim else ""
    return f"{rates[quick.name] / rates[slow.name]:.2f} times the cost{wanted}"


def growth(server: str, folder: Path, seconds: float) -> None:
    """Print what more books cost; both catalogues are measured in turn, as pages and hello are."""
    heading(f"The catalogue without cache, from {FEW:,} to {MANY:,} books")
    with ExitStack() as ends:
        shops = []
        for books in (FEW, MANY):
            uri = ends.enter_context(new_database(server))
            seed(uri, books)
            shops.append(ends.enter_context(served(uri, folder, PAGE_CACHE_SECONDS="0")))
        for shop in shops:
            load.get(shop.url, 1)
        pairs = [[load.get(shop.url, seconds).p50 for shop in shops] for _ in range(ROUNDS)]
    for books, p50 in zip((FEW, MANY), zip(*pairs, strict=True), strict=True):
        line(f"{books:,} books", f"p50 {median(p50):.1f} ms")
    grown = median([many / few for few, many in pairs])
    line("growth", f"{grown:.2f} times (wanted: less than 1.3)")


def resident(process: int) -> float:
    """Return the resident memory of a process in megabytes, shared pages included."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / MEGABYTE


if __name__ == "__main__":
    main()
