"""What the tests of the fleet share: AWS, played by moto, and the program that makes the fleet."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.poll import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "deploy" / "aws" / "templates"
PYTHON = ROOT / ".venv-deploy" / "bin" / "python"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
# Questions to AWS by boto3, which is not among the developers' own tools: one in each line.
ASK = """
import boto3, json, sys
clients = {}
for line in sys.stdin:
    service, operation, told = json.loads(line)
    client = clients.setdefault(service, None) or boto3.client(service)
    clients[service] = client
    try:
        answer = getattr(client, operation)(**told)
        answer.pop("ResponseMetadata", None)
        print(json.dumps({"answer": answer}, default=str), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
"""


class Account:
    """An account of AWS at one address, with an instance profile as labs have it."""

    def __init__(self, url: str, keys: dict[str, str] | None = None) -> None:
        self.url = url
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        self.environment = {
            **clean,
            **(KEYS if keys is None else keys),
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        self._one_at_a_time = threading.Lock()

    def ask(self, service: str, operation: str, **told: Any) -> Any:
        """Ask AWS and give the answer; an error fails the test."""
        answer = self._asked(service, operation, told)
        assert "answer" in answer, f"{service} {operation}: {answer['error']}"
        return answer["answer"]

    def refusal(self, service: str, operation: str, **told: Any) -> str:
        """Ask AWS what shall be refused, and give the words."""
        return str(self._asked(service, operation, told)["error"])

    def _asked(self, service: str, operation: str, told: dict[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            asking = self._asking
            assert asking.stdin
            assert asking.stdout
            print(json.dumps([service, operation, told]), file=asking.stdin, flush=True)
            answer: dict[str, Any] = json.loads(asking.stdout.readline())
        return answer

    @cached_property
    def _asking(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PYTHON, "-c", ASK], env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def close(self) -> None:
        """Ask nothing more."""
        if "_asking" in vars(self):
            self._asking.kill()
            self._asking.communicate()

    def fleet(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run the program that makes the fleet."""
        return subprocess.run(
            [PYTHON, "-m", "deploy.aws.fleet", *arguments],
            cwd=ROOT, env=self.environment, input=answer, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def enforce(self) -> None:
        """Have AWS ask IAM about every action from now on; until then it allows all."""
        told = httpx.post(
            f"{self.url}/moto-api/reset-auth", content="0", trust_env=False, timeout=30
        )
        assert told.status_code == 200, told.text

    def make_lab(self) -> None:
        """Have the role and the instance profile that are there in a lab."""
        self.ask("iam", "create_role", RoleName="LabRole", AssumeRolePolicyDocument="{}")
        self.ask("iam", "create_instance_profile", InstanceProfileName="LabInstanceProfile")
        self.ask(
            "iam", "add_role_to_instance_profile",
            InstanceProfileName="LabInstanceProfile", RoleName="LabRole",
        )  # fmt: skip


@contextmanager
def moto(host: str = "127.0.0.1", **environment: str) -> Iterator[Account]:
    """Run AWS."""
    port = free_port()
    server = subprocess.Popen(
        [PYTHON, "-m", "tests.deploy.aws.motoserver", "-H", host, "-p", str(port)],
        cwd=ROOT, env={**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false", **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    account = Account(f"http://{host}:{port}")
    try:
        eventually(
            lambda: httpx.get(f"{account.url}/moto-api/data.json", trust_env=False), within=60
        )
        yield account
    finally:
        account.close()
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """Give an account of AWS that holds nothing but a lab's role."""
    with moto() as account:
        account.make_lab()
        yield account


class Loader(yaml.SafeLoader):
    """Read a template: !Sub x is {"Fn::Sub": x}."""


def function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


Loader.add_multi_constructor("!", function)


@pytest.fixture(scope="session")
def templates() -> dict[str, Any]:
    """Give the templates by the part that each makes."""
    return {
        file.stem: yaml.load(file.read_text(), Loader) for file in sorted(TEMPLATES.glob("*.yaml"))
    }
