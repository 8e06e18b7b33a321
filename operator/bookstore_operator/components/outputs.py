"""What the ways to the shop and the mail server give out, the same for all who read it."""

from dataclasses import dataclass, field

from bookstore_operator.components.manifests import DRAIN
from bookstore_operator.engine.view import View

PROXY_KEEPALIVE = 100
"""Seconds that the shop keeps an idle connection of a proxy: longer than the 60 for which NGINX and
AWS' Application Load Balancer do, and the 90 of Traefik, so that a request never meets a connection
that is closing."""


@dataclass(frozen=True)
class PublicAddress:
    """Describe to the shop how its readers come.

    Attributes:
        url: Scheme and host that they open; None where no name is known.
        hosts: The names that the shop answers to; it answers to all where there are none.
        hops: How many proxies add to X-Forwarded-For.
        drain: Seconds that a pod serves on once it was taken out.
    """

    url: str | None = None
    hosts: tuple[str, ...] = ()
    hops: int = 0
    drain: int = DRAIN

    def settings(self) -> dict[str, str]:
        """Return the shop's settings."""
        values = {"FORWARDED_HOPS": str(self.hops)}
        if self.hops:
            values["KEEPALIVE_SECONDS"] = str(PROXY_KEEPALIVE)
        if self.url:
            values["PUBLIC_URL"] = self.url
        if self.hosts:
            values["TRUSTED_HOSTS"] = ",".join(self.hosts)
        return values


@dataclass(frozen=True)
class ServingImage:
    """Tell which image the shop's pods are to run.

    Attributes:
        image: The wanted image once its migration is done, until then the one before; the last good
            one where the wanted one was given up.
        given_up: The wanted image, where it was given up.
        cause: Why it was, in words.
    """

    image: str
    given_up: str | None = None
    cause: str = ""


@dataclass(frozen=True)
class MailSettings:
    """Describe to the shop how it sends mail.

    Attributes:
        plain: The settings that hold no secret.
        secret: Those out of the Secret, which stay in Secrets.
        port: The mail server's TCP port; None where no mail is sent.
    """

    plain: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None


def mail_settings(view: View) -> MailSettings:
    """Return how the shop sends mail; a store without mail says nothing of it."""
    found = view.outputs.get(MailSettings)
    return found if isinstance(found, MailSettings) else MailSettings()


@dataclass(frozen=True)
class ExtraEnvironment:
    """The variables that a person adds to those of the shop.

    Attributes:
        plain: Those that hold no secret.
        secret: Those out of Secrets, which stay in Secrets.
    """

    plain: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict, repr=False)


def extra_environment(view: View) -> ExtraEnvironment:
    """Return the variables that a person adds; a store without any says nothing of it."""
    found = view.outputs.get(ExtraEnvironment)
    return found if isinstance(found, ExtraEnvironment) else ExtraEnvironment()
