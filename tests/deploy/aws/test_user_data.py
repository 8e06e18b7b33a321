"""Instances start by the user data that the stacks give them, serve, are replaced, and end.

Their user data is the launch template's own, and so is what they ask: secrets, ECR's login, their
own metadata and their end are moto's; the engine, systemd, MySQL, the registry and the shop are
real. What machine.py plays of Amazon Linux is named there.
"""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest

from bookstore.auth.links import DAY_SECONDS, Links
from tests.deploy.aws import machine
from tests.deploy.aws import stage as stages
from tests.deploy.aws.machine import Instance
from tests.deploy.aws.stage import ADMINISTRATOR, Stage
from tests.support.poll import eventually
from tests.support.shopper import PASSWORD, Shopper

pytestmark = pytest.mark.slow

PREFIX = f"bsaws-{secrets.token_hex(3)}"
MIGRATED = """
SELECT CONVERT(argument USING utf8mb4), COUNT(*) FROM mysql.general_log
WHERE command_type = 'Query' AND argument NOT LIKE '%IF NOT EXISTS database_lock %'
AND (argument LIKE 'CREATE TABLE %' OR argument LIKE '\\nCREATE TABLE %')
GROUP BY 1
"""
ASKED_FOR_THE_LOCK = """
SELECT COUNT(DISTINCT SUBSTRING_INDEX(user_host, '@', -1)) FROM mysql.general_log
WHERE argument LIKE 'UPDATE database_lock SET holder=%'
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("beside")
    folder.chmod(0o755)
    with stages.made(machine.build(), PREFIX, folder) as stage:
        yield stage


@pytest.fixture(scope="module")
def pair(stage: Stage) -> Iterator[tuple[Instance, Instance]]:
    """Give the fleet's two instances, which started at once and found an empty database."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        started = pool.map(stage.machine, ("first", "second"))
        instances = list(pool.map(stack.enter_context, started))
        for instance, identity in zip(instances, stage.instances(), strict=True):
            stage.enrol(instance, identity)
        for done in pool.map(lambda each: each.boot(stage.user_data), instances):
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        first, second = instances
        yield first, second


@pytest.fixture(scope="module")
def first(pair: tuple[Instance, Instance]) -> Instance:
    return pair[0]


@pytest.fixture(scope="module")
def spare(stage: Stage) -> Iterator[Instance]:
    """Give an instance that is yet to start the shop."""
    with stage.machine("spare") as instance:
        stage.launch(instance)
        yield instance


def shopper(stage: Stage, instance: Instance) -> Shopper:
    """Give somebody whom the load balancer brought to an instance."""
    somebody = Shopper(f"http://{instance.address}:5000")
    somebody.http.headers["Host"] = stage.host
    return somebody


def register(stage: Stage, somebody: Shopper, instance: Instance) -> None:
    """Open an account by the link of a mail that no server here would take."""
    email = somebody.register()
    row = stage.database.sql(
        f"SELECT id, nonce FROM bookstore.registrations WHERE email = '{email}'"
    )
    links = Links([settings(instance)["SECRET_KEY"]], "registration", DAY_SECONDS)
    token = links.token(*map(int, row.split()))
    somebody.submit(f"/auth/confirm/{token}", password=PASSWORD)


def status(stage: Stage, instance: Instance, path: str) -> int:
    return shopper(stage, instance).http.get(path).status_code


def test_both_instances_answer_to_the_name_and_the_load_balancer(
    stage: Stage, pair: tuple[Instance, Instance]
) -> None:
    for instance in pair:
        assert [status(stage, instance, path) for path in ("/healthz", "/readyz", "/")] == [200] * 3


def test_instances_that_start_at_once_migrate_once(
    stage: Stage, pair: tuple[Instance, Instance]
) -> None:
    assert stage.database.sql(ASKED_FOR_THE_LOCK) == "2"
    made = [line.rpartition("\t") for line in stage.database.sql(MIGRATED).splitlines()]
    assert len(made) >= 5
    assert {count for _, _, count in made} == {"1"}


def test_who_logs_in_at_one_instance_buys_at_the_other(
    stage: Stage, pair: tuple[Instance, Instance]
) -> None:
    seller, here, there = (shopper(stage, pair[number]) for number in (0, 0, 1))
    register(stage, seller, pair[0])
    book = seller.publish("Pedro Páramo", quantity=2)
    register(stage, here, pair[0])
    for cookie in here.http.cookies.jar:
        there.http.cookies.set(cookie.name, str(cookie.value))
    there.buy(book)
    assert len(here.orders()) == 1
    assert seller.stock(book) == 1


def test_packages_and_files_are_asked_for_as_amazon_linux_has_them(first: Instance) -> None:
    assert first.read("cat", "/var/log/dnf").endswith("docker amazon-efs-utils aws-cfn-bootstrap")
    head = machine.settings_of(first.read("cat", "/var/lib/user-data"))
    mounted = first.read("cat", "/var/log/mount.efs")
    assert mounted.startswith(f"{head['file_system']}:/ /mnt/efs/bookstore -o ")
    assert f"accesspoint={head['access_point']}" in mounted


def test_uploads_and_backups_lie_on_the_file_system(
    first: Instance, pair: tuple[Instance, Instance]
) -> None:
    first.read("docker", "exec", "bookstore", "bookstore", "backup")
    assert first.read("ls", "/srv/efs") == "backups\nuploads"
    found = ("find", "/mnt/efs/bookstore/backups", "-mindepth", "1", "-maxdepth", "1")
    assert pair[1].read(*found) == first.read(*found) != ""
    assert first.read("stat", "-c", "%u", "/mnt/efs/bookstore/uploads") == "10001"


def test_the_image_came_from_ecr_by_the_login_that_it_gives(first: Instance) -> None:
    image = first.read("docker", "inspect", "--format", "{{.Config.Image}}", "bookstore")
    assert image == stages.SETTINGS["Image"]
    registry = image.partition("/")[0]
    assert registry in json.loads(first.read("cat", "/root/.docker/config.json"))["auths"]


def test_a_database_with_a_certificate_of_another_name_is_refused(
    stage: Stage, first: Instance
) -> None:
    asked = first.run(
        "docker", "run", "--rm", "--env-file", "/etc/bookstore/env",
        "--env", "DB_HOST=other.example",
        "--add-host", f"other.example:{stage.database.host}", "--volume",
        "/etc/bookstore/authorities.pem:/etc/bookstore/authorities.pem:ro",
        stages.SETTINGS["Image"], "migrate", "--wait", "1",
    )  # fmt: skip
    assert asked.returncode == 1
    assert "certificate is not valid for 'other.example'" in asked.stdout


def test_the_shops_user_may_touch_nothing_but_its_schema(first: Instance, stage: Stage) -> None:
    assert stage.database.sql("SHOW GRANTS FOR bookstore").splitlines() == [
        "GRANT USAGE ON *.* TO `bookstore`@`%`",
        "GRANT ALL PRIVILEGES ON `bookstore`.* TO `bookstore`@`%`",
    ]


def settings(instance: Instance) -> dict[str, str]:
    lines = instance.read("cat", "/etc/bookstore/env").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_shop_knows_its_address_and_its_mail_server(stage: Stage, first: Instance) -> None:
    told = settings(first)
    assert told["PUBLIC_URL"] == f"http://{stage.host}"
    assert {name: told[name] for name in told if name.startswith("SMTP_")} == {
        "SMTP_HOST": "mail.example.com",
        "SMTP_PORT": "587",
        "SMTP_TLS": "starttls",
        "SMTP_FROM": "BookStore <books@example.com>",
        "SMTP_USER": "mailer",
        "SMTP_PASSWORD": "a-password-of-the-mail-server",
    }


def test_no_secret_is_in_a_process_list_a_unit_or_a_log(stage: Stage, first: Instance) -> None:
    told = settings(first)
    assert first.read("stat", "-c", "%a %u", "/etc/bookstore/env") == "600 0"
    places = (
        first.read("ps", "axww", "-o", "args"),
        first.read("systemctl", "cat", "bookstore"),
        first.read("journalctl", "--no-pager"),
        first.read("cat", "/var/lib/user-data.log"),
        first.console(),
    )
    known = (told["DB_PASSWORD"], told["SECRET_KEY"], told["SMTP_PASSWORD"])
    for secret in (*known, stage.database.password):
        assert len(secret) >= 20
        assert [place for place in places if secret in place] == []


def test_a_new_password_is_deployed_and_the_one_before_serves_on(
    stage: Stage, first: Instance, spare: Instance
) -> None:
    before = settings(first)["DB_PASSWORD"]
    with stage.deploying("rotate", "qa", "--yes", *stage.arguments()) as command:
        done = spare.boot(stage.user_data)
        assert done.returncode == 0, done.stderr[-4000:]
        told, complaint = command.communicate(timeout=90)
        assert command.returncode == 0, told + complaint
    assert settings(spare)["DB_PASSWORD"] != before
    assert status(stage, spare, "/readyz") == 200
    first.read("systemctl", "restart", "bookstore")

    def ready() -> None:
        assert status(stage, first, "/readyz") == 200

    eventually(ready, within=90, every=1)


def test_a_database_that_refuses_is_told_in_one_sentence(stage: Stage, spare: Instance) -> None:
    wrong = {"username": "root", "password": "not-the-administrators"}
    stage.account.ask(
        "secretsmanager", "create_secret", Name="wrong", SecretString=json.dumps(wrong)
    )
    done = spare.boot(stage.user_data.replace(ADMINISTRATOR, "wrong"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "bookstore: failed at: make the login at the database: the database at "
        f"{stage.database.host} refused: Access denied for user 'root'@"
    )
    assert "Traceback" not in done.stderr


def test_a_deploy_that_fails_its_health_check_goes_back_and_says_why(
    stage: Stage, first: Instance, spare: Instance
) -> None:
    served = stage.latest()
    change = stage.arguments(HealthCheckPath="/nowhere")
    with stage.deploying("up", "qa", "--yes", *change) as command:
        assert machine.settings_of(stage.latest())["health_check_path"] == "/nowhere"
        stage.launch(spare)
        with ThreadPoolExecutor() as pool:
            boot = pool.submit(spare.boot, stage.user_data)
            answers = [status(stage, first, "/")]
            while not boot.done():
                answers.append(status(stage, first, "/"))
        _, complaint = command.communicate(timeout=90)
    assert set(answers) == {200}
    assert boot.result().returncode != 0
    assert command.returncode == 1
    assert "bookstore-qa-fleet ended at UPDATE_ROLLBACK_COMPLETE: Fleet: Received 1" in complaint
    assert (
        f"The version of before serves on. The instance {stage.identity(spare)} failed at: "
        "ask /nowhere as the load balancer does: curl: (22)" in complaint
    )
    assert stage.latest() == served


def test_an_instance_that_ends_finishes_what_it_has(
    stage: Stage, pair: tuple[Instance, Instance]
) -> None:
    second, identity = pair[1], stage.identity(pair[1])
    somebody = shopper(stage, second)
    form = somebody.page("/auth/register").forms[-1]
    answers = {"email": "ana@example.org", "name": "Ana Restrepo", "password": PASSWORD}
    body = urlencode({**form.fields, **answers}).encode()
    under_way = http.client.HTTPConnection(second.address, 5000, timeout=60)
    under_way.putrequest("POST", form.action, skip_host=True)
    for name, value in {
        "Host": stage.host,
        "Cookie": "; ".join(f"{name}={value}" for name, value in somebody.http.cookies.items()),
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }.items():
        under_way.putheader(name, value)
    under_way.endheaders(body[:20])

    stage.account.ask(
        "autoscaling", "terminate_instance_in_auto_scaling_group",
        InstanceId=identity, ShouldDecrementDesiredCapacity=True,
    )  # fmt: skip

    def drains() -> None:
        assert status(stage, second, "/readyz") == 503

    eventually(drains, within=60)
    assert status(stage, second, "/") == 200, "whom the load balancer still sends is served"
    assert identity in stage.instances(), "the group waits"
    under_way.send(body[20:])
    assert under_way.getresponse().status == 303

    def gone() -> None:
        assert identity not in stage.instances()

    eventually(gone, within=120, every=1)
    assert second.run("systemctl", "is-active", "bookstore").stdout == "inactive\n"
