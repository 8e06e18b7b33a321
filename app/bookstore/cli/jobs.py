"""``bookstore jobs``."""

from collections.abc import Callable, Sequence

import click

from bookstore.core.config.settings import load_settings
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service


@click.group()
def jobs() -> None:
    """Look at what the shop does after the fact: mail, refunds, word to other domains."""


@jobs.command("list")
def list_() -> None:
    """List the jobs that failed or are late, with the domain and the id that retry wants."""
    board = _jobs().board()
    found = board.troubled()
    for job in found.jobs:
        error = f"  {job.error}" if job.error else ""
        due = f"{job.run_at:%Y-%m-%d %H:%M:%S}Z"
        click.echo(
            f"{job.state:7} {job.domain} {job.id}  {job.kind}  "
            f"attempts {job.attempts}  due {due}{error}"
        )
    for (domain, state), number in board.counts().items():
        if number:
            click.echo(f"{domain}: {number} {state}", err=True)
    _tell_unknown(found.unknown)


@jobs.command()
@click.argument("domain", required=False)
@click.argument("job_id", required=False, type=click.IntRange(min=1))
@click.option("--all", "everything", is_flag=True, help="All jobs that failed.")
def retry(domain: str | None, job_id: int | None, everything: bool) -> None:
    """Retry a job in the running servers, with all of its attempts.

    DOMAIN is auth, catalogue or orders, and JOB_ID the number that the list shows.
    """
    board = _jobs().board()
    if everything and domain is None:
        count, unknown = board.retry_failed()
        click.echo(f"{count} jobs are tried again.")
        _tell_unknown(unknown)
    elif domain is None or job_id is None or everything:
        raise click.UsageError("Name the domain and the id of a job, or --all alone.")
    elif _decided(board.retry, domain, job_id):
        click.echo(f"{domain} {job_id} is tried again.")
    else:
        raise click.ClickException(
            f"There is no job {job_id} of {domain} to try: it is done, being run, or unknown; "
            "see bookstore jobs list."
        )


@jobs.command()
@click.argument("domain")
@click.argument("job_id", type=click.IntRange(min=1))
def dismiss(domain: str, job_id: int) -> None:
    """Set aside a failed job that nobody can or need do, so that it is not shown any more.

    DOMAIN is auth, catalogue or orders, and JOB_ID the number that the list shows.
    """
    if not _decided(_jobs().board().dismiss, domain, job_id):
        raise click.ClickException(
            f"There is no failed job {job_id} of {domain} to set aside; see bookstore jobs list."
        )
    click.echo(f"{domain} {job_id} is set aside.")


@jobs.command()
def run() -> None:
    """Run all jobs that are due, until none is.

    A running server does so by itself. What is put off stays for later, and a service runs its own.
    """
    click.echo(f"{_jobs().run_due()} jobs were run.")


def _decided(decide: Callable[[str, int], bool], domain: str, job_id: int) -> bool:
    try:
        return decide(domain, job_id)
    except ServiceUnavailable as away:
        raise click.ClickException(f"{away}; try again in a moment.") from None


def _tell_unknown(domains: Sequence[str]) -> None:
    for domain in domains:
        click.echo(f"{domain}: not known now, it does not answer", err=True)


def _jobs() -> Jobs:
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.standalone import make_shop

    return service(Jobs, make_shop(load_settings()))
