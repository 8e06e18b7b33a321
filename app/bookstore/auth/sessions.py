"""The session of who has shown who they are."""

from flask import session

from bookstore.core.interfaces.auth import SESSION_FIELD
from bookstore.core.interfaces.orders import GUEST_CART


def begin_session(account_id: int, epoch: int) -> None:
    """Log an account in.

    A session made before the login must not become the one after it, but for the guest's cart.
    """
    cart = session.get(GUEST_CART)
    session.clear()
    if cart:
        session[GUEST_CART] = cart
    session.permanent = True
    session[SESSION_FIELD] = [account_id, epoch]
