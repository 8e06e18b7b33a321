"""Pages of accounts."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import Credentials, Registration
from bookstore.auth.labels import EMAIL_TAKEN, SUSPENDED, WRONG_CREDENTIALS
from bookstore.auth.service import EmailTaken, Suspended, WrongCredentials, local_auth
from bookstore.core.forms import Form
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import SESSION_FIELD, Account, current_account
from bookstore.core.interfaces.orders import GUEST_CART
from bookstore.core.security import asks_again, read_form, safe_next

blueprint = Blueprint("auth", __name__, url_prefix="/auth")


@blueprint.get("/register")
@blueprint.post("/register")
@asks_again
def register() -> ResponseReturnValue:
    """Open an account and log it in.

    :return: a redirect to where the person came from, or the form, with 422 when it is refused
        and 429 after too many attempts.
    """
    form = Form(Registration)
    data = read_form(form)
    if data is not None:
        try:
            account, epoch = local_auth().sign_up(
                data.email, data.name, data.password, request.remote_addr or ""
            )
        except EmailTaken:
            form.errors["email"] = str(EMAIL_TAKEN)
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            return _enter(account, epoch, gettext("Welcome, %(name)s.", name=account.name))
    return _page("auth/register.html", form), form.status


@blueprint.get("/login")
@blueprint.post("/login")
@asks_again
def login() -> ResponseReturnValue:
    """Log a person in.

    :return: a redirect to where the person came from, or the form, with 422 when it is refused,
        403 to who is suspended and 429 after too many attempts.
    """
    form = Form(Credentials)
    data = read_form(form)
    if data is not None:
        address = request.remote_addr or ""
        try:
            account, epoch = local_auth().authenticate(data.email, data.password, address)
        except WrongCredentials:
            form.fail(str(WRONG_CREDENTIALS))
        except Suspended:
            form.fail(str(SUSPENDED), 403)
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            return _enter(account, epoch, gettext("Hello, %(name)s.", name=account.name))
    return _page("auth/login.html", form), form.status


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session and go to the catalogue."""
    session.clear()
    return redirect(url_for("catalogue.index"), 303)


def _page(template: str, form: Form[Registration] | Form[Credentials]) -> str:
    target = safe_next(request.values.get("next"))
    return render_template(template, form=form, next=target, account=current_account())


def _enter(account: Account, epoch: int, greeting: str) -> ResponseReturnValue:
    # A session made before the login must not become the one after it, but for the guest's cart.
    cart = session.get(GUEST_CART)
    session.clear()
    if cart:
        session[GUEST_CART] = cart
    session.permanent = True
    session[SESSION_FIELD] = [account.id, epoch]
    flash(greeting, "success")
    return redirect(safe_next(request.values.get("next")) or url_for("catalogue.index"), 303)
