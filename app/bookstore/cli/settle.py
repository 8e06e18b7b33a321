"""``bookstore settle``."""

import click

from bookstore.factory import create_app
from bookstore.orders.service import LocalOrders


@click.command()
def settle() -> None:
    """End payments and refunds that were left unanswered; meant for a timer."""
    orders: LocalOrders = create_app().extensions["bookstore.orders"]
    payments, refunds = orders.settle_stale(), orders.fulfilment.settle_refunds()
    click.echo(f"{payments} payments settled, {refunds} refunds made.")
