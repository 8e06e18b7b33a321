"""What every tier of tests shares."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support import mariadb, mysql, revisions
from tests.support.shared import shared

# A property is true or false whatever else the machine is doing: no example has a deadline.
settings.register_profile("bookstore", deadline=None)
settings.load_profile("bookstore")

KIND, SERVERS = "kind", "servers"
EKS = "tests/deploy/eks/test_"
WITHOUT_CLUSTER = ("bundle", "eksctl", "howto", "ladder", "monitoring", "operator_chart")
GROUPS = {
    "tests/cluster/": KIND,
    **{f"{EKS}{name}.py": SERVERS for name in WITHOUT_CLUSTER},
    EKS: KIND,
    "tests/deploy/": SERVERS,
    "tests/browser/": SERVERS,
    "tests/replicas/": SERVERS,
}
"""Tests that follow one another, since they share the cluster, machines or ports, by the beginning
of their names; the first that fits counts."""


class Tiers(LoadScopeScheduling):  # type: ignore[misc]
    """Give each worker a whole group of tests, the largest first, then tests that stand alone."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for folder, name in GROUPS.items() if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Tiers | None:
    """Keep groups together under ``pytest -n 2 --dist loadgroup``.

    The marker ``xdist_group`` has no effect with pytest 9.2 and pytest-xdist 3.8.
    """
    return Tiers(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded: the range of each."""
    figures: dict[str, list[float]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            figures.setdefault(name, []).append(float(str(value)))
    for name, values in sorted(figures.items()):
        terminalreporter.write_line(f"{name}: {min(values)} to {max(values)}, {len(values)} seen")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Take back the level and the handlers that a command, run in the tests' process, gave its log.

    What it logs would otherwise be in the log of the tests after it, in some orders of them.
    """
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for added in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(added)


@contextmanager
def started_once(
    factory: pytest.TempPathFactory, name: str, server: AbstractContextManager[str]
) -> Iterator[str]:
    """Give the URL of a server, which the workers of pytest-xdist share if there are any."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker has a folder of its own in that of the run.
        server = shared(factory.getbasetemp().parent, name, server)
    with server as url:
        yield url


@pytest.fixture(scope="session")
def release_of_services() -> str:
    """Give the commit of the release before, which a clone without history does not have."""
    try:
        return revisions.release_of_services()
    except revisions.NoRevision as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a MySQL server in a container, or of the one that MYSQL_URL names."""
    given = os.environ.get("MYSQL_URL")
    if given:
        yield given
        return
    with started_once(tmp_path_factory, "mysql", mysql.running()) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a MariaDB server, a process of the tests' own."""
    programs = mariadb.find()
    if programs is None:
        pytest.skip(mariadb.ABSENT)
    with started_once(tmp_path_factory, "mariadb", mariadb.running(programs)) as url:
        yield url
