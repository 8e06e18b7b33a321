"""The verbs: what each does, stack by stack."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from deploy.aws.fleet import doctor
from deploy.aws.fleet.environment import STACKS, Environment, Template
from deploy.aws.fleet.errors import FleetError
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

    def up(self) -> None:
        """Make or change every stack, after its change set was shown and agreed to."""
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
                self.stacks.execute(change)
                self.say(f"✓  {stack}")
            given |= self.stacks.outputs(stack)
        self.say(
            f"\nThe shop: {given['Url']}\nThe load balancer: {given['LoadBalancerName']}\n"
            f"make fleet-down ENV={self.environment.name} ends it."
        )

    def rotate(self) -> None:
        """Make a new password of the shop's login, and deploy instances that use it."""
        data = self.stacks.outputs(self.environment.stack("data"))
        if "ShopLoginSecret" not in data:
            raise FleetError(f"There is no fleet {self.environment.name}; run make fleet first.")
        secrets = self.session.client("secretsmanager")
        name = data["ShopLoginSecret"]
        login = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        new = secrets.get_random_password(PasswordLength=40, ExcludePunctuation=True)
        version = secrets.put_secret_value(
            SecretId=name,
            SecretString=json.dumps({**login, "password": new["RandomPassword"]}),
        )["VersionId"]
        values = {**self.environment.values, "ShopLoginVersion": version}
        self.environment = Environment(
            self.environment.name, self.environment.region, values, self.environment.templates
        )
        self.up()

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
        name = newest["DBSnapshotIdentifier"] if newest else "(none was found)"
        self.say(
            f"\nTo come back to the data, write into {self.environment.name}.yaml before make "
            f"fleet:\n  FileSystemId: {data['FileSystemId']}\n  DatabaseSnapshot: {name}"
        )

    def _plan(self, stack: str, template: Template, given: dict[str, str]) -> ChangeSet | None:
        known = {**given, **self.environment.values}
        # What a stack before gave out counts, but for what a person may leave empty.
        known |= {name: value for name, value in given.items() if not known.get(name)}
        version = self.stacks.parameter(stack, "ShopLoginVersion")
        if version and not known.get("ShopLoginVersion"):
            known["ShopLoginVersion"] = version
        return self.stacks.plan(
            stack,
            template.text,
            {name: known[name] for name in template.parameters if name in known},
            {"bookstore": self.environment.name},
            self._alarms() if template.part == "fleet" else (),
        )

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
