"""What a person does with their account, and a moderator with people and books."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD, by_two_visitors, open_menu, register
from tests.support.moderators import invitation
from tests.support.poll import eventually
from tests.support.topologies import Running

GIVE_UP_SECONDS = 30
WORDS = {
    "es": {
        "default": "Dirección predeterminada",
        "welcome": "Hola, Remedios.",
        "hidden": "Oculto por la tienda",
    },
    "en": {"default": "Default address", "welcome": "Hello, Remedios.", "hidden": "Hidden"},
}


def link_for(folder: Path, email: str, page: str) -> str:
    def look() -> str:
        for file in folder.glob("outbox/*.eml"):
            mail = message_from_bytes(file.read_bytes(), policy=default)  # type: ignore[arg-type]
            if mail["To"] == email:
                body = mail.get_body(("plain",))
                assert body is not None
                found = re.search(rf"http://\S+{page}/\S+", str(body.get_content()))
                assert found is not None
                return found[0]
        raise AssertionError("no mail came")

    return eventually(look, within=GIVE_UP_SECONDS, every=0.05)


@by_two_visitors
def test_a_person_keeps_their_account_and_gets_back_in(
    visit: Callable[..., Page],
    look: Callable[[Page, str], None],
    running: Running,
    language: str,
    width: int,
) -> None:
    words = WORDS[language]
    page = visit(language, width)
    email = register(page, "Remedios")
    open_menu(page)
    look(page, "menu")
    page.click("header nav a[href='/account']")
    look(page, "account")
    page.click("a[href='/account/addresses']")
    for line, city in (("Carrera 7 # 12-34", "Bogotá"), ("Calle 10 # 4-20", "Cali")):
        page.click("a[href='/account/addresses/new']")
        page.fill("#line1", line)
        page.fill("#city", city)
        page.fill("#phone", "hello")
        page.click("main form button")
        expect(page.locator("#phone-error")).to_be_visible()
        if city == "Cali":
            look(page, "address")
        page.fill("#phone", "+57 300 123 4567")
        page.click("main form button")
    expect(page.locator("[data-address-id]")).to_have_count(2)
    expect(page.locator("[data-address-id]").first).to_contain_text(words["default"])
    look(page, "addresses")

    open_menu(page)
    page.click("header nav form button")
    page.goto("/auth/login")
    page.click("a[href='/auth/reset']")
    look(page, "forgotten")
    page.fill("#email", email)
    page.click("main form button")
    expect(page.locator("[role=status]")).to_be_visible()
    link = link_for(running.folder, email, "/auth/reset")
    page.goto(link)
    look(page, "reset")
    page.fill("#password", "una clave nueva")
    page.click("main form button")
    page.fill("#email", email)
    page.fill("#password", "una clave nueva")
    page.click("main form button")
    expect(page.locator("[role=status]")).to_have_text(words["welcome"])
    page.goto(link)
    look(page, "link-used")


@by_two_visitors
def test_a_person_changes_their_email_address(
    visit: Callable[..., Page],
    look: Callable[[Page, str], None],
    running: Running,
    language: str,
    width: int,
) -> None:
    page = visit(language, width)
    old, new = register(page, "Fernanda"), f"{uuid.uuid4().hex * 2}@{'long' * 12}.example.com"
    stranger = visit(language, width)
    register(stranger, "Petra")
    page.goto("/account")
    page.fill("#email", new)
    page.fill("#password", "una clave ajena")
    page.click("form[action='/account/email'] button")
    expect(page.locator("#password-error")).to_be_visible()
    expect(page.locator("#email")).to_have_value(new)
    expect(page.locator("#password")).to_have_value("")
    look(page, "account-email-refused")
    page.fill("#password", PASSWORD)
    page.click("form[action='/account/email'] button")
    expect(page.locator("[role=status]")).to_contain_text(new)
    look(page, "account-email-asked")
    expect(page.locator("p.lead")).to_have_text(old)

    link = link_for(running.folder, new, "/account/email")
    stranger.goto(link)
    look(stranger, "email-link-of-another")
    page.goto(link)
    look(page, "email-confirm")
    page.click("main form button")
    expect(page).to_have_url(re.compile("/account$"))
    expect(page.locator("p.lead")).to_have_text(new)
    look(page, "account-email-changed")
    page.goto(link)
    look(page, "email-link-used")


@by_two_visitors
def test_a_moderator_hides_a_book_and_suspends_its_seller(
    visit: Callable[..., Page],
    look: Callable[[Page, str], None],
    running: Running,
    language: str,
    width: int,
) -> None:
    words = WORDS[language]
    seller = visit(language, width)
    email = register(seller, "Melquíades")
    seller.goto("/sell")
    seller.fill("#title", "Manual de alquimia")
    seller.fill("#author", "Anónimo")
    seller.fill("#description", "Promete oro y no lo da.")
    seller.fill("#price", "38.000")
    seller.click("main form.card button")
    book = re.sub(r".*/books/", "/books/", seller.url)
    seller.goto("/account/books")
    expect(seller.locator("[data-book-id]")).to_have_count(1)

    admin = visit(language, width)
    invited = register(admin, "Úrsula")
    admin.goto(invitation(invited, running.bookstore))
    look(admin, "admin-invitation")
    admin.click("main form.card button")
    expect(admin).to_have_url(re.compile("/admin$"))
    admin.goto("/admin/moderators")
    look(admin, "admin-moderators")
    admin.goto("/account")
    admin.click("a[href='/admin']")
    look(admin, "admin-people")
    admin.goto(book)
    admin.click(f"a[href='/admin{book}']")
    admin.fill("#reason", "Promete lo que no puede dar")
    look(admin, "admin-book")
    admin.click("main form.card button")
    expect(admin.locator("dd").nth(1)).to_contain_text(words["hidden"])
    admin.goto("/admin/books/audit")
    expect(admin.locator("[data-entry-id]").first).to_contain_text("Manual de alquimia")
    look(admin, "admin-books-audit")
    admin.click("[data-entry-id] h2 a >> nth=0")
    admin.click("dd a")
    admin.fill("#reason", "Vuelve una y otra vez")
    look(admin, "admin-person")
    admin.click("main form.card button")
    admin.goto("/admin/audit")
    expect(admin.locator("[data-entry-id]").first).to_contain_text(email)
    look(admin, "admin-audit")

    seller.goto("/account/books")
    expect(seller).to_have_url(re.compile("/auth/login"))
    seller.fill("#email", email)
    seller.fill("#password", PASSWORD)
    seller.click("main form button")
    expect(seller.locator("[role=alert]")).to_be_visible()
