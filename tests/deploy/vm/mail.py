"""What people get by the mail server of the inventory."""

from __future__ import annotations

import re
from email import message_from_string, policy
from email.message import EmailMessage

from tests.deploy.vm.machines import DOMAIN, MAIL_FOLDER, Site
from tests.support.poll import eventually

MAIL_SECONDS = 30


def mail_with_link(site: Site, email: str, page: str) -> tuple[EmailMessage, str]:
    """Wait for a mail with a link to a page, and return it with the link's path.

    :param page: what the path begins with, such as ``/auth/reset/``.
    """
    link = re.compile(rf"https://{re.escape(DOMAIN)}({re.escape(page)}\S+)")

    def received() -> tuple[EmailMessage, str]:
        of_person = ("grep", "-rlF", "--include=*.eml", f"To: {email}", MAIL_FOLDER)
        for path in sorted(site.stranger.attempt(*of_person).stdout.split(), reverse=True):
            raw = site.stranger.run("cat", path)
            message = message_from_string(raw, EmailMessage, policy=policy.default)
            body = message.get_body(("plain",))
            found = link.search(str(body.get_content())) if body is not None else None
            if found is not None:
                return message, found[1]
        raise AssertionError(f"no mail to {email} has a link to {page}")

    return eventually(received, within=MAIL_SECONDS)
