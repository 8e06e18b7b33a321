"""What people do on the shop's pages, in any language."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

PASSWORD = "una clave larga"

# Spanish has the longer words, and a phone the less room for them.
by_two_visitors = pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])


def register(page: Page, name: str) -> str:
    """Open an account, which logs in, and return its address."""
    page.goto("/auth/register")
    return fill_in_account(page, name)


def fill_in_account(page: Page, name: str) -> str:
    """Fill in the page that opens an account, and return its address."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    page.fill("#email", email)
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("main form button")
    expect(page.locator("nav form button")).to_be_attached()
    return email


def open_menu(page: Page) -> None:
    """Open the menu, which is open already where there is room."""
    summary = page.locator("nav summary")
    if summary.is_visible():
        summary.click()


def publish(page: Page, title: str, quantity: int = 2) -> str:
    """Offer a book, and return the address of its page."""
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
    """Fill in the checkout, and send it."""
    page.fill("#line1", "Carrera 7 # 12-34")
    page.fill("#city", "Bogotá")
    page.fill("#card_number", card)
    # The key presses the button that pays, not that of the first carrier.
    page.press("#card_number", "Enter")
