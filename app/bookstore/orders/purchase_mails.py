"""The mails of purchases, to their buyers.

A buyer whose payment failed reads it on the page that they are on, and gets no mail, unless it
failed after the page was closed. Who was charged is always told by mail, also of money that came
too late.
"""

from collections.abc import Callable

from bookstore.core.interfaces.auth import Account, AuthService
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail.mailer import Mailer, handle_mail
from bookstore.core.mail.message import Mail
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext, in_language
from bookstore.orders.labels import FAILURES
from bookstore.orders.mail_parts import amount, hello, purchase_rows, see_purchase
from bookstore.orders.models import PurchaseState
from bookstore.orders.outbox import EXPIRED_MAIL, FAILED_MAIL, PURCHASE_MAIL, RETURNED_MAIL
from bookstore.orders.purchase_history import PurchaseHistory
from bookstore.orders.shown import PurchaseDetail

Text = Callable[[PurchaseDetail], tuple[str, str]]


class PurchaseMails:
    """Sends the mails of purchases."""

    def __init__(self, purchases: PurchaseHistory) -> None:
        self._purchases = purchases

    def handle(self, queue: Queue) -> None:
        """Register the mails."""
        for kind, text in (
            (PURCHASE_MAIL, _paid),
            (FAILED_MAIL, _failed),
            (EXPIRED_MAIL, _expired),
            (RETURNED_MAIL, _returned),
        ):
            handle_mail(queue, kind, self._sender(text))

    def _sender(self, text: Text) -> Callable[[Job], None]:
        def send(job: Job) -> None:
            account = service(AuthService).account(int(job.payload["buyer_id"]))
            if account is not None:
                purchase = self._purchases.purchase(account.id, int(job.payload["purchase_id"]))
                with in_language(account.language):
                    service(Mailer).send(_mail(account, purchase, *text(purchase)), job)

        return send


def _mail(account: Account, purchase: PurchaseDetail, subject: str, sentence: str) -> Mail:
    return Mail(
        account.email,
        subject,
        [hello(account), sentence],
        rows=purchase_rows(purchase),
        buttons=[see_purchase(purchase)],
    )


def _paid(_purchase: PurchaseDetail) -> tuple[str, str]:
    return (
        gettext("Your purchase at BookStore"),
        gettext("Thank you. Your purchase is paid; each seller sends what is bought of them."),
    )


def _failed(_purchase: PurchaseDetail) -> tuple[str, str]:
    return (
        gettext("Your payment did not go through"),
        gettext(
            "The payment of your purchase was not completed. Nothing was bought and your card was "
            "not charged. What you had in your cart is still there."
        ),
    )


def _expired(_purchase: PurchaseDetail) -> tuple[str, str]:
    return (
        gettext("Your payment came too late"),
        str(FAILURES[PurchaseState.EXPIRED]),
    )


def _returned(purchase: PurchaseDetail) -> tuple[str, str]:
    paid = amount(purchase.total_minor, purchase.currency)
    return (
        gettext("Given back: %(amount)s", amount=paid),
        gettext(
            "%(amount)s for your purchase that came too late was given back to your card.",
            amount=paid,
        ),
    )
