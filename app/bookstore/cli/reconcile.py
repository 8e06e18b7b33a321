"""``bookstore reconcile``."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import now
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.services import service

BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@click.command()
@click.option("--days", type=click.FloatRange(0), help="Purchases of so many days; all without.")
def reconcile(days: float | None) -> None:
    """Prove stock, orders and payments against each other, and change nothing.

    A running server does the same each hour for the purchases of a week. Run it where orders is
    served. Prints JSON: how many purchases, reservations and payments were compared, and the
    differences, each with its kind, purchase and book; exits with 1 if there are any.
    """
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.orders.gateway import PaymentTimeout
    from bookstore.orders.service import LocalOrders
    from bookstore.standalone import make_shop

    settings = load_settings()
    if "orders" not in settings.domains:
        raise click.ClickException(
            f"SERVICE is {settings.service}; reconcile where orders is served, or the whole shop."
        )
    app = make_shop(settings)
    since = BEGINNING if days is None else now() - timedelta(days=days)
    try:
        with app.app_context():
            report = service(LocalOrders, app).reconciliation.run(since)
    except ServiceUnavailable as away:
        raise click.ClickException(f"{away}; try again when it answers.") from None
    except PaymentTimeout:
        raise click.ClickException("The payment gateway does not answer; try again.") from None
    click.echo(json.dumps(asdict(report)))
    if report.differences:
        sys.exit(1)
