"""What an environment is: its region and the values of the templates' parameters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.aws.fleet.errors import FleetError

FOLDER = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[a-z][a-z0-9]{1,9}")
# In the order in which they are made; the outputs of one are parameters of the next.
STACKS = ("network", "data", "fleet", "watch")


class _Loader(yaml.SafeLoader):
    """Read a template and take a short function such as !Sub for its argument."""


def _argument(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _argument)


@dataclass(frozen=True)
class Template:
    """One stack's template: its text, its parameters, the names of its outputs."""

    part: str
    text: str
    parameters: Mapping[str, Mapping[str, Any]]
    outputs: frozenset[str]

    @classmethod
    def load(cls, part: str) -> "Template":
        """Read the template of a part, such as network."""
        text = (FOLDER / "templates" / f"{part}.yaml").read_text()
        told = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        return cls(part, text, told["Parameters"], frozenset(told.get("Outputs", {})))


@dataclass(frozen=True)
class Environment:
    """An environment's name, region and what is said of its parameters."""

    name: str
    region: str
    values: Mapping[str, str]
    templates: tuple[Template, ...]

    def stack(self, part: str) -> str:
        """Give the name of the stack of a part."""
        return f"bookstore-{self.name}-{part}"

    def value(self, parameter: str) -> str:
        """Give the value of a parameter: what is said, else the default, else nothing."""
        if parameter in self.values:
            return self.values[parameter]
        for template in self.templates:
            if parameter in template.parameters:
                return str(template.parameters[parameter].get("Default", ""))
        raise KeyError(parameter)


def load(
    name: str, assignments: Sequence[str] = (), folder: Path = FOLDER, *, whole: bool = True
) -> Environment:
    """Read an environment's file, and NAME=value assignments over it.

    Raises FleetError for a file that is missing, and if it shall be `whole`, for a parameter that
    no template has, a value that its template would refuse, one that is missing, and values
    that do not go together.
    """
    if not NAME.fullmatch(name):
        raise FleetError(
            f"ENV is {name!r}; use 2 to 10 lowercase letters and digits, a letter first: ENV=qa."
        )
    file = folder / "environments" / f"{name}.yaml"
    if not file.exists():
        raise FleetError(
            f"There is no environment {name}: copy environments/qa.yaml in deploy/aws to "
            f"{name}.yaml there and fill it in."
        )
    told = _read(file)
    values = {key: _text(value) for key, value in (told.get("parameters") or {}).items()}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise FleetError(f"{assignment!r} assigns nothing; write NAME=value.")
        values[key] = value
    region = told.get("region")
    if not isinstance(region, str) or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise FleetError(
            f"region in {file.name} is {region!r}; write the name of a region, such as us-east-1."
        )
    templates = tuple(Template.load(part) for part in STACKS)
    environment = Environment(name, region, {**values, "Environment": name}, templates)
    if whole:
        _check(environment, file.name)
        _check_together(environment)
    return environment


def _read(file: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise FleetError(f"{file.name} is no YAML{line}; compare it with qa.yaml.") from None
    if not isinstance(told, dict):
        raise FleetError(f"{file.name} holds no settings; compare it with qa.yaml.")
    return told


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)


def _check(environment: Environment, file: str) -> None:
    known: dict[str, Mapping[str, Any]] = {}
    made: set[str] = set()
    for template in environment.templates:
        # What a stack before gives out is nothing that a person says.
        for name, told in template.parameters.items():
            if name not in made:
                known.setdefault(name, told)
        made |= template.outputs
    for name, value in environment.values.items():
        if name not in known:
            raise FleetError(f"{name} in {file} is no parameter of the templates; take it out.")
        if problem := refusal(known[name], value):
            raise FleetError(f"{name} is {value!r}; {problem}.")
    for name, told in known.items():
        if "Default" not in told and not environment.values.get(name):
            raise FleetError(f"{name} is not set; give it in {file} or by SET={name}=value.")


def _check_together(environment: Environment) -> None:
    value = environment.value
    least, most = int(value("Instances")), int(value("InstancesLimit"))
    if most <= least:
        raise FleetError(
            f"InstancesLimit is {most} and Instances {least}; a deploy starts one before it ends "
            f"one, so set InstancesLimit to {least + 1} or more."
        )
    begin, limit = int(value("DatabaseStorage")), int(value("DatabaseStorageLimit"))
    if limit * 10 < begin * 11:
        raise FleetError(
            f"DatabaseStorageLimit is {limit} and DatabaseStorage {begin}; RDS wants a tenth "
            f"more, so set DatabaseStorageLimit to {-(-begin * 11 // 10)} or more."
        )
    for name, other in (
        ("HostedZoneId", "DomainName"),
        ("SmtpHost", "SmtpFrom"),
        ("SmtpSecret", "SmtpHost"),
    ):
        if value(name) and not value(other):
            raise FleetError(f"{name} is set and {other} is not; set both, or none.")


def refusal(parameter: Mapping[str, Any], value: str) -> str | None:
    """Tell why a template's parameter refuses a value, or None."""
    constraint = parameter.get("ConstraintDescription")
    if "AllowedValues" in parameter:
        allowed = [str(each) for each in parameter["AllowedValues"]]
        return None if value in allowed else f"use one of {', '.join(allowed)}"
    if "AllowedPattern" in parameter:
        if not re.fullmatch(parameter["AllowedPattern"], value):
            return str(constraint or f"it has to match {parameter['AllowedPattern']}")
        return None
    if parameter["Type"] == "Number":
        least, most = parameter.get("MinValue", 0), parameter.get("MaxValue", 10**9)
        if not value.isdigit() or not least <= int(value) <= most:
            above = f" to {most}" if "MaxValue" in parameter else " on"
            return f"use a whole number from {least}{above}"
    return None
