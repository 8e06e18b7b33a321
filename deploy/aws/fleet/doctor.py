"""Check account and settings before anything is made: one sentence with the fix for each."""

from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.fleet.checks import account, names
from deploy.aws.fleet.checks.finding import Aws, Finding, refused
from deploy.aws.fleet.environment import Environment

# Without an account or a region, the others would say nothing.
FIRST = (account.credentials, account.region)
THEN = (
    account.rights, account.role, account.linked_roles, account.networks, account.addresses,
    names.machines, names.database, names.image, names.certificate, names.domain,
    names.kept_data, names.mail, names.access_logs, names.alarms,
)  # fmt: skip


def report(environment: Environment, say: Callable[[str], None]) -> bool:
    """Print every finding, and return whether none of them prevents the fleet."""
    good = True
    for finding in findings(Aws(environment)):
        say(str(finding))
        good = good and finding.good is not False
    return good


def findings(aws: Aws) -> Iterator[Finding]:
    """Give what each check finds, in the order in which they make sense."""
    for check in FIRST:
        finding = check(aws)
        yield finding
        if not finding.good:
            return
    for later in THEN:
        subject = later.__name__.replace("_", " ")
        try:
            yield later(aws)
        except ClientError as error:
            if not refused(error):
                yield Finding(subject, False, f"AWS said {error}.")
            else:
                yield Finding(subject, None, "this account may not look; go on at your risk.")
        except BotoCoreError as error:
            yield Finding(subject, None, f"nobody could be asked ({type(error).__name__}).")
