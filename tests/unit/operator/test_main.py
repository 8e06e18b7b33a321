"""How the operator is started."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kopf
import pytest

from bookstore_operator import __main__, handlers, health, logs, metrics
from bookstore_operator.config import Config
from bookstore_operator.kube import connect
from bookstore_operator.logs import JsonFormatter


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let nothing run, and return what would have."""
    told: dict[str, Any] = {}

    async def operator(**arguments: Any) -> None:
        told.update(arguments)
        arguments["memo"].lost = told.get("lost", False)

    @asynccontextmanager
    async def served(port: int, checks: dict[str, Any]) -> AsyncIterator[None]:
        told.update(health=port, paths=sorted(checks))
        yield

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(health, "served", served)
    monkeypatch.setattr(metrics, "start_http_server", lambda port: told.update(at=port))
    monkeypatch.setattr(logs, "configure", lambda level: told.update(level=level))
    monkeypatch.setattr(sys, "argv", ["bookstore-operator"])
    monkeypatch.setattr(gc, "freeze", lambda: None)
    for name in ("LOG_LEVEL", "WATCH_NAMESPACES", "METRICS_PORT", "HEALTH_PORT"):
        monkeypatch.delenv(name, raising=False)
    return told


def test_everywhere_is_served_unless_namespaces_are_named(started: dict[str, Any]) -> None:
    assert __main__.main() == 0
    assert started["clusterwide"] is True
    assert (started["health"], started["paths"]) == (8080, ["/healthz", "/readyz"])
    assert started["at"] == 9090
    assert started["level"] == logging.INFO


def test_an_operator_that_lost_its_lease_ends_as_one_that_failed(started: dict[str, Any]) -> None:
    started["lost"] = True
    assert __main__.main() == 1


def test_only_the_named_namespaces_are_served(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCH_NAMESPACES", "a,b")
    assert __main__.main() == 0
    assert (started["clusterwide"], started["namespaces"]) == (False, ("a", "b"))


def test_a_wrong_setting_ends_the_start_with_a_sentence(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    assert __main__.main() == 2
    assert capsys.readouterr().err.startswith("LOG_LEVEL is LOUD; set it to one of")
    assert "clusterwide" not in started


def test_arguments_are_refused_with_the_way_to_set_it_up(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bookstore-operator", "--verbose"])
    assert __main__.main() == 2
    assert "takes no arguments" in capsys.readouterr().err


async def test_in_a_cluster_the_pod_s_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Token:
        def is_file(self) -> bool:
            return True

    def load(configuration: Any) -> None:
        configuration.host = "https://10.96.0.1:443"

    monkeypatch.setattr(connect, "TOKEN", Token())
    monkeypatch.setattr(connect, "load_incluster_config", load)
    connection = await connect.connect()
    assert connection._host == "https://10.96.0.1:443"
    await connection.close()


def test_kopf_logs_in_as_the_operator_does(monkeypatch: pytest.MonkeyPatch) -> None:
    info = kopf.ConnectionInfo(server="https://10.96.0.1:443")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: None)
    monkeypatch.setattr(kopf, "login_with_kubeconfig", lambda **_: info)
    login: Any = handlers.login
    assert login(settings=kopf.OperatorSettings()) is info


def test_a_log_line_names_its_reason_its_object_and_what_went_wrong() -> None:
    error = ValueError("odd")
    trouble = (type(error), error, error.__traceback__)
    reference = {"namespace": "books", "name": "shop"}
    extra = {"reason": "Reverted", "k8s_ref": reference, "exc_info": trouble}
    line = JsonFormatter().format(logging.makeLogRecord({"name": "x", "msg": "m", **extra}))
    assert '"reason": "Reverted"' in line
    assert '"object": "books/shop"' in line
    assert "ValueError: odd" in line


def test_settings_are_read_from_the_environment() -> None:
    config = Config.of({"HOSTNAME": "operator-0", "LOG_LEVEL": "debug", "HEALTH_PORT": "8081"})
    assert (config.identity, config.level, config.health_port) == (
        "operator-0",
        logging.DEBUG,
        8081,
    )
