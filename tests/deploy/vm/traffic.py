"""People who read and buy in the background, and what of it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.deploy.vm.browser import client
from tests.deploy.vm.machines import Site
from tests.support.background import repeating
from tests.support.poll import eventually
from tests.support.shopper import Shopper

# Below what the proxy lets one address ask a second.
PAUSE_SECONDS = 0.3


@dataclass
class Traffic:
    """What was done so far."""

    failed: list[str] = field(default_factory=list)
    pages: int = 0
    purchases: list[str] = field(default_factory=list)

    def moves_on(self) -> None:
        """Wait until people have read and bought some more."""
        pages, purchases = self.pages + 10, len(self.purchases) + 3

        def more() -> None:
            assert self.pages > pages, f"{self.pages} pages: {self.failed}"
            assert len(self.purchases) > purchases, f"{len(self.purchases)}: {self.failed}"

        eventually(more, within=60)


@contextmanager
def running(site: Site, shopper: Callable[[], Shopper]) -> Iterator[Traffic]:
    """Let a visitor read and a buyer buy without an end, until the block ends."""
    traffic = Traffic()
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("La región más transparente", 1000)
    buyer.register()

    def told(act: Callable[[], None]) -> Callable[[], None]:
        def tell() -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - whatever it is, a person saw it
                traffic.failed.append(repr(error))

        return tell

    def read() -> None:
        for path in ("/", f"/books/{book}", "/auth/login"):
            visitor.get(path).raise_for_status()
            traffic.pages += 1

    def buy() -> None:
        traffic.purchases.append(buyer.buy(book))

    with client(site) as visitor, repeating(told(read), told(buy), every=PAUSE_SECONDS):
        traffic.moves_on()
        yield traffic
        traffic.moves_on()
