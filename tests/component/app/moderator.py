"""What a moderator does in a test."""

from __future__ import annotations

from flask import Flask

from bookstore.auth.invitations import Invitations
from bookstore.auth.service import LocalAuth
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from tests.component.app.shopper import Shopper


def promote(app: Flask, email: str) -> None:
    """Make the account of an address a moderator, as an invitation does that it accepts."""
    invitations, account = service(Invitations, app), service(LocalAuth, app).find(email)
    assert account is not None
    mail = invitations.mail(invitations.invite(None, email, "For the tests", "en"))
    assert mail is not None
    invitations.accept(mail.token, account)


def run_jobs(app: Flask) -> None:
    """Do what requests left to be done after them."""
    service(Jobs, app).run_due()


def id_of(person: Shopper) -> int:
    account = service(LocalAuth, person.app).find(person.email)
    assert account is not None
    return account.id


def judge(admin: Shopper, path: str, action: str, reason: str = "Spam") -> int:
    return admin.post(path, {"action": action, "reason": reason}).status_code


def suspend(admin: Shopper, person: Shopper) -> None:
    assert judge(admin, f"/admin/accounts/{id_of(person)}", "suspend") == 303
    run_jobs(admin.app)


def restore(admin: Shopper, person: Shopper) -> None:
    assert judge(admin, f"/admin/accounts/{id_of(person)}", "restore") == 303
    run_jobs(admin.app)
