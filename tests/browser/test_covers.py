"""A cover as a seller uploads it and a shopper sees it, on a phone and on a desk."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.people import by_two_visitors, publish, register
from tests.support.topologies import Running

COVER_OF = {"es": "Portada de «{}»", "en": "Cover of “{}”"}


def photo(table: str = "#7a5c3e") -> FilePayload:
    """Return a photo of a book on a table, wider than it is high, as a phone takes it."""
    shown = Image.new("RGB", (1200, 900), table)
    pen = ImageDraw.Draw(shown)
    pen.rectangle((330, 60, 870, 840), fill="#14505c", outline="#f0e6d2", width=12)
    pen.ellipse((470, 260, 730, 520), fill="#e0a030")
    written = BytesIO()
    shown.save(written, "JPEG", quality=90)
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": written.getvalue()}


def is_drawn(image: Locator) -> bool:
    """Tell whether the browser could load the picture and draw it; a lazy one is scrolled to."""
    image.scroll_into_view_if_needed()
    drawn: bool = image.evaluate("image => image.decode().then(() => true, () => false)")
    return drawn


@by_two_visitors
def test_a_cover_is_uploaded_seen_and_removed(
    visit: Callable[..., Page], look: Callable[[Page, str], None], language: str, width: int
) -> None:
    seller = visit(language, width)
    register(seller, "Úrsula")
    title = f"Rayuela {uuid.uuid4().hex[:6]}"
    book = publish(seller, title)

    seller.goto(f"{book}/edit")
    seller.set_input_files("#cover", photo())
    seller.click("main form button")
    expect(seller).to_have_url(book)
    cover = seller.get_by_role("img", name=COVER_OF[language].format(title))
    assert is_drawn(cover)
    look(seller, "cover-book")

    seller.goto("/")
    assert is_drawn(cover)
    look(seller, "cover-catalogue")

    seller.goto(f"{book}/edit")
    assert is_drawn(cover)
    look(seller, "cover-edit")
    seller.set_input_files("#cover", {**photo(), "buffer": b"no picture"})
    seller.fill("#title", f"{title} again")
    seller.click("main form button")
    expect(seller.locator("#cover-error")).to_be_visible()
    expect(seller.locator("#title")).to_have_value(f"{title} again")
    look(seller, "cover-refused")

    seller.goto(f"{book}/edit")
    seller.check("[name=remove_cover]")
    seller.click("main form button")
    expect(seller).to_have_url(book)
    expect(cover).to_have_count(0)


def test_a_book_that_has_lost_its_file_shows_no_broken_picture(
    visit: Callable[..., Page], look: Callable[[Page, str], None], running: Running
) -> None:
    seller = visit("en", 1280)
    register(seller, "Úrsula")
    title = f"Rayuela {uuid.uuid4().hex[:6]}"
    book = publish(seller, title)
    seller.goto(f"{book}/edit")
    before = set((running.folder / "uploads").rglob("*.webp"))
    # Of its own color, so that its files are no other book's.
    seller.set_input_files("#cover", photo("#3e5c7a"))
    seller.click("main form button")
    expect(seller).to_have_url(book)
    lost = set((running.folder / "uploads").rglob("*.webp")) - before
    assert len(lost) == 2
    for file in lost:
        file.unlink()
    visitor = visit("en", 1280)
    visitor.goto(book)
    assert is_drawn(visitor.get_by_role("img", name=COVER_OF["en"].format(title)))
    look(visitor, "cover-lost")
