"""What moderators do, and why what people ask is refused, in the reader's language."""

from bookstore.auth.addresses import MOST_ADDRESSES
from bookstore.auth.moderation import Action, NothingToDo, OwnAccount
from bookstore.core.i18n import gettext, lazy_gettext

ACTIONS = {
    Action.SUSPEND: lazy_gettext("Suspended"),
    Action.RESTORE: lazy_gettext("Suspension lifted"),
    Action.MAKE_ADMIN: lazy_gettext("Made a moderator"),
}
REFUSALS: dict[type[Exception], str] = {
    NothingToDo: lazy_gettext("Somebody else was first; look at how it is now."),
    OwnAccount: lazy_gettext("You cannot suspend yourself."),
}
EMAIL_TAKEN = lazy_gettext("This address has an account already; log in.")
EMAIL_TAKEN_MEANWHILE = lazy_gettext("This address has an account already; choose another one.")
LINK_INVALID = lazy_gettext("A link works once and for an hour.")
SAME_EMAIL = lazy_gettext("This is your email address already.")
WRONG_CREDENTIALS = lazy_gettext("The email address or the password is wrong.")
WRONG_PASSWORD = lazy_gettext("This is not your password.")
SUSPENDED = lazy_gettext("This account is suspended; write to us if that is a mistake.")


def too_many_addresses() -> str:
    """Say how many shipping addresses are kept."""
    return gettext("%(most)s addresses are kept; remove one first.", most=MOST_ADDRESSES)
