"""What every tier of tests shares."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import mariadb, mysql

# A property is true or false whatever else the machine is doing: no example has a deadline.
settings.register_profile("bookstore", deadline=None)
settings.load_profile("bookstore")


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """Give the URL of a MySQL server in a container, or of the one that MYSQL_URL names."""
    given = os.environ.get("MYSQL_URL")
    if given:
        yield given
        return
    with mysql.running() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """Give the URL of a MariaDB server, a process of the tests' own."""
    programs = mariadb.find()
    if programs is None:
        pytest.skip(mariadb.ABSENT)
    with mariadb.running(programs) as url:
        yield url
