"""Pages of a person's own account: profile, password, sessions and shipping addresses."""

from dataclasses import asdict

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.addresses import MOST_ADDRESSES, TooManyAddresses
from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import AddressInput, EmailChangeInput, PasswordChange, Profile
from bookstore.auth.labels import WRONG_PASSWORD, too_many_addresses
from bookstore.auth.service import LocalAuth, WrongCredentials
from bookstore.core.interfaces.auth import (
    SESSION_FIELD,
    Account,
    ShippingAddress,
    login_required,
    require_account,
)
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form, safe_next
from bookstore.core.web.timezones import chosen_zone

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
@blueprint.post("")
@asks_again
@login_required
def profile() -> ResponseReturnValue:
    """Show the person's account, and change their name and the language of their mails.

    :return: the page, with 422 when the form is refused, or a redirect to it.
    """
    account = require_account()
    form = profile_form(account)
    data = read_form(form)
    if data is not None:
        zone = chosen_zone()
        changed = {**data.model_dump(exclude_none=True), **({"time_zone": zone} if zone else {})}
        service(LocalAuth).change_profile(account.id, **changed)
        flash(gettext("Your changes are saved."), "success")
        return redirect(url_for("account.profile"), 303)
    return account_page(form, Form(EmailChangeInput)), form.status


def profile_form(account: Account) -> Form[Profile]:
    """Return the form of a profile as it is."""
    return Form(Profile, {"name": account.name, "language": account.language})


def account_page(form: Form[Profile], email_form: Form[EmailChangeInput]) -> str:
    """Render the person's account, with its two forms as they are."""
    return render_template("auth/account.html", form=form, email_form=email_form)


@blueprint.get("/password")
@blueprint.post("/password")
@asks_again
@login_required
def password() -> ResponseReturnValue:
    """Change the person's password; their other sessions end and this one goes on.

    :return: a redirect to the account, or the form, with 422 when it is refused and 429 after
        too many attempts.
    """
    form = Form(PasswordChange)
    data = read_form(form)
    if data is not None:
        account = require_account()
        try:
            epoch = service(LocalAuth).change_password(
                account.email, data.old_password, data.password, request.remote_addr or ""
            )
        except WrongCredentials:
            form.errors["old_password"] = str(WRONG_PASSWORD)
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            session[SESSION_FIELD] = [account.id, epoch]
            flash(gettext("Your password is changed; other devices are logged out."), "success")
            return redirect(url_for("account.profile"), 303)
    return render_template("auth/password.html", form=form), form.status


@blueprint.post("/sessions/end")
@login_required
def end_sessions() -> ResponseReturnValue:
    """End all of the person's sessions, this one too."""
    service(LocalAuth).end_sessions(require_account().id)
    session.clear()
    flash(gettext("You are logged out on all devices."), "success")
    return redirect(url_for("auth.login"), 303)


@blueprint.get("/addresses")
@login_required
def addresses() -> ResponseReturnValue:
    """Show the person's shipping addresses, the default first."""
    shown = service(LocalAuth).addresses(require_account().id)
    return render_template("auth/addresses.html", addresses=shown, most=MOST_ADDRESSES)


@blueprint.get("/addresses/new")
@blueprint.post("/addresses/new")
@asks_again
@login_required
def new_address() -> ResponseReturnValue:
    """Add a shipping address.

    :return: a redirect to where the person came from, or the form, with 422 when it is refused.
    """
    account = require_account()
    form = Form(AddressInput, {"recipient": account.name, "country": "Colombia"})
    data = read_form(form)
    if data is not None:
        try:
            service(LocalAuth).address_book.add(account.id, data)
        except TooManyAddresses:
            form.fail(too_many_addresses())
        else:
            return _to_addresses(gettext("The address is saved."))
    return _address_page(form, None), form.status


@blueprint.get("/addresses/<id:address_id>")
@blueprint.post("/addresses/<id:address_id>")
@asks_again
@login_required
def address(address_id: int) -> ResponseReturnValue:
    """Change one of the person's shipping addresses.

    :return: a redirect to the list, or the form, with 422 when it is refused.
    :raise NotFound: when there is none or it is another's.
    """
    book = service(LocalAuth).address_book
    account_id = require_account().id
    shown = book.get(account_id, address_id)
    form = Form(AddressInput, {name: str(value) for name, value in asdict(shown).items()})
    data = read_form(form)
    if data is not None:
        book.change(account_id, address_id, data)
        return _to_addresses(gettext("The address is saved."))
    return _address_page(form, shown), form.status


@blueprint.post("/addresses/<id:address_id>/default")
@login_required
def default_address(address_id: int) -> ResponseReturnValue:
    """Make one of the person's addresses the one that a checkout begins with.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalAuth).address_book.make_default(require_account().id, address_id)
    return _to_addresses(gettext("Your default address is changed."))


@blueprint.post("/addresses/<id:address_id>/delete")
@login_required
def delete_address(address_id: int) -> ResponseReturnValue:
    """Forget one of the person's addresses; orders keep theirs.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalAuth).address_book.remove(require_account().id, address_id)
    return _to_addresses(gettext("The address is removed."))


def _address_page(form: Form[AddressInput], shown: ShippingAddress | None) -> str:
    target = safe_next(request.values.get("next"))
    return render_template("auth/address.html", form=form, address=shown, next=target)


def _to_addresses(done: str) -> ResponseReturnValue:
    flash(done, "success")
    target = safe_next(request.values.get("next"))
    return redirect(target or url_for("account.addresses"), 303)
