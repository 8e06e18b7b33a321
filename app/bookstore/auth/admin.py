"""Pages of moderators; for everybody else there is nothing at their addresses."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.forms import Verdict
from bookstore.auth.labels import ACTIONS, REFUSALS
from bookstore.auth.moderation import Action, NothingToDo, OwnAccount, moderation
from bookstore.auth.service import local_auth
from bookstore.core.forms import Form
from bookstore.core.i18n import gettext, lazy_gettext
from bookstore.core.interfaces.auth import current_account, require_account
from bookstore.core.security import asks_again, read_form

P = ParamSpec("P")
Verb = Callable[[int, int, str], None]

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

DONE: dict[str, str] = {
    Action.SUSPEND: lazy_gettext(
        "The person is suspended and logged out, and their listings are off sale."
    ),
    Action.RESTORE: lazy_gettext("The person can log in again, and their listings are on sale."),
    Action.HIDE: lazy_gettext("The listing is hidden."),
    Action.UNHIDE: lazy_gettext("The listing is not hidden any more."),
}


def admin_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let moderators in alone; others are told nothing of what is here."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        account = current_account()
        if account is None or not account.is_admin:
            abort(404)
        return view(*args, **kwargs)

    return guarded


@blueprint.get("")
@admin_required
def people() -> ResponseReturnValue:
    """Show the accounts, newest first, or the one with the email address that is looked for."""
    email = " ".join(request.args.get("email", "").lower().split())[:254]
    page = moderation().people(email, request.args.get("after"))
    return render_template("auth/admin/people.html", page=page, email=email)


@blueprint.get("/people/<id:account_id>")
@blueprint.post("/people/<id:account_id>")
@asks_again
@admin_required
def person(account_id: int) -> ResponseReturnValue:
    """Show a person, and suspend them or let them in again.

    :return: the page, with 422 when the form is refused and 409 when there is nothing to do; or
        a redirect to it.
    :raise NotFound: when there is no such person.
    """
    verbs: dict[str, Verb] = {
        Action.SUSPEND: moderation().suspend,
        Action.RESTORE: moderation().restore,
    }

    def find(account_id: int) -> dict[str, object]:
        return {"shown": moderation().person(account_id)}

    return _judge("auth/admin/person.html", account_id, verbs, find)


@blueprint.get("/books/<id:book_id>")
@blueprint.post("/books/<id:book_id>")
@asks_again
@admin_required
def book(book_id: int) -> ResponseReturnValue:
    """Show a book in any state, and hide it or show it again.

    :return: the page, with 422 when the form is refused and 409 when there is nothing to do; or
        a redirect to it.
    :raise NotFound: when there is no such book.
    """
    verbs: dict[str, Verb] = {Action.HIDE: moderation().hide, Action.UNHIDE: moderation().unhide}

    def find(book_id: int) -> dict[str, object]:
        listing = moderation().listing(book_id)
        seller = local_auth().name(listing.seller_id)
        return {"shown": listing, "seller": seller}

    return _judge("auth/admin/book.html", book_id, verbs, find)


@blueprint.get("/audit")
@admin_required
def audit() -> ResponseReturnValue:
    """Show what moderators did, newest first."""
    page = moderation().trail(request.args.get("after"))
    return render_template("auth/admin/audit.html", page=page, actions=ACTIONS)


def _judge(
    template: str,
    target_id: int,
    verbs: dict[str, Verb],
    find: Callable[[int], dict[str, object]],
) -> ResponseReturnValue:
    form = Form(Verdict)
    data = read_form(form)
    if data is not None and data.action not in verbs:
        form.errors["action"] = gettext("This is not valid.")
    elif data is not None:
        try:
            verbs[data.action](require_account().id, target_id, data.reason)
        except (NothingToDo, OwnAccount) as refusal:
            form.fail(str(REFUSALS[type(refusal)]), 409)
        else:
            flash(str(DONE[data.action]), "success")
            return redirect(url_for(str(request.endpoint), **request.view_args or {}), 303)
    return render_template(template, form=form, **find(target_id)), form.status
