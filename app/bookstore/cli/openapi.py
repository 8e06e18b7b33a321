"""``bookstore openapi``."""

from pathlib import Path

import click

from bookstore.cli.generated import check_option, print_or_check


@click.command()
@check_option
def openapi(committed: Path | None) -> None:
    """Print the OpenAPI document of the whole shop's API."""
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.core.api.document import document_text
    from bookstore.factory import operations

    print_or_check(document_text(operations()), committed, "the API's routes")
