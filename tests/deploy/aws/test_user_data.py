"""An instance starts by the user data that the stacks give it, until the shop answers.

Its user data is the launch template's own. Secrets Manager is moto's; the engine, systemd, MySQL
and the shop are real, and what machine.py plays is named there. RDS's certificates are not to be
had here, so the database's encryption is required and its name not verified.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deploy.aws import machine
from tests.deploy.aws.conftest import KEYS, Account, moto
from tests.deploy.aws.machine import Built, Instance
from tests.support.mysql import docker
from tests.support.poll import eventually

ADMINISTRATOR = json.dumps({"username": "root", "password": secrets.token_hex(16)})
PREFIX = f"bsaws-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Stage:
    """A network with MySQL, files and AWS, and the user data of the fleet that is made there."""

    account: Account
    built: Built
    network: str
    files: str
    database: str
    user_data: str

    def start(self, instance: Instance, user_data: str | None = None) -> None:
        """Boot an instance until its user data has ended."""
        done = instance.boot(user_data or self.user_data, AWS_ENDPOINT_URL=self.account.url, **KEYS)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

    def sql(self, statement: str) -> str:
        """Ask the database as its administrator."""
        login = json.loads(ADMINISTRATOR)
        return docker(
            "exec", "--env", f"MYSQL_PWD={login['password']}", self.database,
            "mysql", "--host=127.0.0.1", f"--user={login['username']}", "-N", "-e", statement,
        )  # fmt: skip


def staged(account: Account, built: Built, network: str, database: str) -> Stage:
    """Make the fleet, and have its user data name the database that runs here."""
    account.make_lab()
    told = ("Image=" + built.shop, "DatabaseTls=required", "ShopLogs=local")
    up = account.fleet("up", "qa", "--yes", *(word for each in told for word in ("--set", each)))
    assert up.returncode == 0, up.stdout + up.stderr
    template = account.ask("ec2", "describe_launch_templates")["LaunchTemplates"][0]
    versions = account.ask(
        "ec2", "describe_launch_template_versions",
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"],
    )  # fmt: skip
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"]
    text = base64.b64decode(data).decode()
    head = machine.settings_of(text)
    secret = account.ask(
        "secretsmanager", "create_secret", Name="administrator", SecretString=ADMINISTRATOR
    )["ARN"]
    address = docker(
        "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", database
    )
    text = text.replace(head["database_host"], address)
    text = text.replace(head["administrator_secret"], secret)
    return Stage(account, built, network, f"{network}-efs", database, text)


@pytest.fixture(scope="module")
def built() -> Built:
    return machine.build()


@pytest.fixture(scope="module")
def stage(built: Built) -> Iterator[Stage]:
    docker("network", "create", PREFIX)
    gateway = docker("network", "inspect", PREFIX, "--format", "{{(index .IPAM.Config 0).Gateway}}")
    docker("volume", "create", f"{PREFIX}-efs")
    # The access point's folder belongs to the shop's user.
    docker(
        "run", "--rm", "--volume", f"{PREFIX}-efs:/efs", "--entrypoint", "chown", built.machine,
        "10001:10001", "/efs",
    )  # fmt: skip
    login = json.loads(ADMINISTRATOR)
    database = docker(
        "run", "--detach", "--name", f"{PREFIX}-mysql", "--network", PREFIX,
        "--env", f"MYSQL_ROOT_PASSWORD={login['password']}", "--env", "MYSQL_ROOT_HOST=%",
        "--env", "MYSQL_DATABASE=bookstore", "--tmpfs", "/var/lib/mysql",
        built.mysql, "mysqld", "--require-secure-transport=ON",
    )  # fmt: skip
    try:
        with moto(gateway) as account:
            yield staged(account, built, PREFIX, database)
    finally:
        docker("rm", "--force", "--volumes", database)
        docker("volume", "rm", f"{PREFIX}-efs")
        docker("network", "rm", PREFIX)


@pytest.fixture(scope="module")
def first(stage: Stage) -> Iterator[Instance]:
    """Give an instance that has started."""
    name = f"{stage.network}-first"
    with machine.running(stage.built.machine, name, stage.network, stage.files) as instance:
        instance.load(stage.built.shop)
        stage.start(instance)
        yield instance


def status(instance: Instance, path: str) -> str:
    host = machine.settings_of(instance.read("cat", "/var/lib/user-data"))["public_host"]
    return instance.read(
        "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}",
        "--header", f"Host: {host}", f"http://127.0.0.1:5000{path}",
    )  # fmt: skip


def test_the_shop_answers(first: Instance) -> None:
    assert [status(first, path) for path in ("/healthz", "/readyz", "/")] == ["200"] * 3


def test_packages_and_files_are_asked_for_as_amazon_linux_has_them(first: Instance) -> None:
    assert first.read("cat", "/var/log/dnf").endswith("docker amazon-efs-utils aws-cfn-bootstrap")
    head = machine.settings_of(first.read("cat", "/var/lib/user-data"))
    mounted = first.read("cat", "/var/log/mount.efs")
    assert mounted.startswith(f"{head['file_system']}:/ /mnt/efs/bookstore -o ")
    assert f"accesspoint={head['access_point']}" in mounted


def test_uploads_and_backups_lie_on_the_file_system(first: Instance) -> None:
    first.read("docker", "exec", "bookstore", "bookstore", "backup")
    assert first.read("ls", "/srv/efs") == "backups\nuploads"
    assert first.read("find", "/srv/efs/backups", "-mindepth", "1", "-maxdepth", "1") != ""
    assert first.read("stat", "-c", "%u", "/mnt/efs/bookstore/uploads") == "10001"


def test_cloudformation_is_told_of_success(first: Instance) -> None:
    told = first.read("cat", "/var/log/cfn-signal")
    assert told.startswith("--exit-code 0 ")
    assert "--stack bookstore-qa-fleet --resource Fleet" in told


def test_the_shops_user_may_touch_nothing_but_its_schema(first: Instance, stage: Stage) -> None:
    assert stage.sql("SHOW GRANTS FOR bookstore").splitlines() == [
        "GRANT USAGE ON *.* TO `bookstore`@`%`",
        "GRANT ALL PRIVILEGES ON `bookstore`.* TO `bookstore`@`%`",
    ]


def test_no_secret_is_in_a_process_list_a_unit_or_a_log(first: Instance) -> None:
    told = dict(line.split("=", 1) for line in first.read("cat", "/etc/bookstore/env").splitlines())
    assert first.read("stat", "-c", "%a %u", "/etc/bookstore/env") == "600 0"
    places = (
        first.read("ps", "axww", "-o", "args"),
        first.read("systemctl", "cat", "bookstore"),
        first.read("journalctl", "--no-pager"),
        first.read("cat", "/var/lib/user-data.log"),
    )
    for secret in (told["DB_PASSWORD"], told["SECRET_KEY"], json.loads(ADMINISTRATOR)["password"]):
        assert len(secret) >= 32
        assert [place for place in places if secret in place] == []


def test_a_new_password_serves_beside_the_one_before(first: Instance, stage: Stage) -> None:
    name = machine.settings_of(stage.user_data)["shop_login_secret"]
    login = {"username": "bookstore", "password": secrets.token_hex(20)}
    version = stage.account.ask(
        "secretsmanager", "put_secret_value", SecretId=name, SecretString=json.dumps(login)
    )["VersionId"]
    rotated = stage.user_data.replace("shop_login_version=''", f"shop_login_version='{version}'")
    assert rotated != stage.user_data
    second = f"{stage.network}-second"
    with machine.running(stage.built.machine, second, stage.network, stage.files) as instance:
        instance.load(stage.built.shop)
        stage.start(instance, rotated)
        assert login["password"] in instance.read("cat", "/etc/bookstore/env")
        assert status(instance, "/readyz") == "200"
        first.read("systemctl", "restart", "bookstore")

        def ready() -> None:
            assert status(first, "/readyz") == "200"

        eventually(ready, within=90, every=1)


def test_an_instance_that_cannot_serve_says_so(stage: Stage) -> None:
    wrong = stage.user_data.replace("administrator_secret='", "administrator_secret='no-")
    name = f"{stage.network}-third"
    with machine.running(stage.built.machine, name, stage.network, stage.files) as instance:
        instance.load(stage.built.shop)
        done = instance.boot(wrong, AWS_ENDPOINT_URL=stage.account.url, **KEYS)
        assert done.returncode != 0
        assert "bookstore: failed at: make the login at the database" in done.stderr
        told = instance.read("cat", "/var/log/cfn-signal")
        assert "--reason failed at: make the login at the database" in told
        assert not told.startswith("--exit-code 0 ")
