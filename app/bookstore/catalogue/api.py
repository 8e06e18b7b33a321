"""The API of the catalogue: books and sellers, for everybody."""

from bookstore.catalogue.api_models import (
    BookPage,
    BookQuery,
    BookView,
    SellerView,
    summaries,
    with_seller,
)
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.api.models import (
    LINK,
    Paging,
    Reply,
    next_address,
    page_reply,
)
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from bookstore.core.web.pagecache import may_be_late

api = Api("catalogue")


@api.route("get", "/books", headers=LINK)
def list_books(query: BookQuery) -> Reply[BookPage]:
    """List the books on sale, newest first, all or those that a search and filters find."""
    page = service(LocalCatalogue).browsing.browse(query, late=may_be_late())
    return page_reply(BookPage(items=summaries(page.items), next=next_address(page)))


@api.route("get", "/books/<int:book_id>")
def show_book(book_id: int, account: Account | None) -> BookView:
    """Show a book; one that is not on sale, to its seller only.

    :raise NotFound: when there is none to show to this reader.
    """
    reader_id = account.id if account else None
    book = service(LocalCatalogue).browsing.book(book_id, reader_id, late=may_be_late())
    return BookView.model_validate(with_seller(book))


@api.route("get", "/sellers/<int:seller_id>")
def show_seller(seller_id: int) -> SellerView:
    """Show a seller.

    :raise NotFound: when there is none: an account that neither sells nor has sold, or one that
        is suspended.
    """
    seller = service(LocalCatalogue).sellers.profile(seller_id, late=may_be_late())
    return SellerView.model_validate(seller)


@api.route("get", "/sellers/<int:seller_id>/books", headers=LINK)
def list_books_of_seller(seller_id: int, query: Paging) -> Reply[BookPage]:
    """List what a seller has on sale, newest first.

    :raise NotFound: when there is no such seller.
    """
    catalogue, late = service(LocalCatalogue), may_be_late()
    catalogue.sellers.profile(seller_id, late=late)
    page = catalogue.browsing.books_of(seller_id, query.after, late=late)
    return page_reply(BookPage(items=summaries(page.items), next=next_address(page)))
