"""The mail server: what its Secret must hold, and what the shop's pods learn of it."""

from __future__ import annotations

import base64

import pytest

from bookstore_operator.components.credentials import (
    SECRET_INVALID,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
)
from bookstore_operator.components.mail import MailServer
from bookstore_operator.components.outputs import MailSettings
from bookstore_operator.components.shop import MAIL_READY
from bookstore_operator.components.web import Web
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import SECRET
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

SENDER = "BookStore <books@example.com>"
WHOLE = {
    "host": "smtp.example.com",
    "port": "465",
    "tls": "tls",
    "username": "shop",
    "password": "s3cret",
}


def mailing() -> Store:
    return store(
        exposure={"loadBalancer": {"host": "books.example.com"}},
        mail={"smtpSecretRef": {"name": "smtp"}, "from": SENDER},
    )


def smtp(**values: str | bytes) -> Manifest:
    encoded = {
        key: base64.b64encode(one if isinstance(one, bytes) else one.encode()).decode()
        for key, one in values.items()
    }
    metadata = {"name": "smtp", "namespace": "books"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


def pods(root: Store, view: View) -> tuple[Manifest, Manifest, Manifest]:
    """Return the plain environment, the secret one, and the container of the shop's pods."""
    made = {one["kind"]: one for one in Web().children(root, view)}
    (container,) = made["Deployment"]["spec"]["template"]["spec"]["containers"]
    return made["ConfigMap"]["data"], made["Secret"]["data"], container


def played(root: Store, *objects: Manifest) -> View:
    view = seen(root, *objects)
    play(root, view)
    return view


def test_the_shop_learns_the_server_and_nothing_secret_stands_outside_of_a_secret() -> None:
    wanted = mailing()
    view = played(wanted, smtp(**WHOLE))
    plain, secret, container = pods(wanted, view)
    assert plain["SMTP_FROM"] == SENDER
    assert plain["PUBLIC_URL"] == "http://books.example.com"
    variables = {"SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_USER", "SMTP_PASSWORD"}
    assert variables <= set(secret)
    assert base64.b64decode(secret["SMTP_PASSWORD"]).decode() == "s3cret"
    assert variables <= {variable["name"] for variable in container["env"]}
    assert not variables & set(plain)
    assert MailServer().judge(wanted, view).ready


def test_what_the_secret_leaves_out_is_left_to_the_shop() -> None:
    wanted = mailing()
    view = played(wanted, smtp(host="smtp.example.com\n"))
    _, secret, _ = pods(wanted, view)
    assert base64.b64decode(secret["SMTP_HOST"]).decode() == "smtp.example.com"
    assert not {"SMTP_PORT", "SMTP_TLS", "SMTP_USER", "SMTP_PASSWORD"} & set(secret)
    assert MailServer().judge(wanted, view).ready


def test_a_rotated_password_makes_one_new_revision_of_the_environment() -> None:
    wanted = mailing()
    view = played(wanted, smtp(**WHOLE))
    revisions = []
    for password in ("s3cret", "s3cret", "n3w"):
        again = seen(
            wanted, *filter(None, view.objects.values()), smtp(**WHOLE | {"password": password})
        )
        revisions.append(pods(wanted, again)[2]["envFrom"])
    assert revisions[0] == revisions[1] != revisions[2]


NEITHER = "add it, or take username and password out for a server that asks for neither"
NO_PORT = ': the value of "port" must be a port from 1 to 65535'


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        (None, SECRET_NOT_FOUND, " is not there; create it, or set mail.smtpSecretRef.name"),
        ({}, SECRET_KEY_MISSING, ' has no key "host"; add the name of the mail server'),
        (
            {"host": "a", "username": "u"},
            SECRET_KEY_MISSING,
            f' has no key "password"; {NEITHER}',
        ),
        (
            {"host": "a", "password": "p"},
            SECRET_KEY_MISSING,
            f' has no key "username"; {NEITHER}',
        ),
        ({"host": "a", "port": "0"}, SECRET_INVALID, NO_PORT),
        ({"host": "a", "port": "smtp"}, SECRET_INVALID, NO_PORT),
        ({"host": "a", "port": "\u0662\u0665"}, SECRET_INVALID, NO_PORT),
        ({"host": "a", "port": "65536"}, SECRET_INVALID, NO_PORT),
        ({"host": "a", "port": "9" * 5000}, SECRET_INVALID, NO_PORT),
        (
            {"host": "a", "tls": "yes"},
            SECRET_INVALID,
            ': the value of "tls" must be starttls, tls, disabled',
        ),
        (
            {"host": b"\xff"},
            SECRET_INVALID,
            ': the value of "host" is not UTF-8 text; correct it',
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_told_and_holds_the_pods_as_they_are(
    values: dict[str, str | bytes] | None, reason: str, words: str
) -> None:
    wanted = mailing()
    verdict = MailServer().judge(
        wanted, seen(wanted, *([] if values is None else [smtp(**values)]))
    )
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, reason, True)
    assert verdict.message == f"Secret books/smtp{words}"
    assert MAIL_READY in Web.requires


@pytest.mark.parametrize(
    ("values", "port"),
    [({}, 587), ({"port": "1"}, 1), ({"port": "465\n"}, 465), ({"port": "65535"}, 65535)],
)
def test_the_mail_server_is_reached_at_the_port_that_the_secret_names(
    values: dict[str, str], port: int
) -> None:
    wanted = mailing()
    view = seen(wanted, smtp(host="smtp.example.com", **values))
    assert MailServer().judge(wanted, view).message == "The shop sends mail."
    assert view.output(MailSettings).port == port


def test_the_secret_that_is_read_is_the_stores_own_of_that_name() -> None:
    wanted = mailing()
    assert MailServer().references(wanted, seen(wanted)) == [Ref(SECRET, "books", "smtp")]


def test_a_store_without_mail_has_no_such_condition() -> None:
    assert not MailServer().active(store())
