"""The terms and sentences of orders in the reader's language."""

from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.web.i18n import gettext, lazy_gettext, ngettext
from bookstore.orders.account_cart import Merged
from bookstore.orders.cart import CartFull, TooManyCopies
from bookstore.orders.forms import MOST_COPIES, MOST_LINES
from bookstore.orders.models import OrderState, PurchaseState
from bookstore.orders.purchase_request import CarriersRefused, NamedTwice, OwnBook

STATES = {
    OrderState.PAID: lazy_gettext("Paid"),
    OrderState.SHIPPED: lazy_gettext("Shipped"),
    OrderState.DELIVERED: lazy_gettext("Delivered"),
    OrderState.CANCELLED: lazy_gettext("Cancelled"),
}
PURCHASE_STATES = {
    PurchaseState.PENDING: lazy_gettext("Payment in progress"),
    PurchaseState.PAID: lazy_gettext("Paid"),
    PurchaseState.DECLINED: lazy_gettext("Card declined"),
    PurchaseState.TIMED_OUT: lazy_gettext("Payment failed"),
    PurchaseState.EXPIRED: lazy_gettext("Paid too late"),
}
FAILURES = {
    PurchaseState.DECLINED: lazy_gettext(
        "The card was declined. You were not charged and your books are still there for you."
    ),
    PurchaseState.TIMED_OUT: lazy_gettext(
        "The payment did not answer in time. You were not charged; please try again."
    ),
    PurchaseState.EXPIRED: lazy_gettext(
        "The payment came too late: the books had gone back on sale. What you paid is given back."
    ),
}
REFUSALS = {
    OrderState.PAID: lazy_gettext("This order is not shipped yet."),
    OrderState.SHIPPED: lazy_gettext("This order is on its way already."),
    OrderState.DELIVERED: lazy_gettext("This order was delivered already."),
    OrderState.CANCELLED: lazy_gettext("This order was cancelled."),
}


def merge_notice(merged: Merged) -> str | None:
    """Return the sentence on what of a guest's cart is not in the account's as it was, or None."""
    sentences = []
    if merged.own:
        sentences.append(
            gettext("Your own books are not in your cart: nobody buys from themselves.")
        )
    if merged.less:
        sentences.append(
            gettext("Of some books in your cart there are fewer copies than you chose.")
        )
    return " ".join(sentences) or None


def cart_refusal(refused: OutOfStock | TooManyCopies | CartFull | OwnBook) -> str:
    """Return the sentence on why copies of a book do not go into a cart."""
    if isinstance(refused, OutOfStock):
        return copies_left(refused.left)
    if isinstance(refused, TooManyCopies):
        return gettext("You can buy %(most)s copies of a book at most.", most=MOST_COPIES)
    if isinstance(refused, CartFull):
        return gettext("Your cart holds %(most)s books at most.", most=MOST_LINES)
    return gettext("This book is your own.")


def copies_left(copies: int) -> str:
    """Return the sentence on how many copies are left of what a buyer asks more of."""
    if copies == 0:
        return gettext("No copy is left.")
    return ngettext("Only one copy is left.", "Only %(num)s copies are left.", copies)


def copies_left_of(title: str, copies: int) -> str:
    """Return the sentence on how many copies of a book among several are left."""
    if copies == 0:
        return gettext("No copy of “%(title)s” is left.", title=title)
    return ngettext(
        "Only one copy of “%(title)s” is left.",
        "Only %(num)s copies of “%(title)s” are left.",
        copies,
        title=title,
    )


def carriers_refused(refused: CarriersRefused) -> str:
    """Return the sentence on what is wrong with the carriers that a buyer chose."""
    if isinstance(refused, NamedTwice):
        return gettext(
            "Carriers: seller %(seller)s is named twice; name each seller once.",
            seller=refused.seller_id,
        )
    return gettext(
        "Carriers: seller %(seller)s sells nothing in this purchase; leave that seller out.",
        seller=refused.seller_id,
    )
