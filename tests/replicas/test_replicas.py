"""Two servers of the shop on one database: nothing sold twice, nothing lost, nothing dropped."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bookstore.auth.models import Account
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database
from bookstore.orders.models import Order
from tests.replicas.conftest import BUYERS, Shop
from tests.replicas.racer import Race, text_of
from tests.support.keys import SECRET_KEY
from tests.support.poll import eventually
from tests.support.replicas import GIVE_UP_SECONDS, LOOK_SECONDS, Replica
from tests.support.shopper import Page, Shopper

# As many as asked for, such as RACING_PURCHASES=100000 to see what a Christmas does.
RACING_PURCHASES = int(os.environ.get("RACING_PURCHASES", "1000"))
PROCESSES = 2
DISTURBANCES = 10
HUNG_UP = 10
# One in each racer, and in each of the two processes of two servers.
MAIL_THREADS = PROCESSES + 4
SCARCE_BOOKS = max(12, RACING_PURCHASES // 2000)
# About a third of what the racers want.
SCARCE_COPIES = min(1000, RACING_PURCHASES // (2 * SCARCE_BOOKS))
SHOPPED_FOR = 20
PURCHASES_EACH = 6

on_both = pytest.mark.parametrize("shop", ["mysql", "mariadb"], indirect=True, scope="module")
on_mysql = pytest.mark.parametrize("shop", ["mysql"], indirect=True, scope="module")


def filled_in(buyer: Shopper, book: str) -> dict[str, str]:
    """Return the form of a purchase as the buyer will send it, with its idempotency key."""
    page = buyer.page(f"/checkout?book_id={book}&quantity=1")
    form = next(form for form in page.forms if form.action == "/checkout")
    address = {"line1": "Calle 10 # 4-20", "city": "Medellín"}
    return form.fields | address | {"card_number": "4242 4242 4242 4242"}


@on_both
def test_racing_purchases_sell_what_there_is(shop: Shop, tmp_path: Path) -> None:
    books = [shop.seller.publish("Rayuela", SCARCE_COPIES) for _ in range(SCARCE_BOOKS)]
    racers = [
        Racer(shop, books, RACING_PURCHASES // PROCESSES, tmp_path / f"racer-{number}")
        for number in range(PROCESSES)
    ]
    disturbances = itertools.cycle(
        [kill_a_racer, lambda _: cut_the_connections(shop), lambda _: hang_up_on_mail(shop)]
    )
    disturbed = 0
    for racer in racers:
        racer.start()
    while any(racer.is_running() for racer in racers):
        answered = sum(racer.answered() for racer in racers)
        if answered * (DISTURBANCES + 1) // RACING_PURCHASES > disturbed:
            next(disturbances)(racers)
            disturbed += 1
        racers[0].wait(LOOK_SECONDS)
    assert disturbed >= DISTURBANCES - 1
    answers = [answer for racer in racers for answer in racer.race.answers()]
    assert sorted(number for number, _ in answers) == sorted(
        list(range(RACING_PURCHASES // PROCESSES)) * PROCESSES
    )
    for book in books:
        assert (shop.copies_paid(book), shop.stock(book)) == (SCARCE_COPIES, 0)
    assert shop.paid_purchases(books) == sorted(purchase for _, purchase in answers if purchase)
    assert shop.charged_minor() == shop.ordered_minor()
    finish_the_jobs(shop)
    each_mail_has_come_once(shop, disturbed)


def finish_the_jobs(shop: Shop) -> None:
    def none_is_due() -> None:
        assert shop.jobs_due() == 0

    eventually(none_is_due, within=GIVE_UP_SECONDS + RACING_PURCHASES / 20)
    # Those that were put off, and those that the killed have leased.
    shop.run_jobs()
    assert shop.unfinished_jobs() == []


def each_mail_has_come_once(shop: Shop, disturbed: int) -> None:
    """Check that everybody was told of everything that concerns them, of each by one mail.

    One mail is one Message-ID for a person and what they are told of. It arrives again, under the
    same id, only where what sent it was broken after the mail server had taken it: nobody can know
    then that it was, and a mailbox drops what it has.
    """
    arrived = dict(shop.mail.ids)
    assert set(arrived) == shop.to_be_mailed()
    assert {event: ids for event, ids in arrived.items() if len(ids) != 1} == {}
    assert len({name for ids in arrived.values() for name in ids}) == len(arrived)
    again = sum(sum(ids.values()) - 1 for ids in arrived.values())
    assert shop.mail.cut > 0
    assert shop.mail.cut <= again <= shop.mail.cut + (disturbed + 1) * MAIL_THREADS


@on_both
def test_racing_shoppers_of_two_servers_get_an_answer_each(shop: Shop) -> None:
    book = shop.seller.publish("Pedro Páramo", SHOPPED_FOR)
    forms = [[filled_in(buyer, book) for _ in range(PURCHASES_EACH)] for buyer in shop.buyers]

    def buy_all(number: int) -> list[int]:
        http = shop.buyers[number].http
        sent = [http.post("/checkout", data=form, follow_redirects=False) for form in forms[number]]
        return [answer.status_code for answer in sent]

    with ThreadPoolExecutor(BUYERS) as pool:
        answers = [code for codes in pool.map(buy_all, range(BUYERS)) for code in codes]
    assert answers.count(303) == SHOPPED_FOR
    assert answers.count(409) == BUYERS * PURCHASES_EACH - SHOPPED_FOR
    assert shop.copies_paid(book) == SHOPPED_FOR


class Racer:
    """A process of buyers, which is started again where it was killed."""

    def __init__(self, shop: Shop, books: list[str], attempts: int, results: Path) -> None:
        numbers = [int(book) for book in books]
        name = f"{results.name}-{uuid.uuid4().hex[:8]}"
        self.race = Race(name, attempts, numbers, shop.accounts[1:], str(results))
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._environment = os.environ | path | shop.environment

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.replicas.racer", text_of(self.race)]
        self._process = subprocess.Popen(command, env=self._environment)

    def is_running(self) -> bool:
        code = self._process.poll()
        assert code in {None, 0}, f"{self.race.name} ended with {code}"
        return code is None

    def wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def answered(self) -> int:
        results = Path(self.race.results)
        return results.read_bytes().count(b".") if results.exists() else 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def kill_a_racer(racers: list[Racer]) -> None:
    racer = random.choice(racers)
    if racer.is_running():
        racer.kill()
        racer.start()


def cut_the_connections(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        others = text(
            "SELECT id FROM information_schema.processlist "
            "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for number in connection.scalars(others).all():
            # It may have gone by itself meanwhile.
            with contextlib.suppress(DBAPIError):
                connection.execute(text(f"KILL {number}"))


def hang_up_on_mail(shop: Shop) -> None:
    shop.mail.cuts = HUNG_UP


def kill_the_workers(shop: Shop) -> None:
    """Kill all workers of a server, for one alone may have nothing to do at that moment."""
    for worker in random.choice(shop.replicas).workers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


@on_both
@pytest.mark.parametrize(("disturb", "after"), [(cut_the_connections, 2), (kill_the_workers, 6)])
def test_no_order_is_lost_or_doubled_by_what_breaks_under_it(
    shop: Shop, disturb: Callable[[Shop], None], after: int
) -> None:
    copies = 200
    book = shop.seller.publish("Pedro Páramo", copies)
    forms = [[filled_in(buyer, book) for _ in range(PURCHASES_EACH)] for buyer in shop.buyers]
    orders_before = shop.count(func.count(Order.id))
    broken: list[int | str] = []
    bought: list[str] = []
    disturbed: list[int] = []
    one_at_a_time = threading.Lock()

    def buy_all(number: int) -> None:
        for form in forms[number]:
            bought.append(insist(shop.buyers[number].http, form, broken))
            with one_at_a_time:
                if len(bought) // after > len(disturbed):
                    disturb(shop)
                    disturbed.append(len(bought))

    with ThreadPoolExecutor(BUYERS) as pool:
        list(pool.map(buy_all, range(BUYERS)))
    assert broken, "nothing broke, so nothing was shown"
    wanted = BUYERS * PURCHASES_EACH
    assert len(set(bought)) == wanted
    assert shop.count(func.count(Order.id)) - orders_before == wanted
    assert shop.copies_paid(book) == wanted
    assert shop.stock(book) == copies - wanted
    assert shop.charged_minor() == shop.ordered_minor()


def insist(http: httpx.Client, form: dict[str, str], broken: list[int | str]) -> str:
    """Send a form until it is answered by an order; return its address."""

    def send() -> str:
        try:
            answer = http.post("/checkout", data=form, follow_redirects=False)
        except httpx.TransportError as error:
            broken.append(type(error).__name__)
            raise
        if answer.status_code not in {303, 503}:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        if answer.status_code == 503:
            broken.append(503)
        assert answer.status_code == 303, broken
        return answer.headers["Location"]

    made = eventually(send, within=GIVE_UP_SECONDS, every=LOOK_SECONDS)
    assert "/purchases/" in made
    return made


@on_both
def test_a_deadlock_is_tried_again(shop: Shop) -> None:
    database = Database(load_settings(sqlalchemy_database_uri=shop.uri, secret_key=SECRET_KEY))
    people = [
        Account(email=f"{n}@example.com", name="a", password_hash="x", session_epoch=0)
        for n in range(2)
    ]
    with Session(shop.engine, expire_on_commit=False) as db:
        db.add_all(people)
        db.commit()
        ids = [person.id for person in people]
    both_hold_one = threading.Barrier(2, timeout=GIVE_UP_SECONDS)
    attempts: list[int] = []

    def raise_epochs(first: int, second: int) -> None:
        def work(db: Session) -> None:
            attempts.append(first)
            epoch = Account.session_epoch + 1
            db.execute(update(Account).where(Account.id == first).values(session_epoch=epoch))
            if attempts.count(first) == 1:
                both_hold_one.wait()
            db.execute(update(Account).where(Account.id == second).values(session_epoch=epoch))

        database.transaction(work)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(raise_epochs, *ids), pool.submit(raise_epochs, *reversed(ids))]:
            done.result()
    database.engine.dispose()
    assert len(attempts) > 2
    with Session(shop.engine) as db:
        epochs = select(Account.session_epoch).where(Account.id.in_(ids))
        assert db.scalars(epochs).all() == [2, 2]


def has_left(shop: Shop, replica: Replica) -> None:
    assert shop.balancer.has_left(replica)


def is_served(shop: Shop, replica: Replica) -> None:
    assert shop.balancer.serves(replica)


@on_mysql
def test_a_rolling_restart_under_load_fails_no_request(shop: Shop) -> None:
    book = shop.seller.publish("Pedro Páramo", 1000)
    ended = threading.Event()

    def go_shopping(buyer: Shopper) -> int:
        bought = 0
        while not ended.is_set():
            for path in ("/", f"/books/{book}", "/orders"):
                buyer.page(path)
            buyer.buy(book)
            bought += 1
        return bought

    with ThreadPoolExecutor(BUYERS) as pool:
        shopping = [pool.submit(go_shopping, buyer) for buyer in shop.buyers[:2]]
        try:
            for replica in shop.replicas:
                replica.drain()
                eventually(partial(has_left, shop, replica), within=GIVE_UP_SECONDS)
                assert replica.stop() == 0, replica.log()
                replica.start()
                eventually(partial(is_served, shop, replica), within=GIVE_UP_SECONDS)
        finally:
            ended.set()
        bought = [one.result() for one in shopping]
    assert min(bought) > 0
    assert shop.copies_paid(book) == sum(bought)


@on_both
def test_a_cover_that_one_server_took_is_served_by_each(shop: Shop) -> None:
    photo = BytesIO()
    Image.new("RGB", (600, 900), "teal").save(photo, "JPEG")
    form = next(form for form in shop.seller.page("/sell").forms if form.action == "/sell")
    answers = {"title": "Ficciones", "author": "J. L. Borges", "description": "Read only once."}
    published = shop.seller.http.post(
        "/sell",
        data=form.fields | answers | {"price": "25000"},
        files={"cover": ("cover.jpg", photo.getvalue(), "image/jpeg")},
    )
    files = {
        Path(element["src"]).name
        for element in Page("/", published.text).elements
        if element.get("src", "").startswith("/covers/")
    }
    assert files, published.text
    served = [
        httpx.get(f"{replica.url}covers/{name}", trust_env=False)
        for replica in shop.replicas
        for name in files
    ]
    assert {answer.status_code for answer in served} == {200}
    assert {answer.headers["Content-Type"] for answer in served} == {"image/webp"}
    assert len({answer.content for answer in served}) == len(files)
