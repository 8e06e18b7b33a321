"""A new version takes over, under a stream of requests: what one machine gives, told truly."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import httpx
import pytest

from tests.deploy.compose.guide import commands
from tests.deploy.compose.people import (
    PATIENCE_SECONDS,
    SlowRequest,
    buying,
    copies_paid,
    cover,
    covers,
    publication,
)
from tests.deploy.compose.project import Project
from tests.support.background import repeating
from tests.support.poll import eventually

NEXT = "9.9.9"
EVERY_SECONDS = 0.05
COPIES = 1000
# So many are refused before the upload goes on, none of which waits for its end.
REFUSED = 10
LIMIT_SECONDS = 60


@dataclass
class Visits:
    """One page, asked for again and again: when each was, and the status or the error of it."""

    seen: list[tuple[float, int | httpx.TransportError]] = field(default_factory=list)

    @property
    def refused(self) -> list[float]:
        """Return the moments of the requests that got no answer."""
        return [when for when, what in self.seen if isinstance(what, httpx.TransportError)]

    @property
    def statuses(self) -> set[int]:
        return {what for _, what in self.seen if isinstance(what, int)}

    def gaps(self) -> int:
        """Return how often answers were followed by none."""
        answered = [isinstance(what, int) for _, what in self.seen]
        return sum(one and not other for one, other in pairwise(answered))


@contextmanager
def visiting(url: str) -> Iterator[Visits]:
    """Ask for the catalogue all the while that the block runs, on a new connection each time."""
    visits = Visits()

    def visit() -> None:
        when = time.monotonic()
        try:
            answer = httpx.get(url, timeout=30, trust_env=False)
            visits.seen.append((when, answer.status_code))
        except httpx.TransportError as error:
            visits.seen.append((when, error))

    with repeating(visit, every=EVERY_SECONDS):
        yield visits


def serving_version(shop: Project) -> str:
    told = "import bookstore; print(bookstore.__version__)"
    return shop.type(f"docker compose exec -T shop python3 -c '{told}'").strip()


def release(shop: Project) -> None:
    """Change the checkout as `git pull` does."""
    file = shop.folder / "app" / "bookstore" / "__init__.py"
    changed, times = re.subn(r'__version__ = ".*"', f'__version__ = "{NEXT}"', file.read_text())
    assert times == 1
    file.write_text(changed)


def expect(held: bool) -> None:
    assert held


@pytest.fixture(scope="module")
def update(shop: Project) -> tuple[str, str, str]:
    """Give the guide's commands, a new version being in the checkout."""
    release(shop)
    (block,) = commands("Update")
    build, migrate, replace = block.splitlines()
    return build, migrate, replace


def test_while_it_is_built_and_migrated_the_old_version_serves(
    shop: Project, update: tuple[str, str, str]
) -> None:
    build, migrate, _ = update
    with visiting(shop.url) as visits:
        shop.type(build)
        shop.type(migrate)
    assert visits.statuses == {200}
    assert visits.refused == []
    assert serving_version(shop) != NEXT


def test_replacing_it_refuses_new_requests_for_a_moment_and_loses_none_that_was_taken(
    shop: Project, update: tuple[str, str, str], record_property: Callable[[str, object], None]
) -> None:
    *_, replace = update
    seller, buyer = shop.shopper(), shop.shopper()
    seller.register()
    buyer.register()
    book = seller.publish("El llano en llamas", quantity=COPIES)
    upload = SlowRequest(publication(seller, cover(size=(900, 1200))))
    with (
        ThreadPoolExecutor(2) as pool,
        buying(buyer, book) as bought,
        visiting(shop.url) as visits,
    ):
        published = pool.submit(upload.send)
        assert upload.half_sent.wait(LIMIT_SECONDS)
        eventually(lambda: expect(bought.answered > 2), within=LIMIT_SECONDS)
        replaced = pool.submit(shop.type, replace)
        # The old container refuses new requests, and waits for this one.
        eventually(lambda: expect(len(visits.refused) > REFUSED), within=PATIENCE_SECONDS / 2)
        upload.go_on.set()
        replaced.result(LIMIT_SECONDS)
        answer, answered = published.result(LIMIT_SECONDS), bought.answered
        eventually(lambda: expect(bought.answered > answered + 2), within=LIMIT_SECONDS)
    assert serving_version(shop) == NEXT

    # No answer is a wrong one, and there is one gap.
    assert visits.statuses == {200}
    assert visits.gaps() == 1
    record_property("requests that compose's update refused", len(visits.refused))
    seconds = visits.refused[-1] - visits.refused[0]
    record_property("seconds in which compose's update refused them", round(seconds, 1))
    # What was under way when it began was answered, and is there.
    assert answer.status_code == 303, answer.text
    assert covers(seller.page(answer.headers["Location"])) != []
    # So is every purchase that was answered; one that was not may be there.
    paid = copies_paid(shop, book)
    assert bought.answered <= paid <= bought.answered + bought.failed
    assert buyer.stock(book) == COPIES - paid


def test_the_next_start_of_all_leaves_the_new_shop_as_it_is(shop: Project) -> None:
    started = shop.inspect("shop")["State"]["StartedAt"]
    shop.type("docker compose up --detach --wait")
    assert shop.inspect("shop")["State"]["StartedAt"] == started
    assert shop.inspect("migrate")["Image"] == shop.inspect("shop")["Image"]
