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
