"""The service that a command is about."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bookstore.core.config.settings import SERVICES, Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])


def service_option(command: F) -> F:
    """Add the option that names one service of the shop."""
    return click.option(
        "--service",
        type=click.Choice(SERVICES),
        help="One service alone, on a database of its own; by default SERVICE, or the whole shop.",
    )(command)


def chosen(service: str | None) -> dict[str, str]:
    """Return the setting that an option stands for; without the option the environment's holds."""
    return {} if service is None else {"service": service}


def settings_of(service: str | None) -> Settings:
    """Read the settings for what a command is about.

    :raise ConfigurationInvalid: with a sentence on each thing that is wrong.
    """
    return load_settings(**chosen(service))
