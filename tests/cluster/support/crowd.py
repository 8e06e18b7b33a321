"""People who shop while something happens to the store."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import httpx

from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

COPIES, PAUSE = 1000, 0.2  # the most that a publication may have; seconds between purchases


@dataclass
class Crowd:
    """People who read the catalogue and buy a book over and over, until they are sent home.

    Attributes:
        pages: The pages that confirmed their purchases, one for each that was acknowledged.
        slowest: How long the slowest page of those who read took, in seconds.
        longest_gap: The longest time in which no purchase was acknowledged, in seconds: since the
            one before, or since they came.
    """

    buyer: Shopper
    reader: Shopper
    book: str
    read: int = 0
    bought: int = 0
    pages: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    longest_gap: float = 0.0
    _home: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, store: Store, url: str = "", transport: httpx.BaseTransport | None = None) -> Self:
        """Bring people to a store, at another address and by another way where they are given."""
        where = url or store.url()
        seller, buyer, reader = (Shopper(where, transport) for _ in range(3))
        seller.register()
        buyer.register()
        book = seller.publish("Rayuela", quantity=COPIES)
        return cls(buyer, reader, book)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._reads), threading.Thread(target=self._buys)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._home.set()
        for thread in self._threads:
            thread.join()

    def wait_bought(self, more: int, within: float) -> None:
        """Wait until they have bought that many more; ``within`` is in seconds."""
        wanted = self.bought + more

        def bought() -> None:
            assert self.bought >= wanted, (self.bought, wanted, self.failed[-3:])

        eventually(bought, within=within)

    def sold(self) -> int:
        """Return how many copies the shop has sold to them, acknowledged or not."""
        return COPIES - self.buyer.stock(self.book)

    def _reads(self) -> None:
        while not self._home.is_set():
            begun = time.monotonic()
            try:
                self.reader.page("/")
                self.read += 1
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def _buys(self) -> None:
        last = time.monotonic()
        while not self._home.wait(PAUSE):
            try:
                page = self.buyer.buy(self.book)
            except (httpx.HTTPError, AssertionError) as error:
                self.failed.append(repr(error))
                continue
            self.pages.append(page)
            self.bought += 1
            now = time.monotonic()
            self.longest_gap, last = max(self.longest_gap, now - last), now
