"""The API of orders: read what was bought and sold, and bring it to its end."""

from collections.abc import Callable, Sequence

from bookstore.core.api.models import LINK, Paging, Reply, next_address, page_reply
from bookstore.core.api.problems import Problem
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.paging import Page
from bookstore.core.services import service
from bookstore.orders.api_models import (
    CarrierList,
    CarrierView,
    OrderPage,
    OrderView,
    TotalView,
    summary_of,
    view_of,
)
from bookstore.orders.forms import Tracking
from bookstore.orders.fulfilment import NotNow
from bookstore.orders.labels import REFUSALS
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CARRIERS
from bookstore.orders.shown import OrderCard, Total

api = Api("orders")


@api.route("get", "/carriers")
def list_carriers() -> CarrierList:
    """List the carriers, with what they cost and how long they take."""
    return CarrierList(items=[CarrierView.model_validate(one) for one in CARRIERS.values()])


@api.route("get", "/orders", headers=LINK)
def list_orders(query: Paging, account: Account) -> Reply[OrderPage]:
    """List what the account bought, newest first, and what it paid in all."""
    history = service(LocalOrders).history
    return _page(history.orders(account.id, query.after), history.spent(account.id))


@api.route("get", "/sales", headers=LINK)
def list_sales(query: Paging, account: Account) -> Reply[OrderPage]:
    """List the orders of the account's books, and what they brought in without shipping."""
    history = service(LocalOrders).history
    return _page(history.sales(account.id, query.after), history.earned(account.id))


@api.route("get", "/orders/<int:order_id>")
def show_order(order_id: int, account: Account) -> OrderView:
    """Show an order to its buyer or its seller.

    :raise NotFound: when there is none or it is another's.
    """
    return view_of(service(LocalOrders).history.order(account.id, order_id))


@api.route("post", "/orders/<int:order_id>/ship", problems=(409,))
def ship_order(order_id: int, body: Tracking, account: Account) -> OrderView:
    """Mark an order as shipped, as its seller.

    :raise NotFound: when the account is not its seller.
    :raise Problem: 409 ``wrong-state`` when it was shipped or cancelled before.
    """
    fulfilment = service(LocalOrders).fulfilment
    return _moved(order_id, account, lambda: fulfilment.ship(account.id, order_id, body.tracking))


@api.route("post", "/orders/<int:order_id>/receive", problems=(409,))
def receive_order(order_id: int, account: Account) -> OrderView:
    """Mark an order as received, as its buyer.

    :raise NotFound: when the account is not its buyer.
    :raise Problem: 409 ``wrong-state`` when it is not on its way.
    """
    fulfilment = service(LocalOrders).fulfilment
    return _moved(order_id, account, lambda: fulfilment.receive(account.id, order_id))


@api.route("post", "/orders/<int:order_id>/cancel", problems=(409,))
def cancel_order(order_id: int, account: Account) -> OrderView:
    """Cancel an order that was not shipped; the copies go back on sale, the buyer is refunded.

    :raise NotFound: when the order is none of the account's.
    :raise Problem: 409 ``wrong-state`` when it was shipped or cancelled before.
    """
    fulfilment = service(LocalOrders).fulfilment
    return _moved(order_id, account, lambda: fulfilment.cancel(account.id, order_id))


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
