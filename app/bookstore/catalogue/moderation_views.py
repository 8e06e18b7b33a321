"""Pages of moderators on books; for everybody else there is nothing at their addresses."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.catalogue.forms import BookAction, BookVerdict
from bookstore.catalogue.labels import BOOK_ACTIONS, DONE, NOTHING_TO_DO
from bookstore.catalogue.moderation import NothingToDo
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.interfaces.auth import moderator_required, require_account
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.security import asks_again, read_form

blueprint = Blueprint("book_moderation", __name__, url_prefix="/admin/books")


@blueprint.get("/<id:book_id>")
@blueprint.post("/<id:book_id>")
@asks_again
@moderator_required
def book(book_id: int) -> ResponseReturnValue:
    """Show a book in any state, and hide it or show it again.

    :return: the page, with 422 when the form is refused and 409 when there is nothing to do; or
        a redirect to it.
    :raise NotFound: when there is no such book.
    """
    form, moderation = Form(BookVerdict), service(LocalCatalogue).moderation
    verdict = read_form(form)
    if verdict is not None:
        act = moderation.hide if verdict.action == BookAction.HIDE else moderation.unhide
        try:
            act(require_account(), book_id, verdict.reason)
        except NothingToDo:
            form.fail(str(NOTHING_TO_DO), 409)
        else:
            flash(str(DONE[verdict.action]), "success")
            return redirect(url_for("book_moderation.book", book_id=book_id), 303)
    shown = moderation.book(book_id)
    return render_template("catalogue/moderation/book.html", form=form, shown=shown), form.status


@blueprint.get("/audit")
@moderator_required
def audit() -> ResponseReturnValue:
    """Show what moderators did to books, newest first."""
    page = service(LocalCatalogue).moderation.trail(request.args.get("after"))
    return render_template("catalogue/moderation/audit.html", page=page, actions=BOOK_ACTIONS)
