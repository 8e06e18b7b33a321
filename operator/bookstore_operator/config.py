"""The operator's own settings, from its environment."""

import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

VARIABLES = {
    "LOG_LEVEL": "The level of the log: debug, info, warning or error. Without it: info.",
    "WATCH_NAMESPACES": "Namespaces with stores, separated by commas. Without it: all.",
    "HEALTH_PORT": "Where /healthz and /readyz answer. Without it: 8080.",
    "METRICS_PORT": "Where /metrics answers. Without it: 9090.",
    "POD_NAMESPACE": "Where the Lease is that lets one operator act. Without it: bookstore-system.",
    "POD_UID": "What the Lease is held by, beside HOSTNAME. Without it: a new one at each start.",
    "HOSTNAME": "Who writes Events; Kubernetes sets it to the pod's name.",
    "KUBECONFIG": "The kubeconfig, outside of a cluster. Without it: ~/.kube/config.",
}
"""The variables that the operator reads, and what each does."""

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
        namespace: Where the Lease is that lets one operator act.
        incarnation: What tells this operator from another of the same identity, the pod's uid in a
            cluster: a container that is started again goes on with the Lease of its pod.
    """

    level: int = logging.INFO
    namespaces: tuple[str, ...] = ()
    health_port: int = 8080
    metrics_port: int = 9090
    identity: str = "bookstore-operator"
    namespace: str = "bookstore-system"
    incarnation: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def holder(self) -> str:
        """Return the name under which the Lease is held."""
        return f"{self.identity}_{self.incarnation}"

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
            namespace=environment.get("POD_NAMESPACE") or cls.namespace,
            incarnation=environment.get("POD_UID") or uuid.uuid4().hex,
        )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigurationError(f"{name} is {text}; set it to a port from 1 to 65535")
    return int(text)
