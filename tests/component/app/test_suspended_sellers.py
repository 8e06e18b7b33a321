"""What a suspended person sells is off sale for as long, and then as it was."""

from __future__ import annotations

from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import event

from bookstore.catalogue.forms import Publication
from bookstore.catalogue.models import Book
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.interfaces.catalogue import BookState, Line, OutOfStock
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.moderator import id_of, judge, restore, suspend
from tests.component.app.shopper import BOOK, Shopper, purchase

OFFER = Publication.model_validate({**BOOK, "isbn": None})


def state(app: Flask, book: int) -> str:
    found = service(LocalCatalogue, app).listing(book)
    assert found is not None
    return str(found.state)


def test_the_listings_of_a_suspended_seller_are_off_sale_until_they_are_restored(
    app: Flask, admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper, stranger: Client
) -> None:
    book, others = seller.publish(title="Pausado"), buyer.publish(title="Pausado ajeno")
    suspend(admin, seller)
    for page in ("/", "/?q=pausado", "/?order=cheapest", "/?condition=good&order=title"):
        shown = visitor.get(page).text
        assert f'href="/books/{book}"' not in shown
        assert f'href="/books/{others}"' in shown
    for person in (visitor, buyer, admin):
        assert person.get(f"/books/{book}").status_code == 404
    assert stranger.get(f"/books/{book}").status_code == 404
    assert [item["id"] for item in stranger.get("/books").json["items"]] == [others]
    with pytest.raises(OutOfStock):
        service(LocalCatalogue, app).reserve_parcels({"a key": [Line(book, 1)]})

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
def test_a_listing_keeps_a_state_of_its_own_through_its_sellers_suspension(
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
    seller_id, beginner_id = id_of(seller), id_of(buyer)
    withdrawn = seller.publish()
    catalogue.set_state(withdrawn, seller_id, BookState.WITHDRAWN)
    # A request that was let in before goes on after it.
    for person in (seller_id, beginner_id):
        catalogue.pause(person)
    published, first = (catalogue.publish(person, OFFER) for person in (seller_id, beginner_id))
    catalogue.set_state(withdrawn, seller_id, BookState.LISTED)
    assert [state(app, book) for book in (published, withdrawn, first)] == ["paused"] * 3


def test_no_listing_slips_in_while_its_seller_is_being_suspended(
    app: Flask, seller: Shopper
) -> None:
    catalogue, seller_id = service(LocalCatalogue, app), id_of(seller)
    suspension = Thread(target=catalogue.pause, args=[seller_id])

    def suspend_now(*_: object) -> None:
        suspension.start()
        # It has to wait for the listing's transaction; one that does not is over at once.
        suspension.join(0.3)

    event.listen(Book, "before_insert", suspend_now, once=True)
    book = catalogue.publish(seller_id, OFFER)
    suspension.join(10)
    assert state(app, book) == "paused"
