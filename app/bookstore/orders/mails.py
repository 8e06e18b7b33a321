"""The mails of purchases and orders, to who has to know of what another has done.

Their jobs name the purchase or the order. What a mail says is read when it is sent: the order as
it is by then, and of its account the address and the language.
"""

from collections.abc import Callable, Sequence

from bookstore.core.interfaces.auth import Account, AuthService
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail.mailer import Mailer, handle_mail, link
from bookstore.core.mail.message import Button, Mail, Row
from bookstore.core.money import show_money
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext, in_language, language
from bookstore.orders.history import History
from bookstore.orders.outbox import PURCHASE_MAIL
from bookstore.orders.shipping import CARRIERS, CarrierCode
from bookstore.orders.shown import Line, OrderDetail, PurchaseDetail, SentBy
from bookstore.orders.transitions import Role

Text = Callable[[Account, OrderDetail], Mail]


class OrderMails:
    """Sends the mails of purchases and orders."""

    def __init__(self, history: History) -> None:
        self._history = history

    def handle(self, queue: Queue) -> None:
        """Register the mails, and after which events they are sent."""
        handle_mail(queue, PURCHASE_MAIL, self._send_purchase)
        for event, kind, role, text in (
            ("order.paid", "mail.sale", Role.SELLER, _sale),
            ("order.shipped", "mail.shipped", Role.BUYER, _shipped),
            ("order.received", "mail.received", Role.SELLER, _received),
            ("order.cancelled", "mail.cancelled", Role.BUYER, _cancelled),
            ("order.cancelled", "mail.sale_cancelled", Role.SELLER, _sale_cancelled),
            ("order.refunded", "mail.refunded", Role.BUYER, _refunded),
        ):
            handle_mail(queue, kind, self._sender(role, text))
            queue.follow(event, kind)

    def _sender(self, role: Role, text: Text) -> Callable[[Job], None]:
        def send(job: Job) -> None:
            account = service(AuthService).account(int(job.payload[f"{role}_id"]))
            if account is not None:
                order = self._history.order(account.id, int(job.payload["order_id"]))
                with in_language(account.language):
                    service(Mailer).send(text(account, order), job)

        return send

    def _send_purchase(self, job: Job) -> None:
        account = service(AuthService).account(int(job.payload["buyer_id"]))
        if account is not None:
            found = self._history.purchase(account.id, int(job.payload["purchase_id"]))
            with in_language(account.language):
                service(Mailer).send(_purchase(account, found), job)


def _purchase(account: Account, purchase: PurchaseDetail) -> Mail:
    rows = []
    for part in purchase.parts:
        rows += _rows(part.lines, purchase.currency)
        rows.append(_shipping(part.shipment, part.seller_name, purchase.currency))
    return Mail(
        account.email,
        gettext("Your purchase at BookStore"),
        [
            _hello(account),
            gettext("Thank you. Your purchase is paid; each seller sends what is bought of them."),
        ],
        rows=[*rows, _total(purchase.total_minor, purchase.currency)],
        buttons=[
            Button(gettext("See the purchase"), link("checkout.purchase", purchase_id=purchase.id))
        ],
    )


def _sale(account: Account, order: OrderDetail) -> Mail:
    return Mail(
        account.email,
        gettext("You have sold: %(books)s", books=_books(order)),
        [
            _hello(account),
            gettext(
                "%(buyer)s has bought and paid. Send the order with the carrier that was chosen, "
                "and mark it as shipped. The address stands at the order.",
                buyer=order.buyer_name,
            ),
        ],
        rows=_all_rows(order),
        buttons=[_see(order)],
    )


def _shipped(account: Account, order: OrderDetail) -> Mail:
    sent = order.shipment
    carrier = CARRIERS[CarrierCode(sent.carrier)].name
    how = gettext(
        "%(seller)s has sent your order with %(carrier)s. That takes %(least)s to %(most)s "
        "working days.",
        seller=order.seller_name,
        carrier=carrier,
        least=sent.days_least,
        most=sent.days_most,
    )
    tracking = (
        [gettext("Tracking number: %(number)s", number=sent.tracking)] if sent.tracking else []
    )
    return Mail(
        account.email,
        gettext("On its way: %(books)s", books=_books(order)),
        [_hello(account), how, *tracking],
        rows=_rows(order.lines, order.currency),
        buttons=[_see(order)],
        closing=[gettext("When it has come, mark the order as received, please.")],
    )


def _received(account: Account, order: OrderDetail) -> Mail:
    return Mail(
        account.email,
        gettext("Received: %(books)s", books=_books(order)),
        [
            _hello(account),
            gettext("%(buyer)s has received your order. Thank you.", buyer=order.buyer_name),
        ],
        rows=_all_rows(order),
        buttons=[_see(order)],
    )


def _cancelled(account: Account, order: OrderDetail) -> Mail:
    who = (
        gettext("You have cancelled this order.")
        if order.cancelled_by == Role.BUYER
        else gettext("%(seller)s has cancelled this order.", seller=order.seller_name)
    )
    return Mail(
        account.email,
        gettext("Cancelled: %(books)s", books=_books(order)),
        [_hello(account), who, gettext("What you paid for it is given back to your card.")],
        rows=_all_rows(order),
        buttons=[_see(order)],
    )


def _sale_cancelled(account: Account, order: OrderDetail) -> Mail:
    who = (
        gettext("You have cancelled this order.")
        if order.cancelled_by == Role.SELLER
        else gettext("%(buyer)s has cancelled this order.", buyer=order.buyer_name)
    )
    return Mail(
        account.email,
        gettext("Cancelled: %(books)s", books=_books(order)),
        [_hello(account), who, gettext("Do not send it. Its copies are on sale again.")],
        rows=_rows(order.lines, order.currency),
        buttons=[_see(order)],
    )


def _refunded(account: Account, order: OrderDetail) -> Mail:
    amount = show_money(order.total_minor, order.currency, language())
    return Mail(
        account.email,
        gettext("Given back: %(amount)s", amount=amount),
        [
            _hello(account),
            gettext(
                "%(amount)s for your cancelled order was given back to your card.", amount=amount
            ),
        ],
        rows=_all_rows(order),
        buttons=[_see(order)],
    )


def _hello(account: Account) -> str:
    return gettext("Hello, %(name)s.", name=account.name)


def _see(order: OrderDetail) -> Button:
    return Button(gettext("See the order"), link("orders.order", order_id=order.id))


def _books(order: OrderDetail) -> str:
    first, *more = order.lines
    return f"{first.title} (+{len(more)})" if more else first.title


def _all_rows(order: OrderDetail) -> list[Row]:
    return [
        *_rows(order.lines, order.currency),
        _shipping(order.shipment, order.seller_name, order.currency),
        _total(order.total_minor, order.currency),
    ]


def _rows(lines: Sequence[Line], currency: str) -> list[Row]:
    return [
        Row(
            f"{line.quantity} \N{MULTIPLICATION SIGN} {line.title}, {line.author}",
            show_money(line.total_minor, currency, language()),
        )
        for line in lines
    ]


def _shipping(sent: SentBy, seller: str, currency: str) -> Row:
    carrier = CARRIERS[CarrierCode(sent.carrier)].name
    label = gettext("Shipping by %(seller)s, %(carrier)s", seller=seller, carrier=carrier)
    return Row(label, show_money(sent.cost_minor, currency, language()))


def _total(minor: int, currency: str) -> Row:
    return Row(gettext("Total"), show_money(minor, currency, language()), is_sum=True)
