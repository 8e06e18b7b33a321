"""``bookstore migrate``."""

from collections.abc import Mapping

import click

from bookstore.cli.outcome import tell, wait_option
from bookstore.core.config.settings import load_settings
from bookstore.core.db import schema
from bookstore.core.db.migrate import migrate as run_migrations


@click.command()
@wait_option
def migrate(wait: float) -> None:
    """Bring the database to the newest schema of each domain.

    A newer version of the shop may have been there before, as when its image is rolled back.
    Where this version works with that schema nothing is changed, else it fails with the error
    SchemaTooNew. Prints JSON: the schemaRevision, which names one of each domain, with newer
    when any is a later version's; or error and message, and then exits with 1.
    """
    tell(lambda: _told(run_migrations(load_settings(), wait)))


def _told(found: Mapping[str, str]) -> Mapping[str, object]:
    newer = any(found[domain] not in schema.revisions(domain) for domain in found)
    return {"schemaRevision": ", ".join(found.values())} | ({"newer": True} if newer else {})
