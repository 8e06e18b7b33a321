"""``bookstore settle``."""

import click


@click.command()
def settle() -> None:
    """End payments and refunds that were left unanswered, the oldest first.

    A running server does the same every minute or so. Copies that an unpaid order holds are on
    sale again. What the gateway does not answer now stays for the next time.
    """
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.core.services import service
    from bookstore.factory import create_app
    from bookstore.orders.service import LocalOrders

    payments, refunds = service(LocalOrders, create_app()).settle()
    click.echo(f"{payments} payments settled, {refunds} refunds made.")
