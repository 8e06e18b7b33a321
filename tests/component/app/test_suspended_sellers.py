"""What a suspended person sells is off sale for as long, and then as it was."""

from __future__ import annotations

from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import event

from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.models import Book
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import now
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import AccountSnapshot, Line, OutOfStock
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.mailbox import Mailbox
from tests.component.app.moderator import id_of, judge, restore, suspend
from tests.component.app.shopper import BOOK, Shopper, purchase

OFFER = BookInput.model_validate({**BOOK, "isbn": None})


def suspension_of(account: Account) -> AccountSnapshot:
    return AccountSnapshot(account.id, 1000, account.name, suspended=True)


def state(app: Flask, book: int) -> str:
    return str(service(LocalCatalogue, app).moderation.book(book).state)


def test_the_books_of_a_suspended_seller_are_off_sale_until_they_are_restored(
    app: Flask, admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper, stranger: Client
) -> None:
    book, others = seller.publish(title="Pausado"), buyer.publish(title="Pausado ajeno")
    suspend(admin, seller)
    for page in ("/", "/?q=pausado", "/?sort=cheapest", "/?condition=good&sort=title"):
        shown = visitor.get(page).text
        assert f'href="/books/{book}"' not in shown
        assert f'href="/books/{others}"' in shown
    for person in (visitor, buyer, admin):
        assert person.get(f"/books/{book}").status_code == 404
    assert stranger.get(f"/books/{book}").status_code == 404
    assert [item["id"] for item in stranger.get("/books").json["items"]] == [others]
    with pytest.raises(OutOfStock):
        service(LocalCatalogue, app).reserve("a key", [Line(book, 1)], now())

    restore(admin, seller)
    assert f'href="/books/{book}"' in visitor.get("/").text
    assert visitor.get(f"/books/{book}").status_code == 200
    assert buyer.buy(book, purchase()).status_code == 303


@on_sqlite
def test_the_cart_and_the_checkout_tell_that_a_suspended_sellers_book_cannot_be_had(
    admin: Shopper, seller: Shopper, buyer: Shopper
) -> None:
    paused, other = seller.publish(title="Pausado"), admin.publish(title="Otro")
    for book in (paused, other):
        buyer.add(book)
    typed = {**buyer.checkout(), **purchase()}
    suspend(admin, seller)
    refused = buyer.post("/checkout", typed)
    assert refused.status_code == 409
    assert "A book is not on sale any more; the others are below." in refused.text
    assert "This book is not on sale any more." in buyer.get("/cart").text
    assert buyer.get("/checkout").location == "/cart"
    assert buyer.add(paused).status_code == 404
    assert buyer.orders() == []
    restore(admin, seller)
    assert len(buyer.ordered(buyer.buy())) == 2


@on_sqlite
def test_an_order_of_a_suspended_seller_stays_and_its_buyer_may_have_the_money_back(
    admin: Shopper, seller: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    book = seller.publish(title="Pausado")
    sent, waiting = (buyer.ordered(buyer.buy(book, purchase()))[0] for _ in range(2))
    seller.post(f"/orders/{sent}/ship", {"tracking": "SV-0042"})
    suspend(admin, seller)
    assert buyer.orders() == [(waiting, "paid"), (sent, "shipped")]
    assert buyer.post(f"/orders/{sent}/receive", {}).status_code == 303
    assert buyer.post(f"/orders/{waiting}/cancel", {}).status_code == 303
    assert buyer.orders() == [(waiting, "cancelled"), (sent, "delivered")]
    subjects = [mail["Subject"] for mail in mailbox.to(buyer.email)]
    assert any(subject.startswith("Given back: COP") for subject in subjects)
    assert "Cancelled: Pausado" in [mail["Subject"] for mail in mailbox.to(seller.email)]


@on_sqlite
def test_a_book_keeps_a_state_of_its_own_through_its_sellers_suspension(
    app: Flask, admin: Shopper, seller: Shopper
) -> None:
    listed, withdrawn, hidden, hidden_meanwhile, shown_meanwhile = (
        seller.publish() for _ in range(5)
    )
    seller.post(f"/books/{withdrawn}/withdraw", {})
    for book in (hidden, shown_meanwhile):
        judge(admin, f"/admin/books/{book}", "hide")
    suspend(admin, seller)
    assert "Off sale while its seller is suspended" in admin.get(f"/admin/books/{listed}").text
    assert judge(admin, f"/admin/books/{hidden_meanwhile}", "hide") == 303
    assert judge(admin, f"/admin/books/{shown_meanwhile}", "unhide") == 303
    books = (listed, withdrawn, hidden, hidden_meanwhile, shown_meanwhile)
    paused = ["paused", "withdrawn", "hidden", "hidden", "paused"]
    assert [state(app, book) for book in books] == paused
    restore(admin, seller)
    after = ["listed", "withdrawn", "hidden", "hidden", "listed"]
    assert [state(app, book) for book in books] == after


@on_sqlite
def test_what_a_seller_was_listing_when_they_were_suspended_is_not_on_sale(
    app: Flask, seller: Shopper, buyer: Shopper
) -> None:
    catalogue = service(LocalCatalogue, app)
    people = [Account(id_of(person), "Ana Gómez", person.email) for person in (seller, buyer)]
    withdrawn = seller.publish()
    catalogue.publishing.withdraw(withdrawn, people[0].id)
    # A request that was let in before goes on after it.
    for person in people:
        catalogue.account_changed(suspension_of(person))
    published, first = (catalogue.publishing.publish(person, OFFER) for person in people)
    catalogue.publishing.republish(withdrawn, people[0].id)
    assert [state(app, book) for book in (published, withdrawn, first)] == ["paused"] * 3


def test_no_book_slips_in_while_its_seller_is_being_suspended(app: Flask, seller: Shopper) -> None:
    catalogue = service(LocalCatalogue, app)
    account = Account(id_of(seller), "Ana Gómez", seller.email)
    suspension = Thread(target=catalogue.account_changed, args=[suspension_of(account)])

    def suspend_now(*_: object) -> None:
        suspension.start()
        # It has to wait for the publication; one that does not is over at once.
        suspension.join(0.3)

    event.listen(Book, "before_insert", suspend_now, once=True)
    book = catalogue.publishing.publish(account, OFFER)
    suspension.join(10)
    assert state(app, book) == "paused"
