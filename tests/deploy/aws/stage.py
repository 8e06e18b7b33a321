"""A fleet on AWS, played by moto, whose instances are containers beside a MySQL and an ECR."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.deploy.aws import beside, machine
from tests.deploy.aws.beside import Database
from tests.deploy.aws.conftest import PYTHON, ROOT, Account, moto
from tests.deploy.aws.machine import Built, Instance
from tests.support.mysql import docker
from tests.support.poll import eventually

ADMINISTRATOR, MAIL = "administrator-of-the-tests", "mail-of-the-tests"
SETTINGS = {
    "Image": beside.IMAGE,
    "ShopLogs": "local",
    "SmtpHost": "mail.example.com",
    "SmtpFrom": "BookStore <books@example.com>",
    "SmtpSecret": MAIL,
}


@dataclass(frozen=True)
class Stage:
    """The fleet, and what its instances reach."""

    account: Account
    built: Built
    database: Database
    network: str
    folder: Path

    def arguments(self, **settings: str) -> list[str]:
        """Give the settings of the fleet as the command takes them."""
        told = {**SETTINGS, **settings}
        return [word for name, value in told.items() for word in ("--set", f"{name}={value}")]

    @property
    def user_data(self) -> str:
        """Give what the newest launch template has, with the database that runs here in it."""
        text = self.latest()
        head = machine.settings_of(text)
        text = text.replace(head["database_host"], self.database.host)
        return text.replace(head["administrator_secret"], ADMINISTRATOR)

    def latest(self) -> str:
        """Give the user data of the newest launch template."""
        template = self.account.ask("ec2", "describe_launch_templates")["LaunchTemplates"][0]
        told = self.account.ask(
            "ec2", "describe_launch_template_versions",
            LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"],
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"]  # fmt: skip
        return base64.b64decode(told).decode()

    @cached_property
    def host(self) -> str:
        """Give the name that readers open."""
        return machine.settings_of(self.latest())["public_host"]

    def instances(self) -> list[str]:
        """Give the ids of the group's instances."""
        return [each["InstanceId"] for each in self._group()["Instances"]]

    def _group(self) -> Any:
        told = self.account.ask("autoscaling", "describe_auto_scaling_groups")
        return told["AutoScalingGroups"][0]

    def machine(self, name: str) -> AbstractContextManager[Instance]:
        """Run an instance that has not started the shop."""
        return machine.running(
            self.built.machine, f"{self.network}-{name}", self.network, f"{self.network}-efs",
            self.account.url, self.folder / "web.crt",
        )  # fmt: skip

    def enrol(self, instance: Instance, identity: str) -> None:
        """Have AWS know a container as one of its instances."""
        told = {"address": instance.address, "container": instance.container}
        tags = [{"Key": key, "Value": value} for key, value in told.items()]
        self.account.ask("ec2", "create_tags", Resources=[identity], Tags=tags)

    def launch(self, instance: Instance) -> None:
        """Have the group launch one more instance, and the container be that."""
        group, before = self._group(), self.instances()
        self.account.ask(
            "autoscaling", "set_desired_capacity",
            AutoScalingGroupName=group["AutoScalingGroupName"], DesiredCapacity=len(before) + 1,
        )  # fmt: skip
        (identity,) = set(self.instances()) - set(before)
        self.enrol(instance, identity)

    def identity(self, instance: Instance) -> str:
        """Give the id of the instance that a container is."""
        told = self.account.ask(
            "ec2", "describe_instances",
            Filters=[{"Name": "tag:container", "Values": [instance.container]}],
        )["Reservations"]  # fmt: skip
        return str(told[-1]["Instances"][-1]["InstanceId"])

    @contextmanager
    def deploying(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the fleet's command until it waits for an instance to say how it went."""
        command = subprocess.Popen(
            [PYTHON, "-m", "deploy.aws.fleet", *arguments], cwd=ROOT, text=True,
            env=self.account.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            eventually(self._under_way, within=90, every=1)
            yield command
        finally:
            command.kill()
            command.wait()

    def _under_way(self) -> None:
        told = self.account.ask(
            "cloudformation", "describe_stacks", StackName="bookstore-qa-fleet"
        )["Stacks"][0]
        assert told["StackStatus"] == "UPDATE_IN_PROGRESS"


@contextmanager
def made(built: Built, prefix: str, folder: Path) -> Iterator[Stage]:
    """Run what is beside the instances, and make the fleet."""
    docker("network", "create", prefix)
    try:
        docker("volume", "create", f"{prefix}-efs")
        # The access point's folder belongs to the shop's user.
        docker(
            "run", "--rm", "--volume", f"{prefix}-efs:/efs", "--entrypoint", "chown", built.machine,
            "10001:10001", "/efs",
        )  # fmt: skip
        with (
            moto(beside.gateway(prefix), AWAIT_SIGNALS="yes") as account,
            beside.database(built, prefix, folder) as database,
            beside.web(built, prefix, folder) as manifest,
        ):
            stage = Stage(account, built, database, prefix, folder)
            fill(stage, manifest)
            up = account.fleet("up", "qa", "--yes", *stage.arguments())
            assert up.returncode == 0, up.stdout + up.stderr
            yield stage
    finally:
        docker("volume", "rm", "--force", f"{prefix}-efs")
        docker("network", "rm", prefix)


def fill(stage: Stage, manifest: str) -> None:
    """Have the account hold what is there before a fleet: roles, an image, secrets."""
    account = stage.account
    account.make_lab()
    account.ask("ecr", "create_repository", repositoryName="bookstore")
    account.ask(
        "ecr", "put_image", repositoryName="bookstore", imageTag="tests", imageManifest=manifest
    )
    for name, login in {
        ADMINISTRATOR: {"username": "root", "password": stage.database.password},
        MAIL: {"username": "mailer", "password": "a-password-of-the-mail-server"},
    }.items():
        account.ask("secretsmanager", "create_secret", Name=name, SecretString=json.dumps(login))
