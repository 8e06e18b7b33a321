"""A new image goes out while people shop, and nobody notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.nodes import ctr, workers
from tests.cluster.support.store import Store


@pytest.fixture
def new_image(kube: Kube, images: dict[str, str]) -> Iterator[str]:
    """Give the shop's image a second name on every worker, as if a release had been loaded."""
    name = images["APP_IMAGE"] + "-next"
    nodes = workers(kube)
    source, target = f"docker.io/{images['APP_IMAGE']}", f"docker.io/{name}"
    for node in nodes:
        ctr(node, "images", "tag", "--force", source, target)
    yield name
    for node in nodes:
        ctr(node, "images", "rm", target)


@pytest.fixture
def store(lab: Lab) -> Store:
    """Lend a store of two replicas."""
    store = lab.external(replicas=2)
    store.wait_ready()
    return store


@pytest.fixture
def crowd(store: Store) -> Crowd:
    """Lend people in front of the store, with a book that does not run out."""
    return Crowd.of(store)


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
    assert crowd.sold() == crowd.bought
    assert len(store.migrations()) == 1, "the old image's migration is pruned"
