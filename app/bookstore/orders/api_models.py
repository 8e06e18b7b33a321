"""What the API shows of carts, purchases and orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from bookstore.core.api.models import PageOf, View
from bookstore.core.money import CURRENCY
from bookstore.orders.cart import CartItem
from bookstore.orders.history import OrderCard, OrderDetail, PurchaseDetail
from bookstore.orders.models import OrderState, PaymentFailure
from bookstore.orders.shipping import CarrierCode
from bookstore.orders.transitions import Role, Verb

SellerName = Annotated[str | None, Field(description="As it is now; null of an unknown account.")]


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


class CartLineView(View):
    """Show a book in the cart, with what is offered now."""

    book_id: int
    seller_id: int
    seller_name: SellerName
    title: str
    author: str
    quantity: int
    price_minor: int
    currency: str
    total_minor: int
    left: int = Field(description="The copies that can be had; none of a book that is gone.")
    ready: bool = Field(description="Whether the line can be bought as it is.")


class CartView(View):
    """Show the cart, in the order in which it was filled."""

    items: list[CartLineView]


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
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str
    phone: str | None


class OrderSummary(View):
    """Show an order among many."""

    id: int
    state: OrderState
    placed_at: datetime
    currency: str
    goods_minor: int
    shipping_minor: int
    total_minor: int = Field(description="Goods and shipping.")
    lines: list[LineView]


class PurchasedOrder(OrderSummary):
    """Show an order as a part of its purchase, to its buyer."""

    seller_id: int
    seller_name: SellerName


class PurchaseView(View):
    """Show a purchase: what is paid at once, and the orders that it made, one for each seller."""

    id: int
    state: OrderState = Field(description="How far the first of its orders has come.")
    placed_at: datetime
    currency: str
    total_minor: int
    payment_failure: PaymentFailure | None
    orders: list[PurchasedOrder]


class OrderView(OrderSummary):
    """Show an order to its buyer, or to its seller once it is paid."""

    role: Role = Field(description="Who the account is to the order.")
    verbs: list[Verb] = Field(description="What the account may do to it now.")
    purchase_id: int | None = Field(
        description="The buyer's purchase that it is a part of; null to its seller."
    )
    payment_reference: str | None = Field(
        description="The buyer's payment, once there is one; null to its seller."
    )
    payment_failure: PaymentFailure | None
    destination: DestinationView
    shipments: list[ShipmentView]
    paid_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: Role | None
    refunded_at: datetime | None


class TotalView(View):
    """Sum up the paid orders in one currency."""

    currency: str
    orders: int
    amount_minor: int


class OrderPage(PageOf[OrderSummary]):
    """Show a page of orders, and what all of them come to."""

    totals: list[TotalView]


def cart_of(lines: Sequence[CartItem], names: Mapping[int, str]) -> CartView:
    """Return what is shown of a cart.

    :param names: the sellers' shown names by their ids.
    """
    return CartView(
        items=[
            CartLineView(
                book_id=line.book_id,
                seller_id=line.seller_id,
                seller_name=names.get(line.seller_id),
                title=line.title,
                author=line.author,
                quantity=line.quantity,
                price_minor=line.price_minor,
                currency=line.currency,
                total_minor=line.total_minor,
                left=line.left,
                ready=line.ready,
            )
            for line in lines
        ]
    )


def purchase_of(purchase: PurchaseDetail, names: Mapping[int, str]) -> PurchaseView:
    """Return what is shown of a purchase.

    :param names: the sellers' shown names by their ids.
    """
    failure = purchase.payment_failure
    return PurchaseView(
        id=purchase.id,
        state=OrderState(purchase.state),
        placed_at=purchase.placed_at,
        currency=purchase.currency,
        total_minor=purchase.total_minor,
        payment_failure=PaymentFailure(failure) if failure else None,
        orders=[
            PurchasedOrder.model_validate(
                {
                    **_facts(order),
                    "seller_id": order.seller_id,
                    "seller_name": names.get(order.seller_id),
                }
            )
            for order in purchase.orders
        ],
    )


def summary_of(card: OrderCard) -> OrderSummary:
    """Return what a list shows of an order."""
    return OrderSummary.model_validate(_facts(card))


def view_of(order: OrderDetail) -> OrderView:
    """Return what is shown of an order alone."""
    facts = vars(order.order)
    if order.role != Role.BUYER:
        facts = {**facts, "purchase_id": None, "payment_reference": None}
    return OrderView.model_validate(
        {
            **facts,
            **_facts(order),
            "role": order.role,
            "verbs": list(order.verbs),
            "shipments": list(order.shipments),
            "destination": order.order,
        }
    )


def _facts(card: OrderCard) -> dict[str, object]:
    return {
        "id": card.id,
        "state": card.state,
        "placed_at": card.placed_at,
        "currency": card.order.currency,
        "goods_minor": card.goods_minor,
        "shipping_minor": card.order.shipping_minor,
        "total_minor": card.total_minor,
        "lines": list(card.lines),
    }
