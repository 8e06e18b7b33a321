"""Use the shop as a person with a browser does: pages, forms and cookies over HTTP."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

PASSWORD = "correct-horse-battery"
# A connection for each request: a kept one would bind the shopper to a single pod.
UNKEPT = httpx.Limits(max_keepalive_connections=0)


@dataclass
class Form:
    """A form of a page, with what a browser would send without a word from the person."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page's forms, and the attributes of all its elements."""

    def __init__(self, path: str, html: str) -> None:
        super().__init__()
        self._path = path
        self.forms: list[Form] = []
        self.elements: list[dict[str, str]] = []
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {name: value or "" for name, value in attrs}
        self.elements.append(element)
        if tag == "form":
            action = urljoin(self._path, element.get("action", ""))
            self.forms.append(Form(urlsplit(action).path))
        elif not self.forms:
            return
        elif tag == "select":
            self._select = element.get("name", "")
        elif tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in element or self._select not in fields:
                fields[self._select] = element.get("value", "")
        elif tag == "input" and (element.get("type") != "radio" or "checked" in element):
            self.forms[-1].fields[element.get("name", "")] = element.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""

    def values(self, attribute: str) -> list[str]:
        """Return the attribute of every element that has it, in the page's order."""
        return [element[attribute] for element in self.elements if attribute in element]


class Shopper:
    """One person with cookies of their own, who goes by a transport where one is given.

    Attributes:
        email: The address of their account, once they have one.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.email = ""
        self.http = httpx.Client(
            base_url=url,
            follow_redirects=True,
            timeout=10,
            trust_env=False,
            limits=UNKEPT,
            transport=transport,
        )

    def page(self, path: str) -> Page:
        """Open a page; raises httpx.HTTPStatusError where it is not answered by 200."""
        response = self.http.get(path)
        response.raise_for_status()
        return Page(response.url.path, response.text)

    def submit(self, path: str, action: str = "", **answers: str) -> httpx.Response:
        """Fill in the form of the page at ``path`` that posts to ``action``, and send it.

        ``action`` is the page itself where it is not given. Raises an AssertionError where the page
        has no such form, and httpx.HTTPStatusError where the shop refuses it.
        """
        target = action or path
        forms = [form for form in self.page(path).forms if form.action == target]
        assert forms, f"{path} has no form that posts to {target}"
        # As browsers do: by https the shop takes a form from its own pages alone.
        came_from = {"Referer": str(self.http.base_url.join(path))}
        response = self.http.post(target, data=forms[-1].fields | answers, headers=came_from)
        response.raise_for_status()
        return response

    def register(self) -> str:
        """Open an account under a new address, which logs in, and return the address."""
        self.email = f"{uuid.uuid4().hex[:12]}@example.org"
        self.submit("/auth/register", email=self.email, name="Ana Restrepo", password=PASSWORD)
        return self.email

    def log_in(self, email: str) -> None:
        self.submit("/auth/login", email=email, password=PASSWORD)

    def is_logged_out(self) -> bool:
        """Return whether the shop does not know them any more, and sends them to log in."""
        return self.http.get("/orders").url.path != "/orders"

    def log_out(self) -> None:
        self.submit("/", "/auth/logout")

    def publish(self, title: str, quantity: int) -> str:
        """Offer a book, and return its number."""
        published = self.submit(
            "/sell",
            title=title,
            author="Juan Rulfo",
            description="Second-hand, read twice.",
            condition="good",
            language="es",
            price="25000",
            quantity=str(quantity),
        )
        return published.url.path.rpartition("/")[2]

    def stock(self, book: str) -> int:
        """Return how many copies the book's page says there are."""
        return int(self.page(f"/books/{book}").values("data-stock")[0])

    def buy(self, book: str, quantity: int = 1) -> str:
        """Buy by the checkout's form, and return the path of the page that confirms it.

        Raises httpx.HTTPStatusError where the shop refuses.
        """
        bought = self.submit(
            f"/checkout?book_id={book}&quantity={quantity}",
            "/checkout",
            line1="Calle 10 # 4-20",
            city="Medellín",
            card_number="4242 4242 4242 4242",
        )
        return bought.url.path

    def orders(self) -> list[str]:
        """Return the numbers of the shopper's own orders, of all pages of them."""
        found, path = list[str](), "/orders"
        while path:
            page = self.page(path)
            found += page.values("data-order-id")
            path = next((one["href"] for one in page.elements if one.get("rel") == "next"), "")
        return found
