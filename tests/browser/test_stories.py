"""What a shopper does and sees, in both languages, on a phone and on a desk."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.people import (
    by_two_visitors,
    fill_in_account,
    pay,
    publish,
    register,
)

WORDS = {
    "es": {"paid": "Pagado", "declined": "La tarjeta fue rechazada", "price": "$\u00a038.000"},
    "en": {"paid": "Paid", "declined": "The card was declined", "price": "COP\u00a038,000"},
}


@by_two_visitors
def test_a_book_is_published_found_and_bought(
    visit: Callable[..., Page], look: Callable[[Page, str], None], language: str, width: int
) -> None:
    words = WORDS[language]
    title = f"Cien años {uuid.uuid4().hex[:6]}"
    seller = visit(language, width)
    register(seller, "Úrsula")
    book = publish(seller, title)
    other = visit(language, width)
    register(other, "Remedios")
    more = publish(other, f"El coronel {uuid.uuid4().hex[:6]}", quantity=5)

    buyer = visit(language, width)

    look(buyer, "catalogue")
    buyer.fill("#q", title)
    buyer.click("header form.search button")
    expect(buyer.locator("article[data-book-id]")).to_have_count(1)
    look(buyer, "search")
    buyer.click(f"text={title} >> nth=-1")
    expect(buyer).to_have_url(book)
    expect(buyer.locator(".price")).to_have_text(words["price"])
    look(buyer, "book")
    buyer.click("main form.actions button")
    expect(buyer.locator("main li[data-book-id]")).to_have_count(1)
    buyer.goto(more)
    buyer.fill("#quantity", "2")
    buyer.click("main form.actions button")
    expect(buyer.locator("section.shipment")).to_have_count(2)
    expect(buyer.locator("[data-cart]")).to_have_attribute("data-cart", "3")
    buyer.fill("section.shipment:last-of-type input[type=number]", "1")
    buyer.click("section.shipment:last-of-type form.actions button >> nth=0")
    expect(buyer.locator("[data-cart]")).to_have_attribute("data-cart", "2")
    look(buyer, "cart")
    buyer.click("section.shipment:last-of-type .choices a >> nth=1")
    expect(buyer.locator("section.shipment:last-of-type [aria-current]")).to_contain_text("Exprés")
    buyer.click("main .sum a.button")
    # Without an account so far: who registers now comes back with the cart as it was.
    buyer.click("main a[href^='/auth/register']")
    fill_in_account(buyer, "Aureliano")
    expect(buyer.locator("section.shipment:last-of-type [aria-pressed=true]")).to_contain_text(
        "Exprés"
    )
    look(buyer, "checkout")
    pay(buyer, "4000 0000 0000 0002")
    expect(buyer.locator("[role=alert]")).to_contain_text(words["declined"])
    expect(buyer.locator("#city")).to_have_value("Bogotá")
    look(buyer, "declined")
    total = buyer.locator("#summary .total").text_content()
    buyer.click("section.shipment:first-of-type button[name=choose] >> nth=1")
    expect(buyer.locator("#summary .total")).not_to_have_text(str(total))
    expect(buyer.locator("#city")).to_have_value("Bogotá")
    pay(buyer, "4242 4242 4242 4242")
    expect(buyer.locator("article .state")).to_have_text([words["paid"]] * 3)
    expect(buyer.locator("tbody >> nth=0")).to_contain_text(title)
    expect(buyer.locator("[data-cart]")).to_have_count(0)
    look(buyer, "purchase")
    buyer.click("article h2 a >> nth=0")
    expect(buyer.locator("article .state")).to_have_text(words["paid"])
    look(buyer, "order")
    buyer.goto("/orders")
    expect(buyer.locator("[data-order-id]")).to_have_count(2)
    look(buyer, "orders")

    seller.goto("/account/books")
    expect(seller.locator("[data-stock]")).to_have_attribute("data-stock", "1")
