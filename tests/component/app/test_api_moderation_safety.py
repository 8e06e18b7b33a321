"""The API of moderators opens for nobody else, and tells nobody else what is there."""

from __future__ import annotations

from sqlalchemy import update

from bookstore.auth.models import Account
from bookstore.core.db.database import Database
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.test_api_moderation import WHY, id_of


@on_sqlite
def test_neither_a_bad_request_nor_one_for_what_is_not_there_is_told_apart(
    client: Client, moderator: Client
) -> None:
    nothing = client.get("/nothing").json
    book, person = client.publish(), id_of(moderator)
    for place, act in ((f"/admin/accounts/{person}", "suspend"), (f"/admin/books/{book}", "hide")):
        for path, body in (
            (f"{place}/{act}", WHY),
            (f"{place}/{act}", {}),
            (f"{place}/{act}?colour=red", WHY),
            (f"/admin/accounts/999/{act}", WHY),
        ):
            answer = client.post(path, body)
            assert (answer.status_code, answer.json) == (404, nothing)


@on_sqlite
def test_a_token_does_what_its_account_may_do_now(
    client: Client, moderator: Client, database: Database
) -> None:
    def promote(is_moderator: bool) -> None:
        changed = (
            update(Account).where(Account.email == client.email).values(is_moderator=is_moderator)
        )
        database.transaction(lambda db: db.execute(changed))

    for is_moderator, status in ((True, 200), (False, 404), (True, 200)):
        promote(is_moderator)
        assert client.get("/admin/accounts").status_code == status
        assert client.get("/account").json["is_moderator"] is is_moderator
    # A moderator may suspend another one, who is out of everything then.
    moderator.post(f"/admin/accounts/{id_of(client)}/suspend", WHY)
    assert client.get("/admin/accounts").status_code == 401
