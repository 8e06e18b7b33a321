"""The mails of orders, to who has to know of what another has done.

Their jobs name the order. What a mail says is read when it is sent: the order as it is by then, and
of its account the address and the language.
"""

from collections.abc import Callable, Sequence

from bookstore.core.interfaces.auth import Account, AuthService
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail.mailer import Mailer, handle_mail
from bookstore.core.mail.message import Mail, Row
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext, in_language
from bookstore.orders.history import History
from bookstore.orders.mail_parts import amount, hello, line_rows, order_rows, see_order
from bookstore.orders.shipping import CARRIERS, CarrierCode
from bookstore.orders.shown import OrderDetail
from bookstore.orders.transitions import Role

Text = Callable[[Account, OrderDetail], Mail]


class OrderMails:
    """Sends the mails of orders."""

    def __init__(self, history: History) -> None:
        self._history = history

    def handle(self, queue: Queue) -> None:
        """Register the mails, and after which events they are sent."""
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


def _mail(
    account: Account,
    order: OrderDetail,
    subject: str,
    *sentences: str,
    rows: Sequence[Row] | None = None,
    closing: Sequence[str] = (),
) -> Mail:
    """Return a mail of an order, with all that it comes to where no rows are given."""
    return Mail(
        account.email,
        subject,
        [hello(account), *sentences],
        rows=order_rows(order) if rows is None else rows,
        buttons=[see_order(order)],
        closing=closing,
    )


def _sale(account: Account, order: OrderDetail) -> Mail:
    return _mail(
        account,
        order,
        gettext("You have sold: %(books)s", books=_books(order)),
        gettext(
            "%(buyer)s has bought and paid. Send the order with the carrier that was chosen, "
            "and mark it as shipped. The address stands at the order.",
            buyer=order.buyer_name,
        ),
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
    return _mail(
        account,
        order,
        gettext("On its way: %(books)s", books=_books(order)),
        how,
        *tracking,
        rows=line_rows(order.lines, order.currency),
        closing=[gettext("When it has come, mark the order as received, please.")],
    )


def _received(account: Account, order: OrderDetail) -> Mail:
    return _mail(
        account,
        order,
        gettext("Received: %(books)s", books=_books(order)),
        gettext("%(buyer)s has received your order. Thank you.", buyer=order.buyer_name),
    )


def _cancelled(account: Account, order: OrderDetail) -> Mail:
    who = (
        gettext("You have cancelled this order.")
        if order.cancelled_by == Role.BUYER
        else gettext("%(seller)s has cancelled this order.", seller=order.seller_name)
    )
    return _mail(
        account,
        order,
        gettext("Cancelled: %(books)s", books=_books(order)),
        who,
        gettext("What you paid for it is given back to your card."),
    )


def _sale_cancelled(account: Account, order: OrderDetail) -> Mail:
    who = (
        gettext("You have cancelled this order.")
        if order.cancelled_by == Role.SELLER
        else gettext("%(buyer)s has cancelled this order.", buyer=order.buyer_name)
    )
    return _mail(
        account,
        order,
        gettext("Cancelled: %(books)s", books=_books(order)),
        who,
        gettext("Do not send it. Its copies are on sale again."),
        rows=line_rows(order.lines, order.currency),
    )


def _refunded(account: Account, order: OrderDetail) -> Mail:
    paid = amount(order.total_minor, order.currency)
    return _mail(
        account,
        order,
        gettext("Given back: %(amount)s", amount=paid),
        gettext("%(amount)s for your cancelled order was given back to your card.", amount=paid),
    )


def _books(order: OrderDetail) -> str:
    first, *more = order.lines
    return f"{first.title} (+{len(more)})" if more else first.title
