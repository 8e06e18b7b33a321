"""``bookstore openapi``."""

import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--check",
    "committed",
    type=click.Path(path_type=Path),
    help="Print nothing; fail when this file is not the document.",
)
def openapi(committed: Path | None) -> None:
    """Print the OpenAPI document of the whole shop's API."""
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.core.api.document import document_text
    from bookstore.factory import APIS

    apis = [api for name in sorted(APIS) for api in APIS[name]]
    text = document_text([op for api in apis for op in api.operations])
    if committed is None:
        click.echo(text, nl=False)
    elif not committed.is_file() or committed.read_text(encoding="utf-8") != text:
        click.echo(
            f"{committed} and the API's routes differ; run `make generate` and commit the result",
            err=True,
        )
        sys.exit(1)
