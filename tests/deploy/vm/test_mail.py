"""The shop writes to people by the mail server of the inventory."""

from __future__ import annotations

import base64
import re
from email import message_from_string, policy

from tests.deploy.vm.machines import DOMAIN, MAIL_LOGIN
from tests.support.poll import eventually

LINK = re.compile(rf"https://{re.escape(DOMAIN)}(/auth/reset/\S+)")


def test_a_link_for_a_new_password_comes_by_the_mail_server(site, shopper):
    person = shopper()
    email = person.register()
    person.log_out()
    person.submit("/auth/reset", email=email)

    def received() -> str:
        found = site.stranger.attempt("cat", "/root/mail/message")
        assert email in found.stdout
        return str(found.stdout)

    message = message_from_string(eventually(received, within=30), policy=policy.default)
    assert message["To"] == email
    assert message["From"] == f"BookStore <bookstore@{DOMAIN}>"
    body = message.get_body(("plain",))
    assert body is not None
    link = LINK.search(body.get_content())
    assert link, "the message has no link"
    assert person.page(link[1]).forms
    login = base64.b64decode(site.stranger.run("cat", "/root/mail/login")).decode()
    assert tuple(login.split("\0")[1:]) == MAIL_LOGIN, "the server got another login than was set"
