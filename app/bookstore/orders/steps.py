"""The jobs of orders: what is done after the commit of its cause, until it is done.

A refund that the gateway refuses for good is a failed job, which a person sees, and no other job
waits for it.
"""

from datetime import timedelta

from bookstore.core.db.database import now
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.jobs.kinds import GiveUp, Job, TryLater
from bookstore.core.jobs.queue import Queue
from bookstore.orders import outbox
from bookstore.orders.fulfilment import Fulfilment
from bookstore.orders.gateway import PaymentGateway, PaymentTimeout, RefundRefused
from bookstore.orders.ledger import Ledger
from bookstore.orders.purchasing import Purchasing
from bookstore.orders.reconciliation import Reconciliation

SWEEP_SECONDS = 60
RECONCILE_SECONDS, RECONCILE_LEASE_SECONDS = 3600, 1800
RECONCILED = timedelta(days=7)
NO_ANSWER = "The payment gateway does not answer."
REFUSED = "The payment gateway refuses the refund; give the money back by hand, then retry."


class Steps:
    """Runs the jobs of orders."""

    def __init__(
        self,
        purchasing: Purchasing,
        fulfilment: Fulfilment,
        ledger: Ledger,
        catalogue: CatalogueService,
        gateway: PaymentGateway,
        reconciliation: Reconciliation,
    ) -> None:
        self._purchasing = purchasing
        self._fulfilment = fulfilment
        self._ledger = ledger
        self._catalogue = catalogue
        self._gateway = gateway
        self._reconciliation = reconciliation

    def register(self, queue: Queue) -> None:
        """Register them as the handlers of a queue."""
        queue.handle(outbox.SETTLE, self.settle)
        queue.handle(outbox.SWEEP, self.sweep, attempts=3, every_seconds=SWEEP_SECONDS)
        queue.handle(outbox.RELEASE, self.release)
        queue.handle(outbox.RETURN, self.return_payment)
        queue.handle(outbox.REFUND, self.refund)
        queue.handle(
            outbox.RECONCILE,
            self.reconcile,
            lease_seconds=RECONCILE_LEASE_SECONDS,
            every_seconds=RECONCILE_SECONDS,
        )

    def reconcile(self, _job: Job) -> None:
        """Compare the purchases of some days with what was sold and paid."""
        try:
            self._reconciliation.run(now() - RECONCILED)
        except PaymentTimeout:
            raise TryLater(NO_ANSWER) from None

    def settle(self, job: Job) -> None:
        """End a purchase whose request died."""
        try:
            self._purchasing.settle(int(job.payload["purchase_id"]))
        except PaymentTimeout:
            raise TryLater(NO_ANSWER) from None

    def sweep(self, _job: Job) -> None:
        """Add settle jobs for purchases that have been pending for too long."""
        self._purchasing.settle_stale()

    def release(self, job: Job) -> None:
        """Put copies back into the stock."""
        self._catalogue.release(job.payload["payment_key"], job.payload["book_ids"])

    def return_payment(self, job: Job) -> None:
        """Give back whatever was charged for a purchase, and charge no more."""
        key = job.payload["payment_key"]
        amount, currency = job.payload["amount_minor"], job.payload["currency"]
        try:
            if self._gateway.close(key) is not None:
                self._gateway.refund(f"{key}-all", key, amount, currency)
        except PaymentTimeout:
            raise TryLater(NO_ANSWER) from None
        except RefundRefused:
            raise GiveUp(REFUSED) from None
        self._ledger.returned(key)

    def refund(self, job: Job) -> None:
        """Give back what was paid for a cancelled order."""
        try:
            self._fulfilment.refund(int(job.payload["order_id"]))
        except PaymentTimeout:
            raise TryLater(NO_ANSWER) from None
        except RefundRefused:
            raise GiveUp(REFUSED) from None
