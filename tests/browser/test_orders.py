"""What becomes of an order: its seller sends it, its buyer receives it, and either calls it off."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.people import by_two_visitors, pay, publish, register

WORDS = {
    "es": {"shipped": "Enviado", "delivered": "Entregado", "cancelled": "Cancelado"},
    "en": {"shipped": "Shipped", "delivered": "Delivered", "cancelled": "Cancelled"},
}


def buy(page: Page, book: str) -> str:
    page.goto(book)
    page.locator("main form.actions button").last.click()
    pay(page, "4242 4242 4242 4242")
    page.goto("/orders")
    page.locator("[data-order-id] a").first.click()
    expect(page.locator("article[data-state=paid]")).to_be_visible()
    return page.url


@by_two_visitors
def test_an_order_is_sent_and_received_and_another_is_called_off(
    visit: Callable[..., Page], look: Callable[[Page, str], None], language: str, width: int
) -> None:
    words = WORDS[language]
    seller, buyer = visit(language, width), visit(language, width)
    register(seller, "Úrsula")
    register(buyer, "Aureliano")
    book = publish(seller, f"La hojarasca {uuid.uuid4().hex[:6]}")
    sent, regretted = buy(buyer, book), buy(buyer, book)

    seller.goto("/sales")
    expect(seller.locator("[data-state=paid]")).to_have_count(2)
    look(seller, "sales")
    seller.goto(sent)
    seller.fill("#tracking", "<b>")
    seller.click("form[action$='/ship'] button")
    expect(seller.locator("#tracking")).to_have_attribute("aria-invalid", "true")
    look(seller, "tracking-refused")
    seller.fill("#tracking", "sv-0042")
    seller.click("form[action$='/ship'] button")
    expect(seller.locator("article .state")).to_have_text(words["shipped"])

    buyer.goto(sent)
    expect(buyer.locator("article")).to_contain_text("SV-0042")
    look(buyer, "order-shipped")
    buyer.click("form[action$='/receive'] button")
    expect(buyer.locator("article .state")).to_have_text(words["delivered"])
    expect(buyer.locator("article form")).to_have_count(0)

    seller.goto(regretted)
    buyer.goto(regretted)
    buyer.click("form[action$='/cancel'] button")
    expect(buyer.locator("article .state")).to_have_text(words["cancelled"])
    look(buyer, "order-cancelled")
    # The seller's page was open before: too late to send it, and the shop says so.
    seller.fill("#tracking", "SV-0043")
    seller.click("form[action$='/ship'] button")
    expect(seller.locator("[role=alert]")).to_be_visible()
    expect(seller.locator("article .state")).to_have_text(words["cancelled"])
    seller.goto("/account/books")
    expect(seller.locator("[data-stock]")).to_have_attribute("data-stock", "1")
