"""Two machines made by `deploy/vm/site.yml`, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.vm import machines
from tests.deploy.vm.browser import Visitor
from tests.deploy.vm.machines import Site
from tests.support.poll import eventually
from tests.support.shopper import Shopper

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, so that none is forgotten."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with machines.running(tmp_path_factory.mktemp("vm")) as site:
        site.play("site.yml")
        yield site


@pytest.fixture
def shopper(site: Site) -> Callable[[], Shopper]:
    """Give new shoppers, each with cookies of their own, once the shop answers."""

    def new() -> Shopper:
        shopper = Visitor(site)
        eventually(lambda: shopper.http.get("/").raise_for_status(), within=90)
        return shopper

    return new
