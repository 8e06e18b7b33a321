"""Environment variables as a person says them: a value, or where it is."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, Union, rule, rules, text
from bookstore_operator.api.scalars import ConfigMapName, DataKey, SecretKey, SecretName

EITHER = rule(
    "has(self.value) != has(self.valueFrom)",
    "a variable has either value or valueFrom: set one of them",
    field=".value",
)
NOT_BOTH: dict[str, Any] = {"not": {"required": ["value", "valueFrom"]}}


VariableName = Annotated[
    str,
    text(
        128,
        Format(
            formats.VARIABLE,
            "must be the name of an environment variable: letters, digits and _, no digit first, "
            "for example LOG_LEVEL",
        ),
    ),
]


class SecretKeyRef(ApiModel):
    """A key of a Secret."""

    name: SecretName
    """The Secret, in the store's namespace."""

    key: SecretKey
    """The key."""


class ConfigMapKeyRef(ApiModel):
    """A key of a ConfigMap."""

    name: ConfigMapName
    """The ConfigMap, in the store's namespace."""

    key: DataKey
    """The key."""


class ValueFrom(Union):
    """Where the value of a variable is: exactly one member."""

    secret_key_ref: SecretKeyRef | None = None
    """A key of a Secret of the store's namespace."""

    config_map_key_ref: ConfigMapKeyRef | None = None
    """A key of a ConfigMap of the store's namespace."""


class Variable(ApiModel):
    """A variable of a container's environment."""

    model_config = ConfigDict(json_schema_extra={**NOT_BOTH, **rules(EITHER)})

    name: VariableName
    """The variable's name."""

    value: Annotated[str | None, Field(max_length=8192)] = None
    """The value."""

    value_from: ValueFrom | None = None
    """Where the value is, for example {secretKeyRef: {name: shop, key: token}}."""
