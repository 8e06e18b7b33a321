"""Check a value against OpenAPI alone, as an editor or ``kubeconform -strict`` does."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema
from pydantic import StringConstraints, TypeAdapter, ValidationError, create_model

from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.structural import structural

Schema = dict[str, Any]


@functools.cache
def _expression(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Match by Rust's regex, which reads ``$`` as RE2 does, and not before a last line break."""
    if isinstance(value, str):
        try:
            _expression(pattern).validate_python(value)
        except ValidationError:
            yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


OpenAPI = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})


def fits(schema: Schema, value: Any) -> bool:
    """Return whether a value is one of a schema; what CEL says is not asked."""
    return bool(OpenAPI(schema).is_valid(value))


def schema_of(annotation: Any) -> Schema:
    """Return the structural schema of one field of a type."""
    model = create_model("One", __base__=ApiModel, value=(annotation, ...))
    field: Schema = structural(model)["properties"]["value"]
    return field


def closed(schema: Schema) -> Schema:
    """Return a schema that takes no unknown fields."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: closed(one) for name, one in schema["properties"].items()}
        result["additionalProperties"] = False
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            result[name] = closed(schema[name])
    return result
