"""Moderators suspend people, each time with a reason; nobody else can or sees it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select

from bookstore.auth.models import Account, AuditEntry
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.databases import on_sqlite
from tests.component.app.mailbox import mails_in, text_of
from tests.component.app.moderator import id_of, judge, run_jobs
from tests.component.app.shopper import Shopper


def test_a_suspended_person_is_out_at_once_until_they_are_restored(
    admin: Shopper, seller: Shopper
) -> None:
    page = f"/admin/accounts/{id_of(seller)}"
    device = Shopper(seller.app, email=seller.email, password=seller.password)
    assert device.log_in().status_code == 303
    assert seller.get("/account").status_code == 200
    assert judge(admin, page, "suspend", "Sells what is not theirs") == 303
    assert "The person is suspended and logged out" in admin.get(page).text
    assert seller.get("/account").location == "/auth/login?next=/account"
    refused = seller.log_in()
    assert refused.status_code == 403
    assert "This account is suspended" in refused.text
    assert seller.log_in("a wrong password").status_code == 422
    assert judge(admin, page, "suspend") == 409
    assert judge(admin, page, "restore", "It was a mistake") == 303
    assert judge(admin, page, "restore") == 409
    # The sessions of before stay dead, also on a device that was not used meanwhile.
    assert device.get("/account").status_code == 303
    assert seller.log_in().status_code == 303
    trail = admin.get("/admin/audit").text
    shown = re.findall(r"<p>(Sells what is not theirs|It was a mistake)</p>", trail)
    assert shown == ["It was a mistake", "Sells what is not theirs"]
    assert trail.count(seller.email) == 2


@on_sqlite
def test_no_session_of_a_suspended_person_holds_whatever_its_epoch(
    app: Flask, admin: Shopper, seller: Shopper, database: Database
) -> None:
    def epoch() -> int:
        with database.reading() as db:
            return db.scalars(select(Account.session_epoch).where(Account.id == account_id)).one()

    auth, account_id = service(LocalAuth, app), id_of(seller)
    before = epoch()
    assert auth.resolve(account_id, before) is not None
    judge(admin, f"/admin/accounts/{account_id}", "suspend")
    assert epoch() != before
    assert [auth.resolve(account_id, held) for held in (before, epoch())] == [None, None]


@on_sqlite
def test_a_suspended_person_cannot_get_in_by_a_reset(
    app: Flask, admin: Shopper, seller: Shopper, tmp_path: Path
) -> None:
    def links() -> list[str]:
        run_jobs(app)
        mails = [text_of(mail) for mail in mails_in(tmp_path / "outbox")]
        return re.findall(r"http://localhost:5000(/auth/reset/\S+)", "".join(mails))

    seller.post("/auth/reset", {"email": seller.email})
    (link,) = links()
    judge(admin, f"/admin/accounts/{id_of(seller)}", "suspend")
    assert seller.get(link).status_code == 400
    seller.post("/auth/reset", {"email": seller.email})
    assert links() == [link]


@on_sqlite
def test_a_moderator_does_not_suspend_themselves(admin: Shopper) -> None:
    answer = admin.post(
        f"/admin/accounts/{id_of(admin)}", {"action": "suspend", "reason": "A slip of the mouse"}
    )
    assert answer.status_code == 409
    assert "You cannot suspend yourself." in answer.text
    assert "A slip of the mouse" in answer.text
    assert admin.get("/account").status_code == 200


@on_sqlite
def test_only_moderators_are_shown_the_way(admin: Shopper, seller: Shopper) -> None:
    assert "Moderation" in admin.get("/account").text
    assert "Moderation" not in seller.get("/account").text


@on_sqlite
@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "Write at least 3"), ("es", "Escribe al menos 3")]
)
def test_no_act_goes_without_a_reason(
    admin: Shopper, seller: Shopper, language: str, sentence: str
) -> None:
    admin.language = language
    answer = admin.post(f"/admin/accounts/{id_of(seller)}", {"action": "suspend", "reason": "no"})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert ">\nno</textarea>" in answer.text
    assert seller.get("/account").status_code == 200


@on_sqlite
def test_an_act_for_another_kind_of_target_is_refused(admin: Shopper, seller: Shopper) -> None:
    assert judge(admin, f"/admin/accounts/{id_of(seller)}", "hide") == 422
    assert judge(admin, f"/admin/accounts/{id_of(seller)}", "make_admin") == 422


@on_sqlite
def test_a_person_is_found_by_their_address(admin: Shopper, seller: Shopper) -> None:
    found = admin.get("/admin", query_string={"email": f" {seller.email.upper()} "}).text
    assert re.findall(r'data-account-id="(\d+)"', found) == [str(id_of(seller))]
    assert "Nobody has this email address." in admin.get("/admin?email=' OR 1=1 --").text


def test_the_trail_and_the_people_come_in_pages_without_gap_or_double(
    admin: Shopper, database: Database, app: Flask
) -> None:
    auth = service(LocalAuth, app)
    people = [
        auth.register(f"{number}@example.com", "Ana", "a password")[0] for number in range(26)
    ]
    target = {"target_id": people[0].id, "target_name": "Ana"}
    rows = [{**target, "action": "suspend", "reason": f"Reason {n}"} for n in range(30)]
    database.transaction(lambda db: db.execute(insert(AuditEntry), rows))
    for path, mark, count in (("/admin/audit", "entry", 32), ("/admin", "account", 27)):
        first = admin.get(path).text
        more = re.search(r'rel="next" href="([^"]+)"', first)
        assert more is not None
        second = admin.get(more[1]).text
        assert 'rel="next"' not in second
        shown = [int(found) for found in re.findall(rf'data-{mark}-id="(\d+)"', first + second)]
        assert len(shown) == count
        assert shown == sorted(set(shown), reverse=True)
