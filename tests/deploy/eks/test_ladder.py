"""What the docs say of the four steps together is read from the steps themselves."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from deploy.ladder import picture, sources, table
from deploy.ladder.sources import Source


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, str]]:
    return {row["Setting"].strip("`"): dict(row) for row in table.rows(table.table())}


def test_the_table_has_every_setting_of_the_shop(rows: dict[str, dict[str, str]]) -> None:
    assert list(rows) == list(sources.NAMES)


def test_compose_wins_over_its_environment_file_as_in_compose() -> None:
    compose = sources.compose()
    assert compose["UPLOADS_DIR"].where == "compose.yaml"
    assert compose["DB_HOST"].where == ".env.example"


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("DB_HOST", "spec.database.external.host"),
        ("DB_PORT", "spec.database.external.port"),
        ("DB_NAME", "spec.database.external.schema"),
        ("DB_TLS", "spec.database.external.tls.mode"),
        ("DB_USER", "spec.database.external.credentialsSecretRef, userKey"),
        ("DB_PASSWORD", "spec.database.external.credentialsSecretRef, passwordKey"),
        ("DB_TLS_CA", "spec.database.external.tls.caSecretRef"),
    ],
)
def test_a_setting_of_kubernetes_is_led_back_to_its_field(setting: str, field: str) -> None:
    assert sources.eks()[setting] == Source(field)


def test_what_the_operator_decides_itself_is_said_to_be_its_own() -> None:
    assert sources.eks()["METRICS_PORT"] == Source("the operator", "9100")
    assert sources.eks()["SECRET_KEY"].where == "the operator"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("DB_HOST={{ database_host }}", "{{ database_host }}"),
        ("export DB_HOST=db", "db"),
        ('Environment="DB_HOST=db"', "db"),
        ("  - DB_HOST: ${Host}", "${Host}"),
    ],
)
def test_a_template_assigns_a_setting_in_the_ways_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, value: str
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    folder = tmp_path / "deploy" / "vm"
    folder.mkdir(parents=True)
    (folder / "shop.env.j2").write_text(f"# DB_HOST_OF_OLD=x\nOTHER=1\n{line}\n")
    found = sources.templates("deploy/vm")
    assert found == {"DB_HOST": Source("deploy/vm/shop.env.j2", value)}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("DB_HOST=$database_host", "${DatabaseHost}"),
        ("DB_USER=$shop_user", "${ShopLogin}, username"),
        ('SECRET_KEY=$(secret "$session_secret" key)', "${SessionKey}, key"),
        ("DB_NAME=$nowhere", "$nowhere"),
    ],
)
def test_a_variable_of_a_script_is_led_back_to_the_parameter_or_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, value: str
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    script = """
      database_host='${DatabaseHost}'
      login_secret='${ShopLogin}'
      session_secret='${SessionKey}'
      shop_user=$(secret "$login_secret" username "$version")
    """
    (tmp_path / "stack.yaml").write_text(f"{script}\n{line}\n")
    (found,) = sources.templates(".").values()
    assert found == Source("stack.yaml", value)


def test_a_step_that_is_not_there_sets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    assert sources.templates("deploy/aws") == {}


def test_the_picture_names_what_the_templates_name() -> None:
    drawn = "".join(Xml.fromstring(picture.picture()).itertext())
    cluster = yaml.safe_load((sources.ROOT / "deploy" / "eks" / "cluster.yaml").read_text())
    assert cluster["metadata"]["name"] in drawn
    assert "environments lab, local, prod, qa" in drawn
    assert "database: mysql:8.4" in drawn


def test_the_picture_names_the_hosts_of_the_playbook_with_all_of_their_roles(
    tmp_path: Path,
) -> None:
    plays = [
        {"import_playbook": "checks.yml"},
        {"hosts": "app", "roles": ["build"]},
        {"hosts": "database", "roles": ["mysql"]},
        {"hosts": "app", "roles": ["proxy"]},
    ]
    (tmp_path / "site.yml").write_text(yaml.safe_dump(plays))
    assert list(picture.of_vm(tmp_path)) == ["host app: build, proxy", "host database: mysql"]
