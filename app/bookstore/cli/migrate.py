"""``bookstore migrate``."""

from collections.abc import Mapping

import click

from bookstore.cli.chosen import service_option, settings_of
from bookstore.cli.outcome import tell, wait_option
from bookstore.core.db import schema
from bookstore.core.db.migrate import migrate as run_migrations


@click.command()
@wait_option
@service_option
def migrate(wait: float, service: str | None) -> None:
    """Bring the database to the newest schema of each domain, or of one service's alone.

    A newer version of the shop may have been there before, as when its image is rolled back.
    Where this version works with that schema nothing is changed, else it fails with the error
    SchemaTooNew. Prints JSON: the schemaRevision, which names one of each domain, with newer
    when any is a later version's; or error and message, and then exits with 1.
    """

    def work() -> Mapping[str, object]:
        settings = settings_of(service)
        return _told(run_migrations(settings, wait, settings.domains))

    tell(work)


def _told(found: Mapping[str, str]) -> Mapping[str, object]:
    newer = any(found[domain] not in schema.revisions(domain) for domain in found)
    return {"schemaRevision": ", ".join(found.values())} | ({"newer": True} if newer else {})
