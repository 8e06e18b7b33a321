"""Mail: the server that sends the shop's, out of a Secret of the store's namespace."""

import re
from typing import ClassVar

from pydantic import ConfigDict, Field

from bookstore_operator.api.conditions import GOES_ON, Reason
from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import MailSender, SecretName
from bookstore_operator.components.credentials import (
    SECRET_INVALID,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
    absent_secret,
)
from bookstore_operator.components.manifests import decoded
from bookstore_operator.components.outputs import MailSettings
from bookstore_operator.components.shop import MAIL_READY
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

WAITING_FOR_MAIL = Reason(
    "WaitingForMail",
    f"This part begins after {MAIL_READY}.",
    fix=GOES_ON,
)

HOST, PORT, TLS, USER, PASSWORD = "host", "port", "tls", "username", "password"
VARIABLES = {
    HOST: "SMTP_HOST",
    PORT: "SMTP_PORT",
    TLS: "SMTP_TLS",
    USER: "SMTP_USER",
    PASSWORD: "SMTP_PASSWORD",
}
"""The keys of the Secret, and the shop's settings."""

DEFAULT_PORT = 587
TLS_MODES = ("starttls", "tls", "disabled")
_HAS_HOST = (
    "has(self.exposure) && (!has(self.exposure.loadBalancer) || "
    "has(self.exposure.loadBalancer.host))"
)
"""CEL for whether the shop has a name: every other way has hosts."""


class SmtpSecretRef(ApiModel):
    """A mail server, in a Secret of the store's namespace."""

    name: SecretName
    """The Secret. Its keys are host; port, 587 where it is left out; tls, which is starttls, tls or
    disabled, and starttls where it is left out; username and password, where the server asks for
    them. It may come after the store, which waits for it."""


class Mail(ApiModel):
    """How the shop sends mail."""

    smtp_secret_ref: SmtpSecretRef
    """The Secret that holds the mail server, for example {name: smtp}."""

    sender: MailSender = Field(alias="from")
    """Whom the shop's mail is from, for example BookStore <books@example.com>."""


class MailSpec(ApiModel):
    """The spec's word on mail."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!has(self.mail) || ({_HAS_HOST})",
                "links in mail begin with the shop's address: set exposure.loadBalancer.host, or "
                "another way to the shop under a host",
                field=".mail",
            )
        )
    )

    mail: Mail | None = None
    """How the shop sends mail; without it no mail is sent, so that nobody can set a forgotten
    password anew."""


class MailServer(Component[Store]):
    """Read the mail server, where the spec names one."""

    condition: ClassVar = MAIL_READY
    awaited: ClassVar = WAITING_FOR_MAIL
    spec_fields: ClassVar = MailSpec
    reasons: ClassVar = (SECRET_NOT_FOUND, SECRET_KEY_MISSING, SECRET_INVALID)

    def active(self, root: Store) -> bool:
        """Return whether the store sends mail."""
        return _mail(root) is not None

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Secret of the mail server."""
        mail = _mail(root)
        return [_secret(root, mail)] if mail else []

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the shop's settings."""
        mail = _mail(root)
        if mail is None:
            return ()
        values = _values(view.get(_secret(root, mail)) or {})
        secret = {VARIABLES[key]: value for key, value in values.items()}
        return (MailSettings({"SMTP_FROM": mail.sender}, secret, _port(values) or DEFAULT_PORT),)

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return nothing: the shop's environment holds a copy."""
        return []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the Secret is there, and says what a mail server needs."""
        mail = _mail(root)
        if mail is None:
            return ready("No mail is sent.")
        ref = _secret(root, mail)
        secret = view.get(ref)
        if secret is None:
            return absent_secret(ref, "mail.smtpSecretRef.name")
        return _fault(str(ref), secret) or ready("The shop sends mail.")


def _mail(store: Store) -> Mail | None:
    return store.fragment(MailSpec).mail


def _secret(store: Store, mail: Mail) -> Ref:
    return store.own_secret(mail.smtp_secret_ref.name)


def _values(secret: Manifest) -> dict[str, str]:
    """Return what the Secret holds of a mail server; line ends of files are left out."""
    found = {key: (decoded(secret, key) or "").strip("\r\n") for key in VARIABLES}
    return {key: value for key, value in found.items() if value}


def _port(values: dict[str, str]) -> int | None:
    """Return the mail server's port; None where the value is none."""
    said = values.get(PORT, str(DEFAULT_PORT))
    # Python reads no number of thousands of digits, and a Secret may hold one.
    port = int(said) if re.fullmatch("[0-9]{1,5}", said) else 0
    return port if 1 <= port <= 65535 else None


def _fault(where: str, secret: Manifest) -> Verdict | None:
    values = _values(secret)
    given = {key for key in VARIABLES if (secret.get("data") or {}).get(key)}
    if unreadable := sorted(given - set(values)):
        return failed(
            SECRET_INVALID, f'{where}: the value of "{unreadable[0]}" is not UTF-8 text; correct it'
        )
    if HOST not in values:
        return failed(
            SECRET_KEY_MISSING,
            f'{where} has no key "{HOST}"; add the name of the mail server',
        )
    if (USER in values) != (PASSWORD in values):
        missing = PASSWORD if USER in values else USER
        return failed(
            SECRET_KEY_MISSING,
            f'{where} has no key "{missing}"; add it, or take {USER} and {PASSWORD} out for a '
            "server that asks for neither",
        )
    if _port(values) is None:
        return failed(
            SECRET_INVALID, f'{where}: the value of "{PORT}" must be a port from 1 to 65535'
        )
    if values.get(TLS, TLS_MODES[0]) not in TLS_MODES:
        return failed(
            SECRET_INVALID, f'{where}: the value of "{TLS}" must be {", ".join(TLS_MODES)}'
        )
    return None
