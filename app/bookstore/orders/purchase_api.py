"""The API of buying: the cart, and purchases of several sellers at once."""

from typing import Annotated

from flask import Response, url_for
from pydantic import AfterValidator, BeforeValidator, Field

from bookstore.core.api.models import Reply
from bookstore.core.api.problems import FieldProblem, Problem, problem_response
from bookstore.core.api.routes import Api, unprocessable
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.paging import LARGEST_ID
from bookstore.core.services import service
from bookstore.core.web.forms import Input, refuse
from bookstore.core.web.http import show_not_found
from bookstore.core.web.i18n import gettext, lazy_gettext
from bookstore.orders.api_models import CartView, PurchaseView, cart_of, purchase_of
from bookstore.orders.cart import CartFull, NotInCart, TooManyCopies
from bookstore.orders.forms import (
    MOST_LINES,
    Card,
    Choice,
    Copies,
    Destination,
    IdempotencyKey,
    Wanted,
)
from bookstore.orders.labels import FAILURES, carriers_refused, cart_refusal
from bookstore.orders.purchase_request import (
    CarriersRefused,
    KeyReused,
    NoCarrier,
    NotForSale,
    OwnBook,
    PriceChanged,
    PurchaseRequest,
)
from bookstore.orders.purchasing import Bought
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CarrierCode

api = Api("purchases")
api.blueprint.register_error_handler(NotInCart, show_not_found)


class WantedInput(Choice):
    """Copies of a book to be bought."""

    price_seen: int | None = Field(
        None,
        alias="price_minor_seen",
        description="The price that the buyer agreed to; 409 `price-changed` if it is another.",
    )


class CarrierChoice(Input):
    """Who brings the shipment of a seller."""

    seller_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    carrier: CarrierCode


def _each_once(lines: list[WantedInput]) -> list[WantedInput]:
    if len({line.book_id for line in lines}) < len(lines):
        raise refuse("twice", lazy_gettext("Name each book once."))
    return lines


class PurchaseInput(Destination):
    """What is to be bought of any number of sellers, all or none; payment is simulated."""

    lines: Annotated[
        list[WantedInput],
        Field(min_length=1, max_length=MOST_LINES),
        AfterValidator(_each_once),
    ]
    carrier: CarrierCode | None = Field(None, description="For sellers not named in `carriers`.")
    carriers: list[CarrierChoice] = Field(
        default_factory=list,
        max_length=MOST_LINES,
        description="Each for another seller of the purchase.",
    )
    card_number: Card


def _unquoted(value: object) -> object:
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


class PurchaseHeaders(Input):
    """The name of the purchase."""

    idempotency_key: Annotated[IdempotencyKey, BeforeValidator(_unquoted)] = Field(
        alias="Idempotency-Key",
        description="A text of the client's own: sent again, it is the same purchase.",
    )


@api.route("get", "/cart")
def show_cart(account: Account) -> CartView:
    """Show the account's cart."""
    return cart_of(service(LocalOrders).cart(account.id).items())


@api.route(
    "post",
    "/cart/items",
    status=201,
    problems=(409,),
    headers={"Location": "The line, for PUT and DELETE."},
)
def add_to_cart(body: Choice, account: Account) -> Reply[CartView]:
    """Put copies of a book into the cart, on top of those that are there.

    :raise Problem: 409 when the book cannot be had so.
    """
    service(LocalOrders).cart(account.id).add(body.book_id, body.quantity)
    location = url_for("purchases_api.change_in_cart", book_id=body.book_id)
    return Reply(show_cart(account), {"Location": location})


@api.route("put", "/cart/items/<int:book_id>", problems=(409,))
def change_in_cart(book_id: int, body: Copies, account: Account) -> CartView:
    """Change how many copies of a book are in the cart.

    :raise NotInCart: when the book is not in this account's cart.
    :raise Problem: 409 when the book cannot be had so.
    """
    service(LocalOrders).cart(account.id).change(book_id, body.quantity)
    return show_cart(account)


@api.route("delete", "/cart/items/<int:book_id>", status=204)
def remove_from_cart(book_id: int, account: Account) -> None:
    """Take a book out of the cart.

    :raise NotInCart: when it is not in this account's cart.
    """
    service(LocalOrders).cart(account.id).remove(book_id)


@api.route(
    "post", "/purchases", status=201, problems=(402, 409), headers={"Location": "The purchase."}
)
def buy(headers: PurchaseHeaders, body: PurchaseInput, account: Account) -> Reply[PurchaseView]:
    """Buy books; what of them is in the cart leaves it.

    :raise Problem: 402 when the payment failed, 409 when stock, price or seller are against it,
        422 when the carriers are not those of its sellers or the key came with another purchase
        before.
    """
    wanted = PurchaseRequest(
        key=headers.idempotency_key,
        lines=[Wanted(line.book_id, line.quantity, line.price_seen) for line in body.lines],
        destination=Destination(**body.model_dump(include={*Destination.model_fields})),
        card_number=body.card_number,
        carriers=[(each.seller_id, each.carrier) for each in body.carriers],
        carrier=body.carrier,
    )
    bought = _bought(account, wanted)
    if bought.state in FAILURES:
        code = f"payment-{bought.state.replace('_', '-')}"
        raise Problem(402, str(FAILURES[bought.state]), code, purchase_id=bought.id)
    location = url_for("purchases_api.show_purchase", purchase_id=bought.id)
    return Reply(show_purchase(bought.id, account), {"Location": location})


@api.route("get", "/purchases/<int:purchase_id>")
def show_purchase(purchase_id: int, account: Account) -> PurchaseView:
    """Show one of the account's purchases.

    :raise NotFound: when there is none or it is another's.
    """
    return purchase_of(service(LocalOrders).purchases.purchase(account.id, purchase_id))


def _bought(account: Account, wanted: PurchaseRequest) -> Bought:
    places = {line.book_id: f"lines.{place}" for place, line in enumerate(wanted.lines)}
    try:
        return service(LocalOrders).buy(account.id, account.name, wanted)
    except (NotForSale, OwnBook, OutOfStock, PriceChanged) as refused:
        raise _conflict(refused, f"{places[refused.book_id]}.") from None
    except NoCarrier:
        told = gettext("Choose one of the options.")
        raise unprocessable([FieldProblem(field="carrier", message=told)]) from None
    except CarriersRefused as refused:
        errors = [FieldProblem(field="carriers", message=carriers_refused(refused))]
        raise unprocessable(errors) from None
    except KeyReused:
        told = gettext("Another purchase was sent under this key before.")
        errors = [FieldProblem(field="Idempotency-Key", message=told)]
        raise Problem(422, told, "key-reused", errors=errors) from None


@api.blueprint.errorhandler(NotForSale)
@api.blueprint.errorhandler(OwnBook)
@api.blueprint.errorhandler(OutOfStock)
@api.blueprint.errorhandler(TooManyCopies)
@api.blueprint.errorhandler(CartFull)
def show_conflict(refused: Exception) -> Response:
    """Return the problem that says why a book does not go into the cart."""
    return problem_response(_conflict(refused, ""))


def _conflict(refused: Exception, place: str) -> Problem:
    if isinstance(refused, OutOfStock):
        code, field, told = "out-of-stock", "quantity", cart_refusal(refused)
    elif isinstance(refused, PriceChanged):
        code, field = "price-changed", "price_minor_seen"
        told = gettext("The price has changed; please look again.")
    elif isinstance(refused, OwnBook):
        code, field, told = "own-book", "book_id", cart_refusal(refused)
    elif isinstance(refused, TooManyCopies):
        code, field, told = "too-many-copies", "quantity", cart_refusal(refused)
    elif isinstance(refused, CartFull):
        code, field, told = "cart-full", "book_id", cart_refusal(refused)
    else:
        code, field, told = "not-for-sale", "book_id", gettext("This book is not on sale.")
    return Problem(409, told, code, errors=[FieldProblem(field=f"{place}{field}", message=told)])
