"""The shop writes to people by the mail server of the inventory."""

from __future__ import annotations

import base64

from tests.deploy.vm.machines import DOMAIN, MAIL_FOLDER, MAIL_LOGIN
from tests.deploy.vm.mail import mail_with_link


def test_a_link_for_a_new_password_comes_by_the_mail_server(site, shopper):
    person = shopper()
    email = person.register()
    person.log_out()
    person.submit("/auth/reset", email=email)
    message, link = mail_with_link(site, email, "/auth/reset/")
    assert message["To"] == email
    assert message["From"] == f"BookStore <bookstore@{DOMAIN}>"
    assert person.page(link).forms
    login = base64.b64decode(site.stranger.run("cat", f"{MAIL_FOLDER}/login")).decode()
    assert tuple(login.split("\0")[1:]) == MAIL_LOGIN, "the server got another login than was set"
