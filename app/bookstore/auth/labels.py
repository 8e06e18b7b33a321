"""What moderators do, and why it is refused, in the reader's language."""

from bookstore.auth.moderation import Action, NothingToDo, OwnAccount
from bookstore.core.i18n import lazy_gettext

ACTIONS = {
    Action.SUSPEND: lazy_gettext("Suspended"),
    Action.RESTORE: lazy_gettext("Suspension lifted"),
    Action.HIDE: lazy_gettext("Hidden"),
    Action.UNHIDE: lazy_gettext("Shown again"),
    Action.MAKE_ADMIN: lazy_gettext("Made a moderator"),
}
REFUSALS: dict[type[Exception], str] = {
    NothingToDo: lazy_gettext("Somebody else was first; look at how it is now."),
    OwnAccount: lazy_gettext("You cannot suspend yourself."),
}
