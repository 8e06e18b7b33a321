"""A new image goes out while people shop, and nobody notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import httpx
import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import on_node
from tests.cluster.support.store import Store
from tests.support.shopper import Shopper

COPIES, PAUSE = 1000, 0.2  # the most that a publication may have; seconds between purchases


@pytest.fixture
def new_image(kube: Kube, images: dict[str, str]) -> Iterator[str]:
    """Give the shop's image a second name on every worker, as if a release had been loaded."""
    name = images["APP_IMAGE"] + "-next"
    workers = kube.list("Node", labels="!node-role.kubernetes.io/control-plane")
    nodes = [node["metadata"]["name"] for node in workers]
    source, target = f"docker.io/{images['APP_IMAGE']}", f"docker.io/{name}"
    for node in nodes:
        on_node(node, "images", "tag", "--force", source, target)
    yield name
    for node in nodes:
        on_node(node, "images", "rm", target)


@dataclass
class Crowd:
    """People who read the catalogue and buy a book over and over, until they are sent home."""

    buyer: Shopper
    reader: Shopper
    book: str
    read: int = 0
    bought: int = 0
    failed: list[str] = field(default_factory=list)
    _home: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._reads), threading.Thread(target=self._buys)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._home.set()
        for thread in self._threads:
            thread.join()

    def _reads(self) -> None:
        while not self._home.is_set():
            try:
                self.reader.page("/")
                self.read += 1
            except httpx.HTTPError as error:
                self.failed.append(repr(error))

    def _buys(self) -> None:
        while not self._home.wait(PAUSE):
            try:
                self.buyer.buy(self.book)
                self.bought += 1
            except (httpx.HTTPError, AssertionError) as error:
                self.failed.append(repr(error))


@pytest.fixture
def store(lab: Lab) -> Store:
    """Lend a store of two replicas."""
    store = lab.external(replicas=2)
    store.wait_ready()
    return store


@pytest.fixture
def crowd(store: Store) -> Crowd:
    """Lend people in front of the store, with a book that does not run out."""
    book = store.shopper().publish("Rayuela", quantity=COPIES)
    return Crowd(store.shopper(), Shopper(store.url()), book)


def test_a_new_image_rolls_out_without_a_failed_request(
    store: Store, crowd: Crowd, new_image: str
) -> None:
    first = {pod["metadata"]["uid"] for pod in store.pods()}
    with crowd:
        store.edit(image=new_image)
        store.wait_ready(within=180)
    assert not first & {pod["metadata"]["uid"] for pod in store.pods()}
    assert store.get()["status"]["image"] == new_image
    assert crowd.failed == []
    assert crowd.read > 20
    assert crowd.bought > 5
    # No acknowledged order is lost.
    assert crowd.buyer.stock(crowd.book) == COPIES - crowd.bought
    assert len(store.migrations()) == 1, "the old image's migration is pruned"
