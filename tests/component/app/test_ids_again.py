"""A restored database gives ids a second time: what was one account's opens no other's."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import delete, text

from bookstore.auth.models import Account
from bookstore.core.db.database import ON_MYSQL, Database
from tests.component.app.client import Client
from tests.component.app.mailbox import Mailbox, text_of
from tests.component.app.moderator import id_of
from tests.component.app.shopper import Shopper


def forget_everybody(database: Database) -> None:
    """Leave no account, and the first id to the next one, as a restore of an older copy does."""
    with database.engine.begin() as connection:
        connection.execute(delete(Account))
        if connection.dialect.name in ON_MYSQL:
            connection.execute(text("ALTER TABLE accounts AUTO_INCREMENT = 1"))
        else:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'accounts'"))


def test_a_cookie_a_token_and_a_link_of_one_account_open_no_other_with_its_id(
    seller: Shopper,
    visitor: Shopper,
    mailbox: Mailbox,
    database: Database,
    newcomer: Callable[[], Shopper],
) -> None:
    program = Client(seller.app, email=seller.email, password=seller.password).log_in()
    visitor.post("/auth/reset", {"email": seller.email})
    (link,) = re.findall(r"http://localhost:5000(/auth/reset/\S+)", text_of(mailbox()[-1]))
    first_id = id_of(seller)
    assert seller.get("/account").status_code == 200

    forget_everybody(database)
    second = newcomer()

    assert id_of(second) == first_id
    assert seller.get("/account").location == "/auth/login?next=/account"
    assert program.get("/account").status_code == 401
    assert visitor.get(link).status_code == 400
    assert second.get("/account").status_code == 200
