"""``bookstore schemas``."""

from collections.abc import Callable, Mapping

import click

from bookstore.cli.outcome import tell, wait_option
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.moving import Move, moving, wait_until_left, whereabouts
from bookstore.core.db.places import Topology

topology_option = click.option(
    "--to",
    "topology",
    type=click.Choice([each.value for each in Topology]),
    required=True,
    help="How the shop will be run: whole, or as three services.",
)


@click.group()
def schemas() -> None:
    """Move a live shop's tables on MySQL between its one schema and three of its services.

    The settings are those of the whole shop, with a login that has all rights to DB_NAME and to
    <DB_NAME>_auth, <DB_NAME>_catalogue and <DB_NAME>_orders. Run expand, start the new processes,
    lead requests to them, run cutover, stop the old processes, run contract. Each may be run
    again at any time, and prints JSON as status does.
    """


@schemas.command()
@topology_option
@wait_option
def expand(topology: str, wait: float) -> None:
    """Make views of the tables where they will be, so that processes of both kinds can serve."""
    _change(wait, lambda move: move.expand(Topology(topology)))


@schemas.command()
@topology_option
@wait_option
def cutover(topology: str, wait: float) -> None:
    """Rename the tables to where they will be, one statement a domain, and leave views behind.

    Requests wait for a moment meanwhile, and none fails.
    """
    _change(wait, lambda move: move.cut_over(Topology(topology)))


@schemas.command()
@wait_option
def contract(wait: float) -> None:
    """Drop the views, unless somebody is connected to the schemas that have them.

    Processes of the other kind fail once the views are gone. It sees those that log in as it does,
    the whole shop's; that the services are gone, it sees only with the right PROCESS.
    """

    def done() -> Mapping[str, object]:
        settings = load_settings()
        # Before it has connections of its own there, which hold the locks.
        wait_until_left(settings, wait)
        return _changed(settings, wait, lambda move: move.contract())

    tell(done)


@schemas.command()
@wait_option
def status(wait: float) -> None:
    """Print where each domain's tables are, and the schema that has views of them, if any."""
    tell(lambda: whereabouts(load_settings(), wait))


def _change(wait: float, work: Callable[[Move], None]) -> None:
    tell(lambda: _changed(load_settings(), wait, work))


def _changed(settings: Settings, wait: float, work: Callable[[Move], None]) -> Mapping[str, object]:
    with moving(settings, wait) as move:
        work(move)
    return whereabouts(settings, wait)
