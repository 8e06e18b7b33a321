"""compose.yaml and .env.example say the same as versions.env and the shop's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bookstore.core.config.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = re.compile(r"\$\{(\w+)[:}?-]")
DEFAULTED = re.compile(r"\$\{\w+:[-?]([^}]*)\}")


def lines(name: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in (ROOT / name).read_text().splitlines())
    return {key: value for key, sep, value in pairs if sep and not key.startswith("#")}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def test_images_are_those_of_versions_env() -> None:
    versions, told = lines("versions.env"), services()
    assert told["database"]["image"] == f"${{MYSQL_IMAGE:-{versions['MYSQL_IMAGE']}}}"
    base = told["shop"]["build"]["args"]["PYTHON_IMAGE"]
    assert base == f"${{PYTHON_IMAGE:-{versions['PYTHON_IMAGE']}}}"


def test_every_line_of_the_example_is_read_by_the_shop_or_by_compose() -> None:
    by_compose = set(DEFAULT.findall((ROOT / "compose.yaml").read_text()))
    by_shop = {field.upper() for field in Settings.model_fields}
    assert set(lines(".env.example")) <= by_compose | by_shop


def test_the_example_says_nothing_twice() -> None:
    told = [line.partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines()]
    names = [name for name in told if name and not name.startswith("#")]
    assert sorted(names) == sorted(set(names))


def test_the_example_filled_in_is_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = lines(".env.example") | {"DB_PASSWORD": "p", "SECRET_KEY": "0123456789abcdef" * 4}
    for key, value in filled.items():
        monkeypatch.setenv(key, value)
    settings = load_settings()
    assert (settings.database_url.host, settings.database_url.database) == ("database", "bookstore")


def test_nothing_runs_with_a_privilege() -> None:
    for name in ("shop", "migrate", "database"):
        told = services()[name]
        assert (told["read_only"], told["cap_drop"]) == (True, ["ALL"])
        assert told["security_opt"] == ["no-new-privileges:true"]


def microservices() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "compose.microservices.yaml").read_text())["services"]
    return dict(found)


def test_the_services_run_without_a_privilege_and_from_the_same_images() -> None:
    told, versions = microservices(), lines("versions.env")
    for name, each in told.items():
        assert (each["read_only"], each["cap_drop"]) == (True, ["ALL"]), name
        assert each["security_opt"] == ["no-new-privileges:true"], name
    for name in ("database", "schemas"):
        assert told[name]["image"] == f"${{MYSQL_IMAGE:-{versions['MYSQL_IMAGE']}}}"
    assert told["front"]["image"] == f"${{NGINX_IMAGE:-{versions['NGINX_IMAGE']}}}"
    (builds,) = [each["build"] for each in told.values() if "build" in each]
    base = builds["args"]["PYTHON_IMAGE"]
    assert base == f"${{PYTHON_IMAGE:-{versions['PYTHON_IMAGE']}}}"


def test_only_the_front_is_published() -> None:
    assert [name for name, each in microservices().items() if "ports" in each] == ["front"]


def test_each_service_has_its_own_login_key_and_nothing_of_another() -> None:
    told = microservices()
    for name in ("auth", "catalogue", "orders"):
        for part in (name, f"{name}-migrate", f"{name}-keys"):
            environment = told[part]["environment"]
            assert (environment["SERVICE"], environment["DB_USER"]) == (name, name)
            assert f"{name.upper()}_DB_PASSWORD" in environment["DB_PASSWORD"]
            assert f"{name}-keys:/app/keys" in told[part]["volumes"]
            passwords = [text for text in environment.values() if "_DB_PASSWORD" in (text or "")]
            assert len(passwords) == 1


def test_every_line_of_the_services_example_is_read_by_compose() -> None:
    by_compose = set(DEFAULT.findall((ROOT / "compose.microservices.yaml").read_text()))
    assert set(lines(".env.microservices.example")) <= by_compose


@pytest.mark.parametrize("name", ["auth", "catalogue", "orders"])
def test_a_service_of_compose_is_a_configuration(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled = {"SECRET_KEY": "0123456789abcdef" * 4, "DB_PASSWORD": "p"}
    told = microservices()[name]["environment"]
    for key, text in told.items():
        if text is None:
            continue
        monkeypatch.setenv(key, filled.get(key, DEFAULTED.sub(r"\1", text)))
    (tmp_path / "key.pem").touch()
    monkeypatch.setenv("SERVICE_KEY_FILE", str(tmp_path / "key.pem"))
    settings = load_settings()
    assert (settings.service, settings.database_url.database) == (name, name)
    assert set(settings.internal_urls.values()) == {
        f"http://{other}:5001" for other in ("auth", "catalogue", "orders") if other != name
    }
