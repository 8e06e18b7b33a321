"""Who moderates: invited to an address, never made one with a password that somebody had."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from flask import Flask

from bookstore.auth.moderators import LastModerator, Moderators
from bookstore.cli.moderators import moderators
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.mailbox import Mailbox, let_links_expire, text_of
from tests.component.app.moderator import id_of, judge, promote
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY

EVA = "eva@example.com"
NEW = "an even longer password"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(app: Flask, database_uri: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a way to call ``bookstore moderators`` for the shop's database."""
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("PUBLIC_URL", "https://books.example.com")

    def called(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(moderators, arguments)
        return done.exit_code, done.output

    return called


def printed_link(said: str) -> str:
    found = re.search(r"https://books\.example\.com(/auth/invitation/\S+)", said)
    assert found is not None, said
    return found[1]


def mailed_link(mailbox: Mailbox, email: str) -> str:
    found = re.search(r"(/auth/invitation/\S+)", text_of(mailbox.to(email)[-1]))
    assert found is not None
    return found[1]


def test_the_first_moderator_opens_an_account_by_the_link_of_the_command_line(
    app: Flask, run: Run, visitor: Shopper
) -> None:
    code, said = run("invite", "Eva@Example.com")
    assert code == 0
    assert f"Give this link to {EVA}" in said
    link = printed_link(said)
    page = visitor.get(link)
    assert (page.status_code, EVA in page.text) == (200, True)
    assert page.headers["Referrer-Policy"] == "strict-origin"
    answer = visitor.post(link, {"name": "Eva Ruiz", "password": NEW})
    assert answer.location == "/admin"
    assert "You are a moderator now." in visitor.get("/admin").text
    again = Shopper(app, email=EVA, password=NEW)
    assert again.log_in().status_code == 303
    assert again.get("/admin").status_code == 200
    assert run("list")[1] == f"{EVA}\tEva Ruiz\tmoderates\n"
    trail = again.get("/admin/audit").text
    assert trail.index("Became a moderator") < trail.index("Invited to moderate")
    assert trail.count("Command line") == 1


def test_who_took_an_address_before_its_owner_was_invited_is_left_outside(
    run: Run, seller: Shopper, visitor: Shopper
) -> None:
    link = printed_link(run("invite", seller.email)[1])
    assert seller.get("/admin").status_code == 404
    assert "Choose a new password" in visitor.get(link).text
    assert visitor.post(link, {"password": NEW}).location == "/admin"
    assert visitor.get("/admin").status_code == 200
    assert seller.get("/account").location == "/auth/login?next=/account"
    assert seller.log_in().status_code == 422
    assert seller.log_in(NEW).status_code == 303


def test_who_is_logged_in_with_the_invited_address_accepts_by_a_button(
    run: Run, seller: Shopper
) -> None:
    link = printed_link(run("invite", seller.email)[1])
    assert 'type="password"' not in seller.get(link).text
    assert seller.get("/admin").status_code == 404
    assert seller.post(link, {}).location == "/admin"
    assert seller.get("/admin").status_code == 200
    assert seller.log_in().status_code == 303


@on_sqlite
def test_an_invitation_is_of_no_use_to_another_account(
    run: Run, seller: Shopper, buyer: Shopper
) -> None:
    link = printed_link(run("invite", seller.email)[1])
    for answer in (buyer.get(link), buyer.post(link, {})):
        assert answer.status_code == 403
        assert seller.email not in answer.text
    assert buyer.get("/admin").status_code == 404
    assert seller.post(link, {}).status_code == 303


@on_sqlite
def test_an_invitation_is_withdrawn_and_others_stay(run: Run) -> None:
    people = ["ana@example.com", EVA, "zoe@example.com"]
    for email in people:
        run("invite", email)
    assert run("demote", EVA) == (0, f"The invitation of {EVA} is withdrawn.\n")
    listed = run("list")[1]
    assert [email for email in people if f"{email}\t\tinvited" in listed] == [people[0], people[2]]


@on_sqlite
def test_a_link_that_was_used_withdrawn_replaced_or_is_old_does_nothing(
    run: Run, visitor: Shopper, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = printed_link(run("invite", EVA)[1])
    second = printed_link(run("invite", EVA)[1])
    assert visitor.get(first).status_code == 400
    assert run("demote", EVA) == (0, f"The invitation of {EVA} is withdrawn.\n")
    assert "Ask who invited you" in visitor.get(second).text
    third = printed_link(run("invite", EVA)[1])
    assert visitor.get(f"{third}x").status_code == 400
    assert visitor.post(third, {"name": "Eva", "password": NEW}).status_code == 303
    assert (
        Shopper(app).post(third, {"name": "Eva", "password": "mine now, I think"}).status_code
        == 400
    )
    fourth = printed_link(run("invite", "ana@example.com")[1])
    with monkeypatch.context() as patch:
        let_links_expire(patch)
        assert Shopper(app).get(fourth).status_code == 200
        let_links_expire(patch, 3 * 24 * 3600)
        assert Shopper(app).get(fourth).status_code == 400


def test_of_many_who_open_a_link_at_once_one_becomes_a_moderator(app: Flask, run: Run) -> None:
    link = printed_link(run("invite", EVA)[1])
    people = [Shopper(app) for _ in range(4)]
    tokens = [person.token() for person in people]

    def accept(number: int) -> int:
        typed = {"name": "Eva", "password": f"{NEW} {number}"}
        return people[number].post(link, typed, tokens[number]).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(accept, range(4))) == [303, 400, 400, 400]
    assert run("list")[1] == f"{EVA}\tEva\tmoderates\n"


@on_sqlite
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_moderator_invites_by_mail_in_the_language_of_who_is_invited(
    admin: Shopper, mailbox: Mailbox, visitor: Shopper, language: str
) -> None:
    admin.language = language
    typed = {"email": EVA, "reason": "Knows all of our sellers"}
    assert admin.post("/admin/moderators", typed).location == "/admin/moderators"
    page = admin.get("/admin/moderators").text
    assert EVA in page
    assert {"en": "An invitation is on its way", "es": "invitación"}[language] in page
    (mail,) = mailbox.to(EVA)
    assert {"en": "You are invited", "es": "Te invitamos"}[language] in text_of(mail)
    link = mailed_link(mailbox, EVA)
    assert visitor.post(link, {"name": "Eva", "password": NEW}).location == "/admin"
    assert "Knows all of our sellers" in admin.get("/admin/audit").text


@on_sqlite
def test_a_bad_invitation_keeps_what_was_typed(admin: Shopper) -> None:
    answer = admin.post("/admin/moderators", {"email": "eva", "reason": "no"})
    assert answer.status_code == 422
    assert "Write an email address" in answer.text
    assert 'value="eva"' in answer.text
    taken = admin.post("/admin/moderators", {"email": admin.email, "reason": "Twice"})
    assert taken.status_code == 409
    assert "moderates already, or is suspended" in taken.text


@on_sqlite
def test_an_invitation_is_withdrawn_on_the_page(
    admin: Shopper, mailbox: Mailbox, visitor: Shopper
) -> None:
    admin.post("/admin/moderators", {"email": EVA, "reason": "A slip"})
    link = mailed_link(mailbox, EVA)
    found = re.search(r'data-invitation-id="(\d+)"', admin.get("/admin/moderators").text)
    assert found is not None
    path = f"/admin/invitations/{found[1]}/withdraw"
    assert admin.post(path, {}).location == "/admin/moderators"
    assert visitor.get(link).status_code == 400
    assert admin.post(path, {}).status_code == 404
    assert "Invitation withdrawn" in admin.get("/admin/audit").text


@on_sqlite
def test_the_trail_holds_no_sentence_that_nobody_typed(
    app: Flask, admin: Shopper, moderator: Client, visitor: Shopper, run: Run
) -> None:
    link = printed_link(run("invite", EVA)[1])
    visitor.post(link, {"name": "Eva", "password": NEW})
    admin.post("/admin/moderators", {"email": "ana@example.com", "reason": "Ayuda los sábados"})
    run("demote", "ana@example.com")
    items = moderator.get("/admin/audit").json["items"]
    assert [(item["action"], item["reason"]) for item in items[:4]] == [
        ("withdraw", None),
        ("invite", "Ayuda los sábados"),
        ("accept", None),
        ("invite", None),
    ]
    admin.language = "es"
    page = admin.get("/admin/audit").text
    assert "Invitación retirada" in page
    assert "Línea de comandos" in page
    assert "Ayuda los sábados" in page
    assert "<p>None</p>" not in page


def test_a_demoted_moderator_is_an_account_like_any_other_at_once(
    app: Flask, admin: Shopper, seller: Shopper
) -> None:
    promote(app, seller.email)
    assert seller.get("/admin").status_code == 200
    assert judge(admin, f"/admin/accounts/{id_of(seller)}", "demote", "Has left us") == 303
    assert seller.get("/admin").status_code == 404
    assert seller.get("/account").status_code == 200
    assert judge(admin, f"/admin/accounts/{id_of(seller)}", "demote") == 409
    assert "Has left us" in admin.get("/admin/audit").text


@on_sqlite
def test_who_demotes_themselves_is_led_out(app: Flask, admin: Shopper, seller: Shopper) -> None:
    promote(app, seller.email)
    answer = admin.post(
        f"/admin/accounts/{id_of(admin)}", {"action": "demote", "reason": "I retire"}
    )
    assert answer.location == "/account"
    assert admin.get("/admin").status_code == 404


@on_sqlite
def test_the_last_moderator_stays_unless_the_operator_insists(
    admin: Shopper, seller: Shopper, run: Run, app: Flask
) -> None:
    path = f"/admin/accounts/{id_of(admin)}"
    answer = admin.post(path, {"action": "demote", "reason": "I retire"})
    assert answer.status_code == 409
    assert "Nobody else could moderate then" in answer.text
    # One who is suspended cannot moderate either.
    promote(app, seller.email)
    judge(admin, f"/admin/accounts/{id_of(seller)}", "suspend")
    assert judge(admin, path, "demote") == 409
    code, said = run("demote", admin.email)
    assert code == 1
    assert "add --force" in said
    assert run("demote", admin.email, "--force") == (
        0,
        f"{admin.email} is no longer a moderator.\n",
    )
    assert admin.get("/admin").status_code == 404


def test_two_moderators_who_demote_each_other_at_once_leave_one(
    app: Flask, seller: Shopper, buyer: Shopper
) -> None:
    for person in (seller, buyer):
        promote(app, person.email)
    ids = [id_of(person) for person in (seller, buyer)]
    found = service(Moderators, app)

    def demote(actor: int, other: int) -> bool:
        try:
            found.demote(actor, other, "Quick")
        except LastModerator:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, ids, reversed(ids)))
    assert sorted(done) == [False, True]
    assert len(found.all()) == 1


@on_sqlite
def test_the_command_line_refuses_in_a_sentence(run: Run, admin: Shopper, seller: Shopper) -> None:
    assert run("invite", "eva") == (
        1,
        'bookstore: "eva" is no email address; write one, such as ana@example.com.\n',
    )
    assert "moderates already" in run("invite", admin.email)[1]
    for nobody in (seller.email, EVA):
        assert run("demote", nobody) == (1, f"bookstore: {nobody} does not moderate.\n")
    run("invite", EVA)
    assert f"{EVA}\t\tinvited" in run("list")[1]


@on_sqlite
def test_where_the_shop_sends_mail_the_command_line_prints_no_link(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("SMTP_FROM", "BookStore <books@example.com>")
    code, said = run("invite", EVA)
    assert (code, said) == (0, f"An invitation is on its way to {EVA}; it is good for 3 days.\n")


@on_sqlite
def test_moderators_are_looked_after_by_the_api(
    moderator: Client, client: Client, mailbox: Mailbox
) -> None:
    me = moderator.get("/account").json["id"]
    assert [item["id"] for item in moderator.get("/admin/moderators").json["items"]] == [me]
    asked = {"email": client.email, "reason": "Helps"}
    assert moderator.post("/admin/invitations", asked).status_code == 202
    (invitation,) = moderator.get("/admin/invitations").json["items"]
    assert (invitation["email"], invitation["actor"]) == (client.email, "Eva Moderadora")
    assert len(mailbox.to(client.email)) == 1
    path = f"/admin/invitations/{invitation['id']}"
    assert moderator.send("DELETE", path).status_code == 204
    assert moderator.send("DELETE", path).status_code == 404
    promote(moderator.app, client.email)
    assert client.get("/account").json["is_moderator"]
    again = moderator.post("/admin/invitations", asked)
    assert again.json["type"] == "urn:problem-type:bookstore:nothing-to-do"
    other = client.get("/account").json["id"]
    demoted = moderator.post(f"/admin/accounts/{other}/demote", {"reason": "Has left us"})
    assert not demoted.json["is_moderator"]
    last = moderator.post(f"/admin/accounts/{me}/demote", {"reason": "I retire"})
    assert (last.status_code, last.json["type"]) == (
        409,
        "urn:problem-type:bookstore:last-moderator",
    )
