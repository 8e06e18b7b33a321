"""Who sees the cover of a book that is not on sale: its seller and moderators, nobody else."""

from __future__ import annotations

import re

import pytest

from tests.component.app.moderator import judge, restore, suspend
from tests.component.app.shopper import Shopper
from tests.component.app.test_covers import picture, send


def with_cover(seller: Shopper, **changes: str) -> tuple[str, str]:
    """Publish a book with a picture; return its address and the cover's."""
    answer = send(seller, "/sell", picture(), **changes)
    assert answer.status_code == 303
    found = re.search(r'src="(/covers/[^"]+)"', seller.get(answer.location).text)
    assert found is not None
    return answer.location, found[1]


def test_the_cover_of_a_hidden_book_is_not_served(
    admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper
) -> None:
    book, cover = with_cover(seller)
    assert visitor.get(cover).status_code == 200
    assert judge(admin, f"/admin{book}", "hide") == 303
    for person in (visitor, buyer):
        answer = person.get(cover)
        assert (answer.status_code, answer.mimetype) == (404, "image/svg+xml")
    for person in (seller, admin):
        answer = person.get(cover)
        assert (answer.status_code, answer.mimetype) == (200, "image/webp")
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert judge(admin, f"/admin{book}", "unhide") == 303
    assert visitor.get(cover).status_code == 200


def test_the_cover_of_a_withdrawn_or_paused_book_is_not_served(
    admin: Shopper, seller: Shopper, visitor: Shopper
) -> None:
    book, cover = with_cover(seller)
    seller.post(f"{book}/withdraw", {})
    assert visitor.get(cover).status_code == 404
    assert seller.get(cover).status_code == 200
    seller.post(f"{book}/republish", {})
    assert visitor.get(cover).status_code == 200
    suspend(admin, seller)
    assert visitor.get(cover).status_code == 404
    restore(admin, seller)
    assert visitor.get(cover).status_code == 200


def test_a_cover_of_two_books_is_served_while_one_is_on_sale(
    admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper
) -> None:
    book, cover = with_cover(seller)
    _, same = with_cover(buyer)
    assert same == cover
    assert judge(admin, f"/admin{book}", "hide") == 303
    assert visitor.get(cover).status_code == 200


@pytest.mark.usefixtures("app")
def test_caches_let_a_public_cover_go_within_ten_minutes(seller: Shopper, visitor: Shopper) -> None:
    _, cover = with_cover(seller)
    answer = visitor.get(cover)
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    again = visitor.client.get(cover, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
