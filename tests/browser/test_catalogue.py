"""What a reader does to find a book: filters, orders, and further pages."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.people import by_two_visitors

WORDS = {
    "es": {"told": "Filtros: desde $\u00a020.000 · Español.", "bad": "Escribe un precio máximo"},
    "en": {"told": "Filters: from COP\u00a020,000 · Spanish.", "bad": "Write a highest price"},
}


def prices(page: Page) -> list[int]:
    texts = page.locator("article .price").all_inner_texts()
    return [int("".join(char for char in text if char.isdigit())) for text in texts]


@by_two_visitors
def test_a_reader_narrows_the_catalogue_and_widens_it_again(
    visit: Callable[..., Page], look: Callable[[Page, str], None], language: str, width: int
) -> None:
    words = WORDS[language]
    page = visit(language, width)
    look(page, "filters-closed")
    if width < 960:
        expect(page.locator("#price_from")).to_be_hidden()
        page.click("details.filters summary")
    expect(page.locator("#price_from")).to_be_visible()
    page.fill("#price_from", "20.000")
    page.select_option("#language", "es")
    page.select_option("#sort", "cheapest")
    page.click("details.filters button")
    expect(page.locator(".filters-on")).to_contain_text(words["told"])
    expect(page.locator("#price_from")).to_have_value("20.000")
    look(page, "filters-on")
    shown = prices(page)
    assert shown == sorted(shown)
    assert shown[0] >= 20_000
    page.fill("#price_to", "1.000")
    page.click("details.filters button")
    expect(page.locator("[role=alert]")).to_contain_text(words["bad"])
    expect(page.locator("#price_from")).to_have_value("20.000")
    look(page, "filters-refused")
    page.click("[role=alert] a")
    expect(page.locator("#price_to")).to_be_focused()
    page.fill("#price_to", "")
    page.press("#price_to", "Enter")
    page.click(".filters-on a")
    expect(page.locator(".filters-on")).to_have_count(0)
    expect(page.locator("#sort")).to_have_value("cheapest")
    page.click("a[rel=next]")
    expect(page.locator("#sort")).to_have_value("cheapest")
    assert min(prices(page)) >= shown[0]


@by_two_visitors
def test_a_reader_goes_from_a_book_to_its_sellers_others(
    visit: Callable[..., Page], look: Callable[[Page, str], None], language: str, width: int
) -> None:
    page = visit(language, width)
    page.click("article.book h2 a >> nth=0")
    title, seller = page.locator("h1").inner_text(), page.locator("dd a[href^='/sellers/']")
    name = seller.inner_text()
    seller.click()
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator("article.book h2", has_text=title).first).to_be_visible()
    look(page, "seller")
