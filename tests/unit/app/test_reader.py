"""The reader is left alone while it fails: one read at a time finds out whether it is back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bookstore.core.config.settings import ConfigurationInvalid, load_settings
from bookstore.core.db import reader as reader_module
from bookstore.core.db.engine import build_reader_engine
from bookstore.core.db.reader import REST_SECONDS, Reader, ReaderAway
from tests.support.clock import Clock
from tests.support.keys import SECRET_KEY


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reader_module, "time", clock)
    return clock


@pytest.fixture
def reader(clock: Clock) -> Reader:
    return Reader(create_engine("sqlite://"))


def gone(_db: Session) -> None:
    raise OperationalError("SELECT 1", {}, Exception("gone away"))


def busy(_db: Session) -> None:
    raise PoolTimeout("QueuePool limit reached")


def fine(_db: Session) -> str:
    return "read"


@pytest.mark.parametrize("failing", [gone, busy])
def test_one_read_in_a_while_tries_a_reader_that_fails(
    reader: Reader, clock: Clock, failing: Callable[[Session], None]
) -> None:
    tried: list[float] = []

    def work(db: Session) -> None:
        tried.append(clock.now)
        failing(db)

    for _ in range(60):
        with pytest.raises(ReaderAway):
            reader.read(work)
        clock.now += 1
    assert tried == [1000 + REST_SECONDS * number for number in range(6)]
    clock.now += REST_SECONDS
    assert reader.read(fine) == "read"
    assert reader.read(fine) == "read"


def test_who_tries_keeps_the_others_from_trying(reader: Reader, clock: Clock) -> None:
    with pytest.raises(ReaderAway):
        reader.read(gone)
    clock.now += REST_SECONDS
    trying, ends = threading.Event(), threading.Event()

    def slow(_db: Session) -> str:
        trying.set()
        assert ends.wait(30)
        return "read"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reader.read, slow)
        assert trying.wait(30)
        with pytest.raises(ReaderAway):
            reader.read(fine)
        ends.set()
        assert first.result() == "read"
    assert reader.read(fine) == "read"


def test_what_began_before_it_failed_does_not_take_it_back(reader: Reader, clock: Clock) -> None:
    def meanwhile_it_fails(_db: Session) -> str:
        clock.now += 1
        with pytest.raises(ReaderAway):
            reader.read(gone)
        return "read"

    assert reader.read(meanwhile_it_fails) == "read"
    with pytest.raises(ReaderAway):
        reader.read(fine)


def test_what_the_work_finds_wrong_is_no_failure_of_the_reader(reader: Reader) -> None:
    def refuse(_db: Session) -> None:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            reader.read(refuse)


def test_a_reader_has_login_schema_and_port_of_the_primary() -> None:
    settings = load_settings(
        sqlalchemy_database_uri="mysql+pymysql://shop:secret@primary:3307/books",
        db_reader_host="replicas",
        secret_key=SECRET_KEY,
    )
    assert settings.reader_url is not None
    shown = settings.reader_url.render_as_string(hide_password=False)
    assert shown == "mysql+pymysql://shop:secret@replicas:3307/books"


def test_sqlite_has_no_reader() -> None:
    with pytest.raises(ConfigurationInvalid, match="DB_READER_HOST is set and the shop is on"):
        load_settings(db_reader_host="replicas")
    assert build_reader_engine(load_settings()) is None
