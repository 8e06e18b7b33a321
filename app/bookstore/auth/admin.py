"""Pages of moderators; for everybody else there is nothing at their addresses."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.forms import Verdict
from bookstore.auth.labels import ACTIONS, REFUSALS
from bookstore.auth.moderation import (
    Action,
    NothingToDo,
    OwnAccount,
    moderation,
)
from bookstore.core.forms import Form
from bookstore.core.i18n import gettext, lazy_gettext
from bookstore.core.interfaces.auth import moderator_required, require_account
from bookstore.core.security import asks_again, read_form

Verb = Callable[[int, int, str], None]

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

DONE: dict[str, str] = {
    Action.SUSPEND: lazy_gettext(
        "The person is suspended and logged out, and their books are off sale."
    ),
    Action.RESTORE: lazy_gettext("The person can log in again, and their books are on sale."),
}


@blueprint.get("")
@moderator_required
def people() -> ResponseReturnValue:
    """Show the accounts, newest first, or the one with the email address that is looked for."""
    email = " ".join(request.args.get("email", "").lower().split())[:254]
    page = moderation().people(email, request.args.get("after"))
    return render_template("auth/admin/people.html", page=page, email=email)


@blueprint.get("/people/<id:account_id>")
@blueprint.post("/people/<id:account_id>")
@asks_again
@moderator_required
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


@blueprint.get("/audit")
@moderator_required
def audit() -> ResponseReturnValue:
    """Show what moderators did to people, newest first."""
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
