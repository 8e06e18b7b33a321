"""The catalogue's own terms in the reader's language."""

from bookstore.catalogue.models import BookLanguage, BookState, Condition
from bookstore.core.i18n import lazy_gettext

CONDITIONS = {
    Condition.NEW: lazy_gettext("New"),
    Condition.LIKE_NEW: lazy_gettext("Like new"),
    Condition.GOOD: lazy_gettext("Good"),
    Condition.FAIR: lazy_gettext("Fair"),
    Condition.WORN: lazy_gettext("Worn"),
}
BOOK_LANGUAGES = {
    BookLanguage.SPANISH: lazy_gettext("Spanish"),
    BookLanguage.ENGLISH: lazy_gettext("English"),
    BookLanguage.FRENCH: lazy_gettext("French"),
    BookLanguage.PORTUGUESE: lazy_gettext("Portuguese"),
    BookLanguage.GERMAN: lazy_gettext("German"),
    BookLanguage.ITALIAN: lazy_gettext("Italian"),
    BookLanguage.OTHER: lazy_gettext("Another language"),
}
BOOK_STATES = {
    BookState.LISTED: lazy_gettext("On sale"),
    BookState.WITHDRAWN: lazy_gettext("Withdrawn"),
    BookState.HIDDEN: lazy_gettext("Hidden by the shop"),
}
