"""Every operation of the API, whose it is, and what its owner sends there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.component.app.client import NEW_BOOK
from tests.component.app.routes import LOGIN, Route, Sent, moderated, own, owned, public
from tests.component.app.routes_pages import (
    NEW_PASSWORD,
    NO_SELLER,
    buyers_email,
    just,
    with_password,
)
from tests.component.app.scene import Scene, picture
from tests.component.app.shopper import ADDRESS, APPROVED

WHY = just(reason="Spam")
JPEG = {"Content-Type": "image/jpeg"}


def failed_job(scene: Scene) -> dict[str, Any]:
    return {"domain": "orders", "job_id": scene.ids["failed job"]}


def credentials(scene: Scene) -> dict[str, str]:
    buyer = scene.people["buyer"]
    return {"email": buyer.email, "password": buyer.password}


def choice(scene: Scene) -> dict[str, Any]:
    return {"book_id": scene.ids["listed"], "quantity": 1}


def by_link(name: str, **typed: str) -> Sent:
    return lambda scene: {"token": scene.ids[name], **typed}


def purchase(scene: Scene) -> dict[str, Any]:
    return {
        "lines": [{"book_id": scene.ids["listed"], "quantity": 1}],
        "name": "Ana Gómez",
        "line1": "Carrera 7 # 12-34",
        "city": "Bogotá",
        "country": "Colombia",
        "carrier": "standard",
        "card_number": APPROVED,
    }


KEY = {"Idempotency-Key": "a-key-of-ones-own"}
V1 = "/api/v1"
ADDRESSES, OWN_BOOKS, ORDERS = f"{V1}/account/addresses", f"{V1}/account/books", f"{V1}/orders"
BOOK_ID, ORDER_ID, ADDRESS_ID = "<int:book_id>", "<int:order_id>", "<int:address_id>"
ADMIN_BOOK, ADMIN_ACCOUNT = f"{V1}/admin/books/{BOOK_ID}", f"{V1}/admin/accounts/<int:account_id>"

API: Mapping[str, Route | tuple[Route, ...]] = {
    f"GET {V1}/openapi.json": public(),
    # Accounts.
    f"POST {V1}/registrations": public(
        sent=just(email="new@example.com", name="Eva", password=NEW_PASSWORD)
    ),
    f"PUT {V1}/registrations": (
        Route(
            by=("visitor",),
            sent=by_link("registration", password=NEW_PASSWORD),
            moves=frozenset({"registrations"}),
        ),
        Route(by=(), others=422, strangers=422, sent=by_link("unknown", password=NEW_PASSWORD)),
    ),
    f"POST {V1}/tokens": public(sent=credentials),
    f"DELETE {V1}/tokens": own("buyer"),
    f"POST {V1}/password-resets": public(sent=buyers_email),
    # Who has the link from the mail is who reads it, logged in or not.
    f"PUT {V1}/password-resets": (
        Route(
            by=("visitor",),
            sent=by_link("reset", password=NEW_PASSWORD),
            moves=frozenset({"accounts"}),
        ),
        Route(by=(), others=422, strangers=422, sent=by_link("unknown", password=NEW_PASSWORD)),
    ),
    f"GET {V1}/account": own("buyer", shows="buyer@example.com"),
    f"PUT {V1}/account": own("buyer", sent=just(name="Renamed")),
    f"PUT {V1}/account/password": own("buyer", sent=with_password("old_password", NEW_PASSWORD)),
    f"POST {V1}/account/email-changes": own(
        "buyer", sent=with_password("password", "", email="b@example.com")
    ),
    f"PUT {V1}/account/email-changes": own("buyer", others=422, sent=by_link("email")),
    f"GET {ADDRESSES}": own("buyer", shows='"id":{home},'),
    f"POST {ADDRESSES}": own("buyer", sent=just(**ADDRESS)),
    f"GET {ADDRESSES}/{ADDRESS_ID}": owned("buyer"),
    f"PUT {ADDRESSES}/{ADDRESS_ID}": owned("buyer", sent=just(**{**ADDRESS, "city": "Pasto"})),
    f"DELETE {ADDRESSES}/{ADDRESS_ID}": owned("buyer"),
    f"POST {ADDRESSES}/{ADDRESS_ID}/default": owned("buyer", ids={"address_id": "work"}),
    # Books.
    f"GET {V1}/books": public(),
    f"GET {V1}/books/{BOOK_ID}": (
        public(),
        Route(by=("seller",), others=404, strangers=404, ids={"book_id": "withdrawn"}),
        Route(by=("seller",), others=404, strangers=404, ids={"book_id": "hidden"}),
    ),
    f"GET {V1}/sellers/<int:seller_id>": (public(), NO_SELLER),
    f"GET {V1}/sellers/<int:seller_id>/books": (public(), NO_SELLER),
    f"GET {OWN_BOOKS}": own("seller", shows="Withdrawn by the seller"),
    f"POST {OWN_BOOKS}": own("seller", sent=just(**NEW_BOOK)),
    f"GET {OWN_BOOKS}/{BOOK_ID}": owned("seller"),
    f"PUT {OWN_BOOKS}/{BOOK_ID}": owned("seller", sent=just(**{**NEW_BOOK, "title": "Revised"})),
    f"PUT {OWN_BOOKS}/{BOOK_ID}/cover": owned(
        "seller", sent=lambda _scene: picture("JPEG"), headers=JPEG
    ),
    f"DELETE {OWN_BOOKS}/{BOOK_ID}/cover": owned("seller"),
    f"POST {OWN_BOOKS}/{BOOK_ID}/withdraw": owned("seller"),
    f"POST {OWN_BOOKS}/{BOOK_ID}/republish": owned("seller", ids={"book_id": "withdrawn"}),
    # Orders.
    f"GET {V1}/carriers": public(),
    f"GET {V1}/cart": own("buyer", shows='"book_id":{listed},'),
    f"POST {V1}/cart/items": own("buyer", sent=choice),
    # Whose cart it is not in, to them it is none, the seller of the book as well.
    f"PUT {V1}/cart/items/{BOOK_ID}": owned("buyer", sent=just(quantity=3)),
    f"DELETE {V1}/cart/items/{BOOK_ID}": owned("buyer"),
    f"POST {V1}/purchases": own("buyer", sent=purchase, headers=KEY, moves=frozenset({"books"})),
    f"GET {V1}/purchases/<int:purchase_id>": (
        owned("buyer"),
        owned("buyer", ids={"purchase_id": "failed"}),
    ),
    f"GET {ORDERS}": own("buyer", shows='"id":{paid},'),
    f"GET {V1}/sales": own("seller", shows='"id":{paid},'),
    f"GET {ORDERS}/{ORDER_ID}": owned("buyer", "seller"),
    f"POST {ORDERS}/{ORDER_ID}/ship": owned("seller", sent=just(tracking="SV-0042")),
    f"POST {ORDERS}/{ORDER_ID}/receive": owned("buyer", ids={"order_id": "shipped"}),
    f"POST {ORDERS}/{ORDER_ID}/cancel": owned("buyer", "seller"),
    # Moderators.
    f"GET {V1}/admin/accounts": moderated(strangers=LOGIN),
    f"GET {V1}/admin/moderators": moderated(strangers=LOGIN),
    f"GET {V1}/admin/invitations": moderated(strangers=LOGIN),
    f"POST {V1}/admin/invitations": moderated(
        strangers=LOGIN, sent=just(email="e@example.com", reason="Helps")
    ),
    f"DELETE {V1}/admin/invitations/<int:invitation_id>": moderated(strangers=LOGIN),
    f"POST {ADMIN_ACCOUNT}/demote": moderated(
        strangers=LOGIN, sent=WHY, ids={"account_id": "second"}
    ),
    f"GET {V1}/admin/audit": moderated(strangers=LOGIN),
    f"GET {ADMIN_ACCOUNT}": moderated(strangers=LOGIN),
    f"POST {ADMIN_ACCOUNT}/suspend": moderated(strangers=LOGIN, sent=WHY),
    f"POST {ADMIN_ACCOUNT}/restore": moderated(
        strangers=LOGIN, sent=WHY, ids={"account_id": "suspended"}
    ),
    f"GET {V1}/admin/jobs": moderated(strangers=LOGIN),
    f"POST {V1}/admin/jobs/retry": moderated(strangers=LOGIN, sent=failed_job),
    f"POST {V1}/admin/jobs/dismiss": moderated(strangers=LOGIN, sent=failed_job),
    f"GET {V1}/admin/books/audit": moderated(strangers=LOGIN),
    f"GET {ADMIN_BOOK}": moderated(strangers=LOGIN, ids={"book_id": "hidden"}),
    f"POST {ADMIN_BOOK}/hide": moderated(strangers=LOGIN, sent=WHY),
    f"POST {ADMIN_BOOK}/unhide": moderated(strangers=LOGIN, sent=WHY, ids={"book_id": "hidden"}),
}
