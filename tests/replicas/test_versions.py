"""Services of this version and of the release before are one shop, whichever of them is which."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest

from tests.replicas.services import DOMAINS, TODAY, Services, three_services
from tests.support import revisions
from tests.support.moderators import promote
from tests.support.poll import eventually
from tests.support.shopper import Shopper

COPIES = 20
TOLD_WITHIN = 60
# What is replaced, forward and then back, so that each two meet in every pair of versions.
STEPS = (*DOMAINS, "auth", "catalogue")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, release_of_services: str) -> str:
    """Give the way to the code of the release before, run with the libraries of today."""
    folder = tmp_path_factory.mktemp("before")
    revisions.unpack(release_of_services, folder, "app")
    return os.pathsep.join([str(folder / "app"), TODAY])


@pytest.fixture(scope="module")
def services(
    mysql_url: str, tmp_path_factory: pytest.TempPathFactory, before: str
) -> Iterator[Services]:
    """Give the shop as three services of the release before."""
    folder: Path = tmp_path_factory.mktemp("services")
    with three_services(mysql_url, folder, path=before) as services:
        yield services


def test_each_service_is_rolled_out_and_back_beside_both_versions_of_the_others(
    services: Services, before: str
) -> None:
    seller = services.shopper()
    seller.register()
    book = seller.publish("Rayuela", COPIES)
    promote(seller, partial(services.run, "auth"))
    version = dict.fromkeys(DOMAINS, before)
    met = set[tuple[str, ...]]()
    for name in (None, *STEPS):
        if name is not None:
            version[name] = TODAY if version[name] == before else before
            services.roll(name, version[name])
        assert_one_shop(services, seller, book)
        met |= {(*two, version[two[0]], version[two[1]]) for two in combinations(DOMAINS, 2)}
        if name != "auth":
            assert '"differences": []' in services.run("orders", "reconcile")
    assert len(met) == 3 * 4


def assert_one_shop(services: Services, seller: Shopper, book: str) -> None:
    """Open an account, sell, buy, look at jobs, and end the account's sessions everywhere."""
    buyer = services.shopper()
    buyer.register()
    own = seller.publish("Pedro Páramo", 1)
    for each in (book, own):
        before = buyer.stock(each)
        assert buyer.buy(each).startswith("/purchases/")
        assert buyer.stock(each) == before - 1
    order = buyer.orders()[0]
    assert "Ana Restrepo" in buyer.http.get(f"/orders/{order}").text
    assert order in seller.page("/sales").values("data-order-id")
    assert seller.http.get("/admin/jobs").status_code == 200
    buyer.submit("/account", "/account/sessions/end")

    def is_out_everywhere() -> None:
        for path in ("/sell", "/orders"):
            assert "/auth/login" in str(buyer.http.get(path).url)

    eventually(is_out_everywhere, within=TOLD_WITHIN)
