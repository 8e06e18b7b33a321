"""Settings that are missing or wrong: one sentence with the fix, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.compose.conftest import Make
from tests.deploy.compose.guide import commands
from tests.deploy.compose.project import Project

START, CHECK = "docker compose up --detach --wait", "docker compose run --rm --no-deps shop check"


@pytest.fixture(scope="module")
def checkout(make: Make) -> Project:
    """Give a checkout with a .env that is filled in, and the image."""
    project = make("wrong")
    copy, fill_in, *_ = commands("Start")[0].splitlines()
    project.type(f"{copy}\n{fill_in}\ndocker compose build")
    return project


@pytest.fixture
def env(checkout: Project) -> Iterator[Project]:
    """Give the checkout, and the file as it was to the next test."""
    file = checkout.folder / ".env"
    before = file.read_text()
    yield checkout
    file.write_text(before)


def nothing_was_made(project: Project) -> bool:
    return not any(project.made(kind) for kind in ("container", "volume", "network"))


@pytest.mark.parametrize("name", ["DB_PASSWORD", "SECRET_KEY"])
def test_a_secret_that_is_missing_is_named_before_anything_is_made(env: Project, name: str) -> None:
    env.set(**{name: ""})
    done = env.attempt(START)
    assert done.code != 0
    assert done.complained.strip().count("\n") == 0, done.complained
    assert f"copy .env.example to .env and set {name} there" in done.complained
    assert nothing_was_made(env)


def test_a_checkout_without_settings_says_where_they_come_from(env: Project) -> None:
    (env.folder / ".env").unlink()
    done = env.attempt(START)
    assert done.code != 0
    assert "copy .env.example to .env and set" in done.complained
    assert nothing_was_made(env)


NO_ADDRESS = (
    "The database at nowhere.invalid:3306 does not answer: Can't connect to MySQL server on "
    "'nowhere.invalid' ([Errno -2] Name or service not known); check its address, user and "
    "password, and that it lets this machine in."
)
SHORT = "SECRET_KEY has fewer than 16 characters; set it to a random text of 32 characters or more."
NO_NUMBER = (
    'FORWARDED_HOPS is "many"; set it to the number of proxies in front of the shop, from 0 to 10.'
)
NO_PORT = 'DB_PORT is "99999"; set it to a port number from 1 to 65535.'


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DB_HOST", "nowhere.invalid", NO_ADDRESS),
        ("SECRET_KEY", "short", SHORT),
        ("FORWARDED_HOPS", "many", NO_NUMBER),
        ("DB_PORT", "99999", NO_PORT),
    ],
)
def test_the_check_has_a_sentence_for_what_is_wrong(
    env: Project, name: str, value: str, sentence: str
) -> None:
    env.set(**{name: value})
    done = env.attempt(CHECK)
    assert done.code != 0
    told = [line for line in done.complained.splitlines() if line.startswith("bookstore: ")]
    # There is no database here, which is a sentence of its own.
    nowhere = "bookstore: The database at database:3306 does not answer"
    assert [line for line in told if not line.startswith(nowhere)] == [f"bookstore: {sentence}"]


def test_a_database_that_cannot_be_found_keeps_the_migration_from_starting(env: Project) -> None:
    env.set(DB_HOST="nowhere.invalid")
    done = env.attempt("docker compose run --rm --no-deps migrate migrate --wait 1")
    assert done.code != 0
    assert '"error": "DatabaseUnreachable"' in done.said
    assert "nowhere.invalid:3306 did not answer" in done.said
    assert "check its address and port" in done.said
