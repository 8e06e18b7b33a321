"""Print what three services cost beside the shop as one: `make bench-app BENCH=--topologies`.

Both are on one MySQL, with as many books and the same gunicorn settings; each page is measured in
rounds, one shop after the other, and the ratio is that of the pairs. The services are asked through
the NGINX that leads to them, which the shop as one does without, so the hop is in the figures; one
line says what it would be without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import text

from bookstore.cli.seed import seed as seed_command
from tests.bench import load
from tests.bench.buyers import Buyers
from tests.bench.figures import heading, line, median
from tests.replicas.services import Services, three_services
from tests.support.nginx import leading_to
from tests.support.replicas import Replica

ROUNDS, SECONDS = 3, 4.0
KILOBYTES = 1024


def compare(
    server: str,
    folder: Path,
    monolith: Replica,
    newest: int,
    books: int,
    settings: Mapping[str, str],
) -> None:
    """Measure a running shop beside three services with its settings, and print it.

    :param server: the URL of MySQL's root.
    :param newest: the number of the monolith's newest book.
    """
    heading(f"Three services behind NGINX, beside the shop as one, with {books:,} books each")
    with ExitStack() as ends:
        services = ends.enter_context(three_services(server, folder, **settings))
        book = _seed(services, books)
        ports = {name: each.port for name, each in services.servers.items()}
        url = ends.enter_context(leading_to(ports, folder)) + "/"
        with _processes(services, "catalogue", "1"):
            alone = [load.get(url, SECONDS).rate for _ in range(ROUNDS)]
        scaled = [load.get(url, SECONDS).rate for _ in range(ROUNDS)]
        _beside("home, no cache", monolith.url, url, 0.9)
        _beside("a book, no cache", f"{monolith.url}books/{newest}", f"{url}books/{book}", 0.9)
        direct = services.servers["catalogue"].url
        _beside("home, no cache, without the hop", monolith.url, direct, 0.9)
        line("catalogue: 2 processes beside 1", f"{median(scaled) / median(alone):.2f} times")
        _purchases(Buyers(monolith.url, str(newest)), Buyers(url, str(book)))
        one, three = _memory(monolith), sum(map(_memory, services.servers.values()))
        line("memory of the whole", f"{three:.0f} MB, {three / one:.2f} times the one's {one:.0f}")


def _beside(name: str, monolith: str, services: str, aim: float) -> None:
    for url in (monolith, services):
        load.get(url, 1)
    pairs = [(load.get(monolith, SECONDS), load.get(services, SECONDS)) for _ in range(ROUNDS)]
    ratio = median([three.rate / one.rate for one, three in pairs])
    one, three = (median([pair[which].rate for pair in pairs]) for which in (0, 1))
    line(name, f"{three:,.0f}/s, {ratio:.2f} of {one:,.0f}/s (wanted: at least {aim})")


def _purchases(monolith: Buyers, services: Buyers) -> None:
    for buyers in (monolith, services):
        buyers.buy(1)
    pairs = [(monolith.buy(SECONDS), services.buy(SECONDS)) for _ in range(ROUNDS)]
    times = median([three.p50 / one.p50 for one, three in pairs])
    one, three = (median([pair[which].p50 for pair in pairs]) for which in (0, 1))
    rate = median([three.rate / one.rate for one, three in pairs])
    line(
        "purchase",
        f"p50 {three:.1f} ms, {times:.2f} times {one:.1f} ms (wanted: at most 2), "
        f"{rate:.2f} of the rate",
    )


def _seed(services: Services, books: int) -> int:
    """Fill the catalogue as `bookstore seed` does, and return the number of its newest book."""
    sellers = _seeded(services, "auth").splitlines()
    _seeded(services, "catalogue", "--books", str(books), *(f"--seller={one}" for one in sellers))
    with services.root.connect() as connection:
        connection.execute(text(f"USE {services.schemas['catalogue']}"))
        # Buyers race for the stock of a book; here they shall not run out of it.
        connection.execute(text("UPDATE books SET stock = 1000000"))
        connection.execute(text("ANALYZE TABLE books"))
    return services.scalar("catalogue", "SELECT MAX(id) FROM books")


def _seeded(services: Services, name: str, *options: str) -> str:
    environment = {**services.environments[name], "SERVICE": name}
    done = CliRunner().invoke(seed_command, options, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@contextmanager
def _processes(services: Services, name: str, number: str) -> Iterator[None]:
    """Have a service run with another number of processes while the block runs."""
    server = services.servers[name]
    before = server.environment["WEB_CONCURRENCY"]
    _restart(server, number)
    yield
    _restart(server, before)


def _restart(server: Replica, processes: str) -> None:
    server.kill()
    server.environment["WEB_CONCURRENCY"] = processes
    server.start()
    server.wait_ready()


def _memory(server: Replica) -> float:
    """Return the megabytes of a server's processes; what they share is counted once."""
    processes = [server.process.pid, *server.workers()]
    pages = [Path(f"/proc/{process}/smaps_rollup").read_text() for process in processes]
    return sum(int(page.partition("\nPss:")[2].split()[0]) for page in pages) / KILOBYTES
