"""Pages of registration and login."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.applicants import applicant_of
from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import ConfirmationPassword, Credentials, Registration
from bookstore.auth.labels import EMAIL_TAKEN, SUSPENDED, WRONG_CREDENTIALS, WRONG_PASSWORD
from bookstore.auth.links import LinkInvalid, limit_referrer
from bookstore.auth.registration import Applicant, Registrations
from bookstore.auth.service import EmailTaken, LocalAuth, Suspended, WrongCredentials
from bookstore.auth.sessions import begin_session
from bookstore.core.interfaces.auth import Account, current_account
from bookstore.core.services import service
from bookstore.core.web.forms import Form, Input
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form, safe_next

blueprint = Blueprint("auth", __name__, url_prefix="/auth")
confirmation = Blueprint("confirmation", __name__, url_prefix="/auth/confirm")
confirmation.after_request(limit_referrer)

# The field of the session with the registration whose mail may be sent again, and the page to
# which it shall lead.
REGISTRATION = "registration"


@blueprint.get("/register")
@blueprint.post("/register")
@asks_again
def register() -> ResponseReturnValue:
    """Open an account and log it in; where the shop sends mail, send a link that does.

    :return: a redirect to where the person came from, or to word of the mail, the same for known
        and unknown addresses; or the form, with 422 when it is refused and 429 after too many
        attempts.
    """
    form = Form(Registration)
    data = read_form(form)
    if data is not None:
        try:
            return _registered(applicant_of(data))
        except EmailTaken:
            form.errors["email"] = str(EMAIL_TAKEN)
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
    return _page("auth/register.html", form), form.status


def _registered(applicant: Applicant) -> ResponseReturnValue:
    registrations = service(Registrations)
    if not registrations.confirms:
        account, epoch = registrations.open(applicant)
        return _enter(account, epoch, gettext("Welcome, %(name)s.", name=account.name))
    session[REGISTRATION] = [registrations.ask(applicant), _next()]
    return redirect(url_for("auth.sent"), 303)


@blueprint.get("/register/sent")
@blueprint.post("/register/sent")
def sent() -> ResponseReturnValue:
    """Show that a mail is on its way, and send it once more to who asks for it.

    :return: the page, with 429 after too many mails; or a redirect to it, or to the registration
        where none was made in this session.
    """
    registrations = service(Registrations)
    registration_id, _ = session.get(REGISTRATION) or (None, None)
    email = registrations.email(registration_id) if registration_id is not None else None
    if email is None:
        return redirect(url_for("auth.register"), 303)
    form: Form[Input] = Form(Input)
    if request.method == "POST":
        try:
            registrations.send_again(int(registration_id or 0), request.remote_addr or "")
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            flash(gettext("The message is on its way once more."), "success")
            return redirect(url_for("auth.sent"), 303)
    return render_template("auth/sent.html", form=form, email=email), form.status


@confirmation.get("/<token>")
@confirmation.post("/<token>")
@asks_again
def confirm(token: str) -> ResponseReturnValue:
    """Open the account of a registration by the link from the mail, and log it in.

    Not when it is opened, for programs open the links of mails too, and not without the password
    of the registration, which anybody may have sent with this address.

    :return: a redirect to where the person came from; or the page, with 400 when the link does
        not work, 409 when the address has an account by now, 422 when the password is wrong and
        429 after too many attempts.
    """
    form = Form(ConfirmationPassword)
    registrations = service(Registrations)
    try:
        email = registrations.pending(token)
        data = read_form(form)
        if data is not None:
            address = request.remote_addr or ""
            account, epoch = registrations.confirm(token, data.password, address)
            return _enter(account, epoch, gettext("Welcome, %(name)s.", name=account.name))
    except LinkInvalid:
        return render_template("auth/dead_link.html", again=url_for("auth.register")), 400
    except WrongCredentials:
        form.errors["password"] = str(WRONG_PASSWORD)
    except EmailTaken:
        form.fail(str(EMAIL_TAKEN), 409)
    except TooManyAttempts:
        form.fail(str(HELD_UP), 429)
    return render_template("auth/confirm.html", form=form, email=email), form.status


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
            account, epoch = service(LocalAuth).authenticate(data.email, data.password, address)
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
    return render_template(
        template,
        form=form,
        next=_next(),
        account=current_account(),
        confirms=service(Registrations).confirms,
    )


def _next() -> str | None:
    return safe_next(request.values.get("next"))


def _enter(account: Account, epoch: int, greeting: str) -> ResponseReturnValue:
    _, target = session.get(REGISTRATION) or (None, None)
    begin_session(account.id, epoch)
    flash(greeting, "success")
    return redirect(_next() or target or url_for("catalogue.index"), 303)
