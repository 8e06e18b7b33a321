"""A store that sends mail: its Secret comes late, is rotated, and goes."""

from __future__ import annotations

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.stage import Stage, controlling

MAIL: Manifest = {
    "exposure": {"loadBalancer": {"host": "books.example.com"}},
    "mail": {"smtpSecretRef": {"name": "smtp"}, "from": "books@example.com"},
}
SERVER = {"host": "c210cA==", "username": "c2hvcA==", "password": "czNjcmV0"}


def template(stage: Stage) -> Manifest:
    found: Manifest = stage.get("deployments", "shop")["spec"]["template"]
    return found


async def test_a_store_waits_for_its_mail_server_and_goes_on_by_itself(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store(**MAIL)
        await bare.until_told("SecretNotFound")
        assert "Secret books/smtp is not there" in bare.message("MailReady")
        await bare.secret("smtp", **SERVER)
        await bare.until_ready()


async def test_a_rotated_password_of_the_mail_server_rolls_the_pods_once(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret("smtp", **SERVER)
        await bare.made(**MAIL)
        before = bare.get("deployments", "shop")["metadata"]["generation"]
        await bare.secret("smtp", **SERVER | {"password": "bmV3"})
        await bare.until(lambda: bare.get("deployments", "shop")["metadata"]["generation"] > before)
        await bare.until_ready()
        await bare.until_quiet()
        assert bare.get("deployments", "shop")["metadata"]["generation"] == before + 1


async def test_pods_serve_on_as_they_are_while_the_secret_is_gone(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret("smtp", **SERVER)
        await bare.made(**MAIL)
        before = template(bare)
        await bare.delete("secrets", "smtp")
        await bare.until_told("SecretNotFound")
        await bare.until_passes()
        assert template(bare) == before
        assert bare.condition("Available")[0] == "True"
        await bare.secret("smtp", **SERVER)
        await bare.until_ready()
        assert template(bare) == before
