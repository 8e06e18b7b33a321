"""Every page of the shop, whose it is, and what its owner sends there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.component.app.routes import Route, Sent, moderated, own, owned, public
from tests.component.app.scene import INVITED_EMAIL, NEW_EMAIL, Scene
from tests.component.app.shopper import ADDRESS, BOOK, purchase

NEW_PASSWORD = "another long password"
PAID = 'data-order-id="{paid}"'


def just(**typed: Any) -> Sent:
    return lambda _scene: dict(typed)


def with_password(name: str, password: str, **typed: str) -> Sent:
    return lambda scene: {**typed, name: scene.people["buyer"].password, **_filled(password)}


def _filled(password: str) -> dict[str, str]:
    return {"password": password} if password else {}


def choice(scene: Scene) -> dict[str, str]:
    return {"book_id": str(scene.ids["listed"]), "quantity": "1"}


def paying(**changes: str) -> Sent:
    """Send the checkout of the buyer's cart; it goes to an address of the buyer's unless told."""

    def sent(scene: Scene) -> dict[str, str]:
        written = {name: text for name, text in purchase().items() if name != "quantity"}
        return {**scene.form, **written, "address": str(scene.ids["home"]), **changes}

    return sent


def revision(scene: Scene) -> dict[str, str]:
    return {**BOOK, "title": "Revised", "quantity": "5", "stock_seen": "1000"}


def judged(action: str) -> Sent:
    return just(action=action, reason="Spam")


def failed_job(scene: Scene) -> dict[str, str]:
    return {"domain": "orders", "job_id": str(scene.ids["failed job"])}


def credentials(scene: Scene) -> dict[str, str]:
    buyer = scene.people["buyer"]
    return {"email": buyer.email, "password": buyer.password, "next": "/orders"}


def buyers_email(scene: Scene) -> dict[str, str]:
    return {"email": scene.people["buyer"].email}


NEWCOMER = just(email="new@example.com", name="Eva", password=NEW_PASSWORD, next="/sell")
DEAD = Route(by=(), others=400, strangers=400, ids={"token": "unknown"})
HOME = just(**ADDRESS, next="/checkout")

# Who is suspended, or sells nothing, has no page.
NO_SELLER = Route(by=(), others=404, strangers=404, ids={"seller_id": "suspended"})

PAGES: Mapping[str, Route | tuple[Route, ...]] = {
    "GET /": public(),
    "GET /healthz": public(),
    "GET /readyz": public(),
    "GET /static/<path:filename>": public(),
    "GET /covers/<name>": public(),
    "GET /robots.txt": public(),
    "GET /favicon.ico": public(),
    "GET /sitemap.xml": public(),
    "GET /sitemap-<int:part>.xml": public(),
    "GET /time-zone": public(),
    # Accounts.
    "GET /auth/login": public(),
    "POST /auth/login": public(sent=credentials),
    "POST /auth/logout": public(),
    "GET /auth/register": public(),
    "POST /auth/register": public(sent=NEWCOMER),
    # Who has registered nothing is led to the form.
    "GET /auth/register/sent": public(),
    "POST /auth/register/sent": public(),
    "GET /auth/confirm/<token>": (public(ids={"token": "registration"}), DEAD),
    "POST /auth/confirm/<token>": (
        Route(
            by=("visitor",),
            ids={"token": "registration"},
            sent=just(password=NEW_PASSWORD),
            moves=frozenset({"registrations"}),
        ),
        replace(DEAD, sent=just(password=NEW_PASSWORD)),
    ),
    "GET /auth/reset": public(),
    "POST /auth/reset": public(sent=buyers_email, to_login=True),
    # Who has the link from the mail is who reads it, logged in or not.
    "GET /auth/reset/<token>": (
        public(ids={"token": "reset"}),
        Route(by=(), others=400, strangers=400, ids={"token": "unknown"}),
    ),
    "POST /auth/reset/<token>": (
        Route(
            by=("visitor",),
            ids={"token": "reset"},
            sent=just(password=NEW_PASSWORD),
            to_login=True,
            moves=frozenset({"accounts"}),
        ),
        Route(
            by=(),
            others=400,
            strangers=400,
            ids={"token": "unknown"},
            sent=just(password=NEW_PASSWORD),
        ),
    ),
    "GET /account": own("buyer", shows="buyer Gómez"),
    "POST /account": own("buyer", sent=just(name="Renamed")),
    "GET /account/email": own("buyer", shows="buyer Gómez"),
    "POST /account/email": own("buyer", sent=with_password("password", "", email="b@example.com")),
    "GET /account/email/<token>": (
        Route(by=("buyer", "visitor"), others=403, ids={"token": "email"}, shows=NEW_EMAIL),
        Route(by=(), others=400, strangers=400, ids={"token": "unknown"}),
    ),
    "POST /account/email/<token>": (
        Route(by=("buyer",), others=403, ids={"token": "email"}),
        Route(by=(), others=400, strangers=400, ids={"token": "unknown"}),
    ),
    "GET /account/password": own("buyer"),
    "POST /account/password": own("buyer", sent=with_password("old_password", NEW_PASSWORD)),
    "POST /account/sessions/end": own("buyer", to_login=True),
    "GET /account/addresses": own("buyer", shows='data-address-id="{home}"'),
    "GET /account/addresses/new": own("buyer"),
    "POST /account/addresses/new": own("buyer", sent=HOME),
    "GET /account/addresses/<id:address_id>": owned("buyer"),
    "POST /account/addresses/<id:address_id>": owned("buyer", sent=HOME),
    "POST /account/addresses/<id:address_id>/default": owned("buyer", ids={"address_id": "work"}),
    "POST /account/addresses/<id:address_id>/delete": owned("buyer"),
    # Books.
    "GET /books/<id:book_id>": (
        public(),
        Route(by=("seller",), others=404, strangers=404, ids={"book_id": "withdrawn"}),
        Route(by=("seller",), others=404, strangers=404, ids={"book_id": "hidden"}),
    ),
    "GET /sellers/<id:seller_id>": (public(), NO_SELLER),
    "GET /books/<id:book_id>/edit": owned("seller"),
    "POST /books/<id:book_id>/edit": owned("seller", sent=revision),
    "POST /books/<id:book_id>/withdraw": owned("seller"),
    "POST /books/<id:book_id>/republish": owned("seller", ids={"book_id": "withdrawn"}),
    "GET /account/books": own("seller", shows="Withdrawn by the seller"),
    "GET /sell": own("seller"),
    "POST /sell": own("seller", sent=just(**BOOK)),
    # Orders.
    "GET /cart": (public(), Route(by=("buyer",), shows='data-book-id="{listed}"')),
    "POST /cart": public(sent=choice),
    # Whose cart it is not in, to them it is none, the seller of the book as well.
    "POST /cart/<id:book_id>": Route(
        by=("buyer",), others=404, strangers=404, sent=just(quantity="3")
    ),
    "POST /cart/<id:book_id>/remove": Route(by=("buyer",), others=404, strangers=404),
    "GET /checkout": (own("buyer", shows='data-book-id="{listed}"'), own("buyer", sent=choice)),
    "POST /checkout": (
        own("buyer", sent=paying(), others=422),
        own("buyer", sent=paying(address="new"), moves=frozenset({"books"})),
    ),
    "GET /purchases/<id:purchase_id>": (
        owned("buyer"),
        owned("buyer", ids={"purchase_id": "failed"}),
    ),
    "GET /orders": own("buyer", shows=PAID),
    "GET /sales": own("seller", shows=PAID),
    "GET /orders/<id:order_id>": owned("buyer", "seller"),
    "POST /orders/<id:order_id>/ship": owned("seller", sent=just(tracking="SV-0042")),
    "POST /orders/<id:order_id>/receive": owned("buyer", ids={"order_id": "shipped"}),
    "POST /orders/<id:order_id>/cancel": owned("buyer", "seller"),
    # Moderators. Who has the link of an invitation is who reads the mail at its address.
    "GET /auth/invitation/<token>": (
        Route(by=("visitor",), others=403, ids={"token": "invited"}, shows=INVITED_EMAIL),
        DEAD,
    ),
    "POST /auth/invitation/<token>": (
        Route(
            by=("visitor",),
            others=403,
            ids={"token": "invited"},
            sent=just(name="Eva", password=NEW_PASSWORD),
            moves=frozenset({"invitations"}),
        ),
        replace(DEAD, sent=just(name="Eva", password=NEW_PASSWORD)),
    ),
    "GET /admin": moderated(),
    "GET /admin/moderators": moderated(),
    "POST /admin/moderators": moderated(sent=just(email="e@example.com", reason="Helps")),
    "POST /admin/invitations/<id:invitation_id>/withdraw": moderated(),
    "GET /admin/audit": moderated(),
    "GET /admin/accounts/<id:account_id>": moderated(),
    "POST /admin/accounts/<id:account_id>": (
        moderated(sent=judged("suspend")),
        moderated(sent=judged("restore"), ids={"account_id": "suspended"}),
        moderated(sent=judged("demote"), ids={"account_id": "second"}),
    ),
    "GET /admin/jobs": moderated(),
    "POST /admin/jobs": moderated(sent=failed_job),
    "GET /admin/books/audit": moderated(),
    "GET /admin/books/<id:book_id>": (moderated(), moderated(ids={"book_id": "hidden"})),
    "POST /admin/books/<id:book_id>": (
        moderated(sent=judged("hide")),
        moderated(sent=judged("unhide"), ids={"book_id": "hidden"}),
    ),
}
