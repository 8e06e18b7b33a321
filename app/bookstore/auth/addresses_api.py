"""The API of an account's shipping addresses."""

from flask import url_for
from pydantic import Field

from bookstore.auth.addresses import TooManyAddresses
from bookstore.auth.forms import AddressInput
from bookstore.auth.labels import too_many_addresses
from bookstore.auth.service import LocalAuth
from bookstore.core.api.models import Reply, View
from bookstore.core.api.problems import Problem
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service

api = Api("addresses")

LOCATION = {"Location": "What was made."}


class AddressView(View):
    """One of a person's own shipping addresses; what was left out is an empty text."""

    id: int
    recipient: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    is_default: bool = Field(description="Whether a checkout begins with it.")


class AddressList(View):
    """A person's own shipping addresses, the default first."""

    items: list[AddressView]


@api.route("get", "/account/addresses")
def list_addresses(account: Account) -> AddressList:
    """List the account's shipping addresses, the default first."""
    shown = service(LocalAuth).addresses(account.id)
    return AddressList(items=[AddressView.model_validate(address) for address in shown])


@api.route("post", "/account/addresses", status=201, problems=(409,), headers=LOCATION)
def add_address(body: AddressInput, account: Account) -> Reply[AddressView]:
    """Keep a shipping address; the first one becomes the default.

    :raise Problem: 409 ``too-many-addresses`` when no more can be kept.
    """
    try:
        address_id = service(LocalAuth).address_book.add(account.id, body)
    except TooManyAddresses:
        told = too_many_addresses()
        raise Problem(409, told, "too-many-addresses") from None
    location = url_for("addresses_api.show_address", address_id=address_id)
    return Reply(show_address(address_id, account), {"Location": location})


@api.route("get", "/account/addresses/<int:address_id>")
def show_address(address_id: int, account: Account) -> AddressView:
    """Show one of the account's shipping addresses.

    :raise NotFound: when there is none or it is another's.
    """
    return AddressView.model_validate(service(LocalAuth).address_book.get(account.id, address_id))


@api.route("put", "/account/addresses/<int:address_id>")
def change_address(address_id: int, body: AddressInput, account: Account) -> AddressView:
    """Change one of the account's shipping addresses; orders keep the one of their moment.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalAuth).address_book.change(account.id, address_id, body)
    return show_address(address_id, account)


@api.route("delete", "/account/addresses/<int:address_id>", status=204)
def remove_address(address_id: int, account: Account) -> None:
    """Forget one of the account's shipping addresses.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalAuth).address_book.remove(account.id, address_id)


@api.route("post", "/account/addresses/<int:address_id>/default")
def make_default(address_id: int, account: Account) -> AddressView:
    """Make one of the account's addresses the one that a checkout begins with.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalAuth).address_book.make_default(account.id, address_id)
    return show_address(address_id, account)
