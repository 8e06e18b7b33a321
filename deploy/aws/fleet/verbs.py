"""The verbs: what each does, stack by stack."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3

from deploy.aws.fleet import console, doctor
from deploy.aws.fleet.environment import STACKS, Environment, Template
from deploy.aws.fleet.errors import FleetError
from deploy.aws.fleet.login import Login
from deploy.aws.fleet.stacks import ChangeSet, Stacks

# An update of the fleet goes back when one of these rings.
WATCHED = ("unhealthy-instances", "errors")


@dataclass
class Verbs:
    """What `python -m deploy.aws.fleet VERB` does. `ask` puts a question of yes or no."""

    environment: Environment
    say: Callable[[str], None]
    ask: Callable[[str], bool]

    def __post_init__(self) -> None:
        """Open what is asked of AWS."""
        self.session = boto3.Session(region_name=self.environment.region)
        self.stacks = Stacks(self.session.client("cloudformation"), self.say)

    def up(self, before_fleet: Callable[[], None] = lambda: None) -> None:
        """Make or change every stack, after its change set was shown and agreed to.

        `before_fleet` is called once the fleet's own is agreed to, and before it begins.
        """
        if not doctor.report(self.environment, self.say):
            raise FleetError("Nothing was made; put right what is marked above, then try again.")
        given: dict[str, str] = {}
        for template in self.environment.templates:
            stack = self.environment.stack(template.part)
            change = self._plan(stack, template, given)
            if change is None:
                self.say(f"=  {stack}: nothing to change")
            else:
                self._agree(change)
                if template.part == "fleet":
                    before_fleet()
                    self._deploy(change)
                else:
                    self.stacks.execute(change)
                self.say(f"✓  {stack}")
            given |= self.stacks.outputs(stack)
        self.say(
            f"\nThe shop: {given['Url']}\nThe load balancer: {given['LoadBalancerName']}\n"
            f"make fleet-down ENV={self.environment.name} ends it."
        )

    def rotate(self) -> None:
        """Deploy instances that use a new password of the shop's login.

        It is made when the change of the fleet is agreed to. One that a failed deploy left is
        deployed first: MySQL keeps one password beside the newest, and instances use that.
        """
        data = self.stacks.outputs(self.environment.stack("data"))
        deployed = self.stacks.parameter(self.environment.stack("fleet"), "ShopLoginVersion")
        if "ShopLoginSecret" not in data or deployed is None:
            raise FleetError(f"There is no fleet {self.environment.name}; run make fleet first.")
        login = Login(self.session.client("secretsmanager"), data["ShopLoginSecret"])
        version = login.current()
        renew = login.renewal() if version == deployed else None
        if renew is None:
            self.say("The password of the last rotation is not in use yet; this deploys it.")
        values = {
            **self.environment.values,
            "ShopLoginVersion": renew.version if renew else version,
        }
        self.environment = replace(self.environment, values=values)
        self.up(renew or (lambda: None))

    def down(self) -> None:
        """Delete every stack, after it was said what goes and what stays."""
        names = [self.environment.stack(part) for part in reversed(STACKS)]
        there = [name for name in names if self.stacks.find(name)]
        if not there:
            self.say(f"There is no fleet {self.environment.name} in {self.environment.region}.")
            return
        guarded = self.environment.stack("fleet"), self.environment.stack("data")
        if any(self.stacks.parameter(name, "Protected") == "true" for name in guarded):
            raise FleetError(
                f"The fleet {self.environment.name} is protected; set Protected to false by "
                "make fleet, then end it."
            )
        data = self.stacks.outputs(self.environment.stack("data"))
        self.say("Gone for good: " + ", ".join(there))
        if data:
            self.say(
                f"Stays: file system {data['FileSystemId']} with the covers and the shop's own "
                f"backups; the database {data['DatabaseId']} as a final snapshot and its "
                "automated backups until they are too old. Both cost money until you delete them."
            )
        if not self.ask("Go on?"):
            raise FleetError("Nothing was deleted.")
        for name in there:
            self.stacks.delete(name)
            self.say(f"✓  {name} deleted")
        if data:
            self._tell_way_back(data)

    def _tell_way_back(self, data: dict[str, str]) -> None:
        snapshots = self.session.client("rds").describe_db_snapshots(
            DBInstanceIdentifier=data["DatabaseId"], SnapshotType="manual"
        )["DBSnapshots"]
        newest = max(snapshots, key=lambda each: str(each.get("SnapshotCreateTime")), default=None)
        self.say(
            f"\nTo come back to the data, write into {self.environment.name}.yaml before make "
            f"fleet:\n  FileSystemId: {data['FileSystemId']}"
        )
        if newest:
            self.say(f"  DatabaseSnapshot: {newest['DBSnapshotIdentifier']}")
        else:
            self.say(
                f"No snapshot of {data['DatabaseId']} is there: set DatabaseSnapshot to one of "
                "aws rds describe-db-snapshots, or the fleet begins with an empty database."
            )

    def _plan(self, stack: str, template: Template, given: dict[str, str]) -> ChangeSet | None:
        known = {**given, **self.environment.values}
        # What a stack before gave out counts, but for what a person may leave empty.
        known |= {name: value for name, value in given.items() if not known.get(name)}
        if template.part == "fleet" and not known.get("ShopLoginVersion"):
            # One version by name, so that who starts in the middle of a rotation uses the old one.
            known["ShopLoginVersion"] = (
                self.stacks.parameter(stack, "ShopLoginVersion")
                or Login(self.session.client("secretsmanager"), given["ShopLoginSecret"]).current()
            )
        return self.stacks.plan(
            stack,
            template.text,
            {name: known[name] for name in template.parameters if name in known},
            {"bookstore": self.environment.name},
            self._alarms() if template.part == "fleet" else (),
        )

    def _deploy(self, change: ChangeSet) -> None:
        began = datetime.now(UTC)
        try:
            self.stacks.execute(change)
        except FleetError as error:
            said = console.failure(self.session.client("ec2"), self.environment.name, began)
            raise FleetError(f"{error}{said}") from None

    def _alarms(self) -> tuple[str, ...]:
        names = [f"bookstore-{self.environment.name}-{name}" for name in WATCHED]
        told: dict[str, Any] = self.session.client("cloudwatch").describe_alarms(AlarmNames=names)
        return tuple(alarm["AlarmArn"] for alarm in told["MetricAlarms"])

    def _agree(self, change: ChangeSet) -> None:
        self.say(f"\n{change.stack}: {'new' if change.creates else 'changes'}")
        for line in change.lines:
            self.say(f"   {line}")
        if change.replaced:
            self.say(f"   Made anew or taken away: {', '.join(change.replaced)}")
        if not self.ask(f"Change {change.stack} so?"):
            self.stacks.discard(change)
            raise FleetError(f"{change.stack} stays as it was; what is shown as ✓ above is made.")
