"""What moderators do, and why what people ask is refused, in the reader's language."""

from bookstore.auth.addresses import MOST_ADDRESSES
from bookstore.auth.audit import Action
from bookstore.auth.moderation import NothingToDo, OwnAccount
from bookstore.auth.moderators import LastModerator
from bookstore.core.web.i18n import gettext, lazy_gettext

ACTIONS = {
    Action.SUSPEND: lazy_gettext("Suspended"),
    Action.RESTORE: lazy_gettext("Suspension lifted"),
    Action.INVITE: lazy_gettext("Invited to moderate"),
    Action.WITHDRAW: lazy_gettext("Invitation withdrawn"),
    Action.ACCEPT: lazy_gettext("Became a moderator"),
    Action.DEMOTE: lazy_gettext("Demoted"),
}
DONE: dict[str, str] = {
    Action.SUSPEND: lazy_gettext(
        "The person is suspended and logged out, and their books are off sale."
    ),
    Action.RESTORE: lazy_gettext("The person can log in again, and their books are on sale."),
    Action.DEMOTE: lazy_gettext("The person is no longer a moderator."),
}
REFUSALS: dict[type[Exception], str] = {
    NothingToDo: lazy_gettext("Somebody else was first; look at how it is now."),
    OwnAccount: lazy_gettext("You cannot suspend yourself."),
    LastModerator: lazy_gettext("Nobody else could moderate then; invite somebody first."),
}
NOT_INVITED = lazy_gettext("The account of this address moderates already, or is suspended.")
EMAIL_TAKEN = lazy_gettext("This address has an account already; log in.")
EMAIL_TAKEN_MEANWHILE = lazy_gettext("This address has an account already; choose another one.")
LINK_INVALID = lazy_gettext("A link works once and for a limited time; ask for another one.")
SAME_EMAIL = lazy_gettext("This is your email address already.")
WRONG_CREDENTIALS = lazy_gettext("The email address or the password is wrong.")
WRONG_PASSWORD = lazy_gettext("This is not your password.")
SUSPENDED = lazy_gettext("This account is suspended; write to us if that is a mistake.")


def too_many_addresses() -> str:
    """Return the refusal of one shipping address more than are kept."""
    return gettext("%(most)s addresses are kept; remove one first.", most=MOST_ADDRESSES)
