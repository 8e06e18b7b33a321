"""The API of orders: buy, and read what was bought."""

from datetime import datetime
from typing import Annotated

from flask import url_for
from pydantic import BeforeValidator, Field

from bookstore.core.api.models import PageOf, Paging, Reply, View, next_address, page_reply
from bookstore.core.api.problems import FieldProblem, Problem
from bookstore.core.api.routes import Api
from bookstore.core.forms import Input
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.money import CURRENCY
from bookstore.core.paging import LARGEST_ID
from bookstore.orders.forms import IdempotencyKey, Purchase, Wish
from bookstore.orders.history import NotFound, OrderCard, OrderDetail
from bookstore.orders.labels import FAILURES, copies_left
from bookstore.orders.models import OrderState, PaymentFailure
from bookstore.orders.service import KeyReused, NotForSale, OwnBook, PriceChanged, local_orders
from bookstore.orders.shipping import CARRIERS, CarrierCode

api = Api("orders")
api.blueprint.register_error_handler(NotFound, show_not_found)


class OrderInput(Wish):
    """Buy copies of a book; payment is simulated, so the cards are test cards."""

    book_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    price_seen: int | None = Field(
        None,
        alias="price_minor_seen",
        description="The price that the buyer agreed to; 409 `price-changed` if it is another.",
    )


def _unquoted(value: object) -> object:
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


class OrderHeaders(Input):
    """Name the purchase."""

    idempotency_key: Annotated[IdempotencyKey, BeforeValidator(_unquoted)] = Field(
        alias="Idempotency-Key",
        description="A text of the client's own, such as a UUID: sent again, it is the same order.",
    )


class CarrierView(View):
    """Show a carrier; a parcel's first copy costs more than each further one."""

    code: CarrierCode
    name: str
    currency: str = CURRENCY
    first_copy_minor: int
    other_copy_minor: int
    days_least: int = Field(description="Working days.")
    days_most: int = Field(description="Working days.")


class CarrierList(View):
    """Show the carriers to choose from."""

    items: list[CarrierView]


class LineView(View):
    """Show copies of a book as they were ordered."""

    book_id: int
    seller_id: int
    title: str
    author: str
    unit_minor: int
    quantity: int


class ShipmentView(View):
    """Show what one seller sends."""

    carrier: CarrierCode
    cost_minor: int
    days_least: int
    days_most: int
    tracking: str | None


class DestinationView(View):
    """Show where an order goes."""

    name: str
    line1: str
    city: str
    country: str


class OrderSummary(View):
    """Show an order among many."""

    id: int
    state: OrderState
    placed_at: datetime
    currency: str
    total_minor: int = Field(description="Goods and shipping.")
    lines: list[LineView]


class OrderView(OrderSummary):
    """Show an order."""

    payment_failure: PaymentFailure | None
    goods_minor: int
    shipping_minor: int
    destination: DestinationView
    shipments: list[ShipmentView]


class OrderPage(PageOf[OrderSummary]):
    """Show a page of orders."""


@api.route("get", "/carriers")
def list_carriers() -> CarrierList:
    """List the carriers, with what they cost and how long they take."""
    return CarrierList(items=[CarrierView.model_validate(one) for one in CARRIERS.values()])


@api.route("post", "/orders", status=201, problems=(402, 409), headers={"Location": "The order."})
def place_order(headers: OrderHeaders, body: OrderInput, account: Account) -> Reply[OrderView]:
    """Buy copies of a book.

    :raise Problem: 402 when the payment failed, 409 when stock, price or seller are against it,
        422 when the key came with another order before.
    """
    wish = body.model_dump(exclude={"book_id"})
    purchase = Purchase(**wish, idempotency_key=headers.idempotency_key)
    order = _placed(account.id, body.book_id, purchase)
    if order.state == OrderState.PAYMENT_FAILED:
        failure = PaymentFailure(str(order.order.payment_failure))
        raise Problem(402, str(FAILURES[failure]), f"payment-{failure}", order_id=order.id)
    location = url_for("orders_api.show_order", order_id=order.id)
    return Reply(_shown(order), {"Location": location})


@api.route("get", "/orders", headers={"Link": "The next page, as `rel=next`."})
def list_orders(query: Paging, account: Account) -> Reply[OrderPage]:
    """List what the account bought, newest first."""
    page = local_orders().history.orders(account.id, query.after)
    items = [
        OrderSummary.model_validate({**_facts(card), "lines": list(card.lines)})
        for card in page.items
    ]
    return page_reply(OrderPage(items=items, next=next_address(page)))


@api.route("get", "/orders/<int:order_id>")
def show_order(order_id: int, account: Account) -> OrderView:
    """Show one of the account's orders.

    :raise NotFound: when there is none or it is another's.
    """
    return _shown(local_orders().history.order(account.id, order_id))


def _placed(buyer_id: int, book_id: int, purchase: Purchase) -> OrderDetail:
    try:
        return local_orders().place(buyer_id, book_id, purchase)
    except NotForSale:
        told = gettext("This book is not on sale.")
        raise _conflict("not-for-sale", "book_id", told) from None
    except OwnBook:
        raise _conflict("own-book", "book_id", gettext("This book is your own.")) from None
    except OutOfStock as short:
        raise _conflict("out-of-stock", "quantity", copies_left(short.left)) from None
    except PriceChanged:
        told = gettext("The price has changed since you opened this page; please look again.")
        raise _conflict("price-changed", "price_minor_seen", told) from None
    except KeyReused:
        told = gettext("Another order was sent under this key before.")
        errors = [FieldProblem(field="Idempotency-Key", message=told)]
        raise Problem(422, told, "key-reused", errors=errors) from None


def _conflict(code: str, field: str, told: str) -> Problem:
    return Problem(409, told, code, errors=[FieldProblem(field=field, message=told)])


def _shown(order: OrderDetail) -> OrderView:
    return OrderView.model_validate(
        {
            **_facts(order),
            "lines": list(order.lines),
            "shipments": list(order.shipments),
            "destination": order.order,
            "payment_failure": order.order.payment_failure,
            "goods_minor": order.order.goods_minor,
            "shipping_minor": order.order.shipping_minor,
        }
    )


def _facts(card: OrderCard) -> dict[str, object]:
    return {
        "id": card.id,
        "state": card.state,
        "placed_at": card.placed_at,
        "currency": card.order.currency,
        "total_minor": card.total_minor,
    }
