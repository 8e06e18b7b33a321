"""The catalogue's own terms in the reader's language."""

from bookstore.catalogue.forms import LARGEST_QUANTITY, BookAction, Search, Sort
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY, show_money
from bookstore.core.web.i18n import gettext, language, lazy_gettext

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
SORTS = {
    Sort.NEWEST: lazy_gettext("Newest"),
    Sort.CHEAPEST: lazy_gettext("Lowest price"),
    Sort.DEAREST: lazy_gettext("Highest price"),
    Sort.TITLE: lazy_gettext("Title"),
}
BOOK_STATES = {
    BookState.LISTED: lazy_gettext("On sale"),
    BookState.WITHDRAWN: lazy_gettext("Withdrawn"),
    BookState.HIDDEN: lazy_gettext("Hidden by the shop"),
    BookState.PAUSED: lazy_gettext("Off sale while its seller is suspended"),
}
BOOK_ACTIONS = {
    BookAction.HIDE: lazy_gettext("Hidden"),
    BookAction.UNHIDE: lazy_gettext("Shown again"),
}
DONE = {
    BookAction.HIDE: lazy_gettext("The book is hidden."),
    BookAction.UNHIDE: lazy_gettext("The book is not hidden any more."),
}
NOTHING_TO_DO = lazy_gettext("Somebody else was first; look at how it is now.")


def filters_told(search: Search) -> list[str]:
    """Return the filters that a search has, each in a few words."""
    told = []
    if search.price_from is not None:
        told.append(gettext("from %(price)s", price=_price(search.price_from)))
    if search.price_to is not None:
        told.append(gettext("up to %(price)s", price=_price(search.price_to)))
    if search.condition is not None:
        told.append(str(CONDITIONS[search.condition]))
    if search.language is not None:
        told.append(str(BOOK_LANGUAGES[search.language]))
    if search.availability is not None:
        told.append(gettext("in stock"))
    return told


def too_many_copies(quantity: int, most: int) -> str:
    """Return the sentence on how many copies a seller may write instead."""
    return gettext(
        "%(quantity)s copies are too many: a book has %(limit)s at most. Write %(most)s or less.",
        quantity=quantity,
        limit=LARGEST_QUANTITY,
        most=most,
    )


def _price(minor: int) -> str:
    return show_money(minor, CURRENCY, language())
