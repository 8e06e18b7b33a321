"""What instances said at their consoles, which AWS keeps for a while after they are gone."""

import re
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# A clock here may be so far from AWS's, which refuses who is farther.
SKEW = timedelta(minutes=5)
FAILURE = re.compile(r"bookstore: (failed at: [^\r\n]+)")


def failure(client: Any, environment: str, since: datetime) -> str:
    """Give the newest failure of an instance launched `since`, as a sentence, or nothing.

    `client` asks EC2. Whoever may not ask hears nothing more than CloudFormation told.
    """
    try:
        pages = client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "tag:Name", "Values": [f"bookstore-{environment}"]}]
        )
        launched = sorted(
            (
                (instance["LaunchTime"], instance["InstanceId"])
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
                if instance["LaunchTime"] >= since - SKEW
            ),
            reverse=True,
        )
        for _, instance in launched:
            if told := FAILURE.findall(said(client, instance)):
                return f" The instance {instance} {told[-1]}"
    except (ClientError, BotoCoreError):
        return ""
    return ""


def said(client: Any, instance: str) -> str:
    """Give an instance's console output; the latest, where its type keeps that."""
    try:
        told = client.get_console_output(InstanceId=instance, Latest=True)
    except ClientError:
        told = client.get_console_output(InstanceId=instance)
    return str(told.get("Output", ""))
