"""The operator's own settings, from its environment."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class ConfigurationError(Exception):
    """A variable cannot be used; the sentence names it, its value, and the fix."""


@dataclass(frozen=True)
class Config:
    """The operator's settings.

    Attributes:
        level: The level of the operator's own log.
        namespaces: The namespaces that are served; empty for all.
        health_port: Where ``/healthz`` answers.
        metrics_port: Where ``/metrics`` answers.
        identity: Who writes Events, the pod's name in a cluster.
    """

    level: int = logging.INFO
    namespaces: tuple[str, ...] = ()
    health_port: int = 8080
    metrics_port: int = 9090
    identity: str = "bookstore-operator"

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """Read the settings.

        Raises:
            ConfigurationError: A variable has a value that cannot be used.
        """
        level = environment.get("LOG_LEVEL") or "INFO"
        if level.upper() not in LEVELS:
            raise ConfigurationError(f"LOG_LEVEL is {level}; set it to one of {', '.join(LEVELS)}")
        listed = environment.get("WATCH_NAMESPACES", "").split(",")
        return cls(
            level=logging.getLevelNamesMapping()[level.upper()],
            namespaces=tuple(name.strip() for name in listed if name.strip()),
            health_port=_port(environment, "HEALTH_PORT", cls.health_port),
            metrics_port=_port(environment, "METRICS_PORT", cls.metrics_port),
            identity=environment.get("HOSTNAME") or cls.identity,
        )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigurationError(f"{name} is {text}; set it to a port from 1 to 65535")
    return int(text)
