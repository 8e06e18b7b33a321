"""The API of orders: buy, sell, and bring an order to its end."""

from collections.abc import Callable, Sequence

from flask import url_for

from bookstore.core.api.models import Paging, Reply, next_address, page_reply
from bookstore.core.api.problems import FieldProblem, Problem
from bookstore.core.api.routes import Api
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.paging import Page
from bookstore.orders.api_models import (
    CarrierList,
    CarrierView,
    OrderHeaders,
    OrderInput,
    OrderPage,
    OrderView,
    TotalView,
    summary_of,
    view_of,
)
from bookstore.orders.basket import Basket, KeyReused, NotForSale, OwnBook, PriceChanged
from bookstore.orders.forms import Destination, Parcel, Wanted
from bookstore.orders.fulfilment import NotNow
from bookstore.orders.history import NotFound, OrderCard, OrderDetail, Total
from bookstore.orders.labels import FAILURES, REFUSALS, copies_left
from bookstore.orders.models import OrderState, PaymentFailure
from bookstore.orders.service import local_orders
from bookstore.orders.shipping import CARRIERS

api = Api("orders")
api.blueprint.register_error_handler(NotFound, show_not_found)

LINK = {"Link": "The next page, as `rel=next`."}


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
    basket = Basket(
        key=headers.idempotency_key,
        lines=[Wanted(body.book_id, body.quantity, body.price_seen)],
        destination=Destination(**body.model_dump(include=set(Destination.model_fields))),
        card_number=body.card_number,
        carrier=body.carrier,
    )
    order = _placed(account.id, basket)
    if order.state == OrderState.PAYMENT_FAILED:
        failure = PaymentFailure(str(order.order.payment_failure))
        raise Problem(402, str(FAILURES[failure]), f"payment-{failure}", order_id=order.id)
    location = url_for("orders_api.show_order", order_id=order.id)
    return Reply(view_of(order), {"Location": location})


@api.route("get", "/orders", headers=LINK)
def list_orders(query: Paging, account: Account) -> Reply[OrderPage]:
    """List what the account bought, newest first, and what it paid in all."""
    history = local_orders().history
    return _page(history.orders(account.id, query.after), history.spent(account.id))


@api.route("get", "/sales", headers=LINK)
def list_sales(query: Paging, account: Account) -> Reply[OrderPage]:
    """List the paid orders of the account's books, and what they brought in without shipping."""
    history = local_orders().history
    return _page(history.sales(account.id, query.after), history.earned(account.id))


@api.route("get", "/orders/<int:order_id>")
def show_order(order_id: int, account: Account) -> OrderView:
    """Show an order to its buyer, or to its seller once it is paid.

    :raise NotFound: when there is none or it is another's.
    """
    return view_of(local_orders().history.order(account.id, order_id))


@api.route("post", "/orders/<int:order_id>/ship", problems=(409,))
def ship_order(order_id: int, body: Parcel, account: Account) -> OrderView:
    """Tell, as the seller, that the books are on their way.

    :raise NotFound: when the account is not its seller.
    :raise Problem: 409 ``wrong-state`` when it is not paid, or was shipped or cancelled before.
    """
    fulfilment = local_orders().fulfilment
    return _moved(order_id, account, lambda: fulfilment.ship(account.id, order_id, body.tracking))


@api.route("post", "/orders/<int:order_id>/receive", problems=(409,))
def receive_order(order_id: int, account: Account) -> OrderView:
    """Tell, as the buyer, that the books have arrived.

    :raise NotFound: when the account is not its buyer.
    :raise Problem: 409 ``wrong-state`` when it is not on its way.
    """
    fulfilment = local_orders().fulfilment
    return _moved(order_id, account, lambda: fulfilment.receive(account.id, order_id))


@api.route("post", "/orders/<int:order_id>/cancel", problems=(409,))
def cancel_order(order_id: int, account: Account) -> OrderView:
    """Cancel an order that was not shipped; the copies are on sale again, the buyer is refunded.

    :raise NotFound: when the order is none of the account's.
    :raise Problem: 409 ``wrong-state`` when it was shipped or cancelled before.
    """
    fulfilment = local_orders().fulfilment
    return _moved(order_id, account, lambda: fulfilment.cancel(account.id, order_id))


def _placed(buyer_id: int, basket: Basket) -> OrderDetail:
    try:
        purchase = local_orders().buy(buyer_id, basket)
        return local_orders().history.order(buyer_id, purchase.orders[0].id)
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


def _moved(order_id: int, account: Account, verb: Callable[[], None]) -> OrderView:
    try:
        verb()
    except NotNow as refusal:
        raise Problem(409, str(REFUSALS[refusal.state]), "wrong-state") from None
    return show_order(order_id, account)


def _page(page: Page[OrderCard], totals: Sequence[Total]) -> Reply[OrderPage]:
    shown = OrderPage(
        items=[summary_of(card) for card in page.items],
        next=next_address(page),
        totals=[TotalView.model_validate(total) for total in totals],
    )
    return page_reply(shown)
