"""What the mails of purchases and orders are made of."""

from collections.abc import Sequence

from bookstore.core.interfaces.auth import Account
from bookstore.core.mail.mailer import link
from bookstore.core.mail.message import Button, Row
from bookstore.core.money import show_money
from bookstore.core.web.i18n import gettext, language
from bookstore.orders.shipping import CARRIERS, CarrierCode
from bookstore.orders.shown import Line, OrderDetail, PurchaseDetail, SentBy


def hello(account: Account) -> str:
    """Return the first line of a mail."""
    return gettext("Hello, %(name)s.", name=account.name)


def see_order(order: OrderDetail) -> Button:
    """Return the link to an order's page."""
    return Button(gettext("See the order"), link("orders.order", order_id=order.id))


def see_purchase(purchase: PurchaseDetail) -> Button:
    """Return the link to a purchase's page."""
    return Button(gettext("See the purchase"), link("checkout.purchase", purchase_id=purchase.id))


def amount(minor: int, currency: str) -> str:
    """Return an amount as it is read in the language of the mail."""
    return show_money(minor, currency, language())


def order_rows(order: OrderDetail) -> list[Row]:
    """Return all that an order comes to."""
    return [
        *line_rows(order.lines, order.currency),
        _shipping(order.shipment, order.seller_name, order.currency),
        _total(order.total_minor, order.currency),
    ]


def purchase_rows(purchase: PurchaseDetail) -> list[Row]:
    """Return all that a purchase comes to."""
    rows = []
    for part in purchase.parts:
        rows += line_rows(part.lines, purchase.currency)
        rows.append(_shipping(part.shipment, part.seller_name, purchase.currency))
    return [*rows, _total(purchase.total_minor, purchase.currency)]


def line_rows(lines: Sequence[Line], currency: str) -> list[Row]:
    """Return the books, their copies and prices."""
    return [
        Row(
            f"{line.quantity} \N{MULTIPLICATION SIGN} {line.title}, {line.author}",
            amount(line.total_minor, currency),
        )
        for line in lines
    ]


def _shipping(sent: SentBy, seller: str, currency: str) -> Row:
    carrier = CARRIERS[CarrierCode(sent.carrier)].name
    label = gettext("Shipping by %(seller)s, %(carrier)s", seller=seller, carrier=carrier)
    return Row(label, amount(sent.cost_minor, currency))


def _total(minor: int, currency: str) -> Row:
    return Row(gettext("Total"), amount(minor, currency), is_sum=True)
