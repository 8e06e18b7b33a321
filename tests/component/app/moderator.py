"""What a moderator does in a test."""

from __future__ import annotations

from bookstore.auth.service import LocalAuth
from bookstore.core.services import service
from tests.component.app.shopper import Shopper


def id_of(person: Shopper) -> int:
    account = service(LocalAuth, person.app).find(person.email)
    assert account is not None
    return account.id


def judge(admin: Shopper, path: str, action: str, reason: str = "Spam") -> int:
    return admin.post(path, {"action": action, "reason": reason}).status_code


def suspend(admin: Shopper, person: Shopper) -> None:
    assert judge(admin, f"/admin/people/{id_of(person)}", "suspend") == 303


def restore(admin: Shopper, person: Shopper) -> None:
    assert judge(admin, f"/admin/people/{id_of(person)}", "restore") == 303
