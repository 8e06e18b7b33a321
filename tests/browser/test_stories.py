"""What a shopper does and sees, in both languages, on a phone and on a desk."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

WORDS = {
    "es": {"paid": "Pagado", "declined": "La tarjeta fue rechazada", "price": "$\u00a038.000"},
    "en": {"paid": "Paid", "declined": "The card was declined", "price": "COP\u00a038,000"},
}


def register(page: Page, name: str) -> None:
    page.goto("/auth/register")
    page.fill("#email", f"{uuid.uuid4().hex}@example.com")
    page.fill("#name", name)
    page.fill("#password", "una clave larga")
    page.click("main form button")
    expect(page.locator("nav form button")).to_be_visible()


def publish(page: Page, title: str, quantity: int = 2) -> str:
    page.goto("/sell")
    page.fill("#title", title)
    page.fill("#author", "Gabriel García Márquez")
    page.fill("#isbn", "978-84-376-0494-7")
    page.fill("#description", "Edición anotada, lomo firme.")
    page.fill("#price", "38.000")
    page.fill("#quantity", str(quantity))
    page.click("main form button")
    expect(page.locator("main h1")).to_have_text(title)
    return page.url


def pay(page: Page, card: str) -> None:
    page.fill("#line1", "Carrera 7 # 12-34")
    page.fill("#city", "Bogotá")
    page.fill("#card_number", card)
    page.click("main form button")


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_book_is_published_found_and_bought(
    visit: Callable[..., Page], language: str, width: int, screenshots: Path
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
    seen: list[str] = []

    def look(name: str) -> None:
        found = Axe().run(buyer)
        assert found.violations_count == 0, found.generate_report()
        wide = buyer.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide"
        buyer.screenshot(path=screenshots / f"{name}-{language}-{width}.png", full_page=True)
        seen.append(name)

    look("catalogue")
    register(buyer, "Aureliano")
    buyer.fill("#q", title)
    buyer.click("header form.search button")
    expect(buyer.locator("article[data-book-id]")).to_have_count(1)
    look("search")
    buyer.click(f"text={title} >> nth=-1")
    expect(buyer).to_have_url(book)
    expect(buyer.locator(".price")).to_have_text(words["price"])
    look("book")
    buyer.click("main form.actions button")
    expect(buyer.locator("main li[data-book-id]")).to_have_count(1)
    buyer.goto(more)
    buyer.fill("#quantity", "2")
    buyer.click("main form.actions button")
    expect(buyer.locator("section.parcel")).to_have_count(2)
    expect(buyer.locator("[data-cart]")).to_have_attribute("data-cart", "3")
    buyer.fill("section.parcel:last-of-type input[type=number]", "1")
    buyer.click("section.parcel:last-of-type form.actions button >> nth=0")
    expect(buyer.locator("[data-cart]")).to_have_attribute("data-cart", "2")
    look("cart")
    buyer.click("main .sum a.button")
    look("checkout")
    pay(buyer, "4000 0000 0000 0002")
    expect(buyer.locator("[role=alert]")).to_contain_text(words["declined"])
    expect(buyer.locator("#city")).to_have_value("Bogotá")
    look("declined")
    buyer.check("section.parcel:last-of-type [value=express]")
    pay(buyer, "4242 4242 4242 4242")
    expect(buyer.locator("article .state")).to_have_text([words["paid"], words["paid"]])
    expect(buyer.locator("tbody >> nth=0")).to_contain_text(title)
    expect(buyer.locator("[data-cart]")).to_have_count(0)
    look("purchase")
    buyer.click("article h2 a >> nth=0")
    expect(buyer.locator("article .state")).to_have_text(words["paid"])
    look("order")
    buyer.goto("/orders")
    expect(buyer.locator("[data-order-id]")).to_have_count(4)
    look("orders")

    seller.goto("/publications")
    expect(seller.locator("[data-stock]")).to_have_attribute("data-stock", "1")
    assert len(seen) == 9
