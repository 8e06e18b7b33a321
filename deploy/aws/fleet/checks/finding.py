"""What a check is given, and what it gives."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.aws.fleet.environment import Environment

REFUSED = re.compile(r"AccessDenied|Unauthorized|NotAuthorized|Forbidden")
# Each service has a code of its own, and RDS, EFS and ECR one for each kind of thing.
ABSENT = re.compile(r"NotFound|^NoSuch")


@dataclass(frozen=True)
class Finding:
    """What a check found: `good` is None where nobody may look, or nothing is in the way."""

    subject: str
    good: bool | None
    sentence: str

    def __str__(self) -> str:
        """Give it as a line."""
        mark = {True: "✓", False: "✗", None: "?"}[self.good]
        return f"{mark}  {self.subject}: {self.sentence}"


@dataclass
class Aws:
    """An environment, and the account in which it is checked."""

    environment: Environment

    @cached_property
    def session(self) -> Any:
        """Open a session in the environment's region."""
        return boto3.Session(region_name=self.environment.region)

    @cached_property
    def caller(self) -> str:
        """Give the ARN of who is logged in."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    def client(self, service: str) -> Any:
        """Give a client of a service."""
        return self.session.client(service)

    def value(self, parameter: str) -> str:
        """Give a parameter's value in this environment."""
        return self.environment.value(parameter)

    def made(self, part: str) -> bool:
        """Tell whether a stack is there and holds something."""
        told = self.client("cloudformation").get_paginator("list_stacks").paginate()
        return any(
            each["StackName"] == self.environment.stack(part)
            and each["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
            for page in told
            for each in page["StackSummaries"]
        )


def refused(error: Exception) -> bool:
    """Tell whether AWS said that the caller may not ask that."""
    return isinstance(error, ClientError) and bool(REFUSED.search(error.response["Error"]["Code"]))


class AbsentError(Exception):
    """AWS says that what was asked for is not there."""


@contextmanager
def asking_for() -> Iterator[None]:
    """Raise AbsentError, with AWS's sentence, where what the block asks for is not there."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        if not ABSENT.search(told["Code"]):
            raise
        raise AbsentError(told["Message"].rstrip(".")) from error
