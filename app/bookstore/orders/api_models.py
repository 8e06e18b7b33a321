"""What the API shows of carts, purchases and orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from bookstore.core.api.models import PageOf, View
from bookstore.core.money import CURRENCY
from bookstore.orders.cart import CartItem
from bookstore.orders.models import OrderState, PurchaseState
from bookstore.orders.shipping import CarrierCode
from bookstore.orders.shown import OrderCard, OrderDetail, PurchaseDetail
from bookstore.orders.transitions import Role, Verb

SellerName = Annotated[str, Field(description="As it was at the moment of the purchase.")]


class CarrierView(View):
    """A carrier; a shipment's first copy costs more than each further one."""

    code: CarrierCode
    name: str
    currency: str = CURRENCY
    first_copy_minor: int
    other_copy_minor: int
    days_least: int = Field(description="Working days.")
    days_most: int = Field(description="Working days.")


class CarrierList(View):
    """The carriers to choose from."""

    items: list[CarrierView]


class CartLineView(View):
    """A book in the cart, with what can be had of it now."""

    book_id: int
    seller_id: int
    seller_name: str
    title: str
    author: str
    quantity: int
    price_minor: int
    currency: str
    total_minor: int
    left: int = Field(description="The copies that can be had; none of a book that is gone.")
    ready: bool = Field(description="Whether the line can be bought as it is.")


class CartView(View):
    """The cart, in the order in which it was filled."""

    items: list[CartLineView]


class LineView(View):
    """Copies of a book as they were bought."""

    book_id: int
    title: str
    author: str
    unit_minor: int
    quantity: int


class ShipmentView(View):
    """How an order is sent."""

    carrier: CarrierCode
    cost_minor: int
    days_least: int
    days_most: int
    tracking: str | None


class DestinationView(View):
    """Where an order goes."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str
    phone: str | None


class OrderSummary(View):
    """An order among many."""

    id: int
    state: OrderState
    placed_at: datetime
    seller_id: int
    seller_name: SellerName
    currency: str
    goods_minor: int
    shipping_minor: int
    total_minor: int = Field(description="Goods and shipping.")
    lines: list[LineView]


class PurchaseView(View):
    """A purchase: what was to be paid at once, and the orders that it made, one for each seller."""

    id: int
    state: PurchaseState = Field(description="What became of its payment.")
    placed_at: datetime
    currency: str
    total_minor: int
    refunded_at: datetime | None = Field(
        description="When the payment of an `expired` purchase was given back."
    )
    orders: list[OrderSummary] = Field(description="None unless it is paid.")


class OrderView(OrderSummary):
    """An order alone, as its buyer or its seller sees it."""

    role: Role = Field(description="Who the account is to the order.")
    verbs: list[Verb] = Field(description="What the account may do to it now.")
    buyer_name: str = Field(description="As it was at the moment of the purchase.")
    purchase_id: int | None = Field(
        description="The buyer's purchase that it is a part of; null to its seller."
    )
    payment_reference: str | None = Field(description="The buyer's payment; null to its seller.")
    destination: DestinationView | None = Field(
        description="Null to the seller of a cancelled order."
    )
    shipment: ShipmentView
    paid_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: Role | None
    refunded_at: datetime | None


class TotalView(View):
    """The orders in one currency, summed up."""

    currency: str
    orders: int
    amount_minor: int


class OrderPage(PageOf[OrderSummary]):
    """A page of orders, and what all of them come to."""

    totals: list[TotalView]


def cart_of(items: Sequence[CartItem]) -> CartView:
    """Return what is shown of a cart."""
    return CartView(items=[CartLineView.model_validate(item) for item in items])


def purchase_of(purchase: PurchaseDetail) -> PurchaseView:
    """Return what is shown of a purchase."""
    orders = [
        OrderSummary.model_validate(
            {
                **vars(part.order),
                "total_minor": part.order.total_minor,
                "placed_at": part.order.paid_at,
                "lines": part.lines,
            }
        )
        for part in purchase.parts
        if part.order is not None
    ]
    return PurchaseView.model_validate(
        {**vars(purchase), "placed_at": purchase.created_at, "orders": orders}
    )


def summary_of(order: OrderCard) -> OrderSummary:
    """Return what a list shows of an order."""
    return OrderSummary.model_validate(_values(order))


def view_of(order: OrderDetail) -> OrderView:
    """Return what is shown of an order alone."""
    values = {**_values(order), "verbs": order.verbs, "destination": order.address}
    if order.role != Role.BUYER:
        values["purchase_id"] = None
    return OrderView.model_validate(values)


def _values(order: OrderCard) -> dict[str, object]:
    return {**vars(order), "total_minor": order.total_minor, "placed_at": order.paid_at}
