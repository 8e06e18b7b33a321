"""The base of every typed model and the helpers that attach CEL rules to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class ApiModel(BaseModel):
    """A frozen part of the BookStore resource.

    Python names are snake_case, names in the resource camelCase; both are accepted when a model
    is built. A field's docstring becomes its description in the CRD and in the reference.

    Fields that a model does not know are ignored, since a CRD newer than the operator may have
    more; ``unknown_fields`` names them.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def manifest(self) -> dict[str, Any]:
        """Return the model as it stands in the resource: camelCase, unset fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Union(ApiModel):
    """A union: every field is one member, and exactly one is set.

    A new member is a new optional field, so the union grows without breaking a stored resource.
    The source of the form is the Kubernetes API conventions, "Unions".
    """

    immutable: ClassVar[bool] = False
    """Whether the member that is set stays the same for the life of a store."""

    @classmethod
    def members(cls) -> list[str]:
        """Return the names of the members as they stand in the resource."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @property
    def mode(self) -> str:
        """Return the name of the member that is set, as it stands in the resource."""
        return next(
            field.alias or name
            for name, field in type(self).model_fields.items()
            if getattr(self, name) is not None
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["x-union"] = {"immutable": cls.immutable}
        return schema

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        chosen = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(chosen) != 1:
            raise ValueError(f"set exactly one of {' and '.join(self.members())}")
        return self


M = TypeVar("M", bound=ApiModel)


def composed(core: type[M], fragments: Sequence[type[ApiModel]]) -> type[M]:
    """Return a model with the fields and rules of all: those of the core first.

    Args:
        core: What many parts of the operator read; its name and meaning are kept.
        fragments: What one part alone reads, each declared where it is read.
    """
    bases = (*reversed(fragments), core)
    found: list[dict[str, Any]] = []
    models: list[type[ApiModel]] = [core, *fragments]
    for model in models:
        extra = model.model_config.get("json_schema_extra")
        own: Any = extra.get("x-kubernetes-validations", []) if isinstance(extra, dict) else []
        found += own
    config = ConfigDict(json_schema_extra=rules(*found)) if found else ConfigDict()
    body = {"__doc__": core.__doc__, "__module__": core.__module__, "model_config": config}
    return type(core.__name__, bases, body)


def unknown_fields(model: type[ApiModel], raw: Mapping[str, Any]) -> list[str]:
    """Return the fields of a resource that a model does not know, as dotted paths.

    Args:
        model: What the operator understands, such as the spec.
        raw: The same part of a resource as the API returns it.

    Keys that a person chooses, such as those of annotations, are no fields. An item of a list is
    named by its index, as ``imagePullSecrets[0].name``.
    """
    return list(_unknown(model, raw, ""))


def _unknown(annotation: Any, raw: Any, path: str) -> Iterator[str]:
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from _unknown(annotation, item, f"{path}[{index}]")
    model = next(_models(annotation), None)
    if model is None or not isinstance(raw, Mapping):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, value in raw.items():
        below = f"{path}.{name}" if path else name
        if name in fields:
            yield from _unknown(fields[name].annotation, value, below)
        else:
            yield below


def _models(annotation: Any) -> Iterator[type[ApiModel]]:
    """Yield the models within an annotation such as ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def rule(
    cel: str, message: str, *, field: str = "", expression: str = "", of_all: bool = False
) -> dict[str, Any]:
    """Return one entry of ``x-kubernetes-validations``.

    Args:
        cel: The condition that a valid value meets, over ``self`` and ``oldSelf``.
        message: The sentence that a refused person reads; it names the fix.
        field: The path below ``self`` that the refusal points at, such as ``.size``.
        expression: CEL for a sentence with values in it; ``message`` stands in where it fails.
        of_all: Whether a rule with ``oldSelf``, which then is an optional, is one of creation too.

    Source: Kubernetes, "Custom Resources", validation rules.
    """
    entry: dict[str, Any] = {"rule": cel, "message": message}
    if of_all:
        entry["optionalOldSelf"] = True
    if expression:
        entry["messageExpression"] = expression
    if field:
        entry["fieldPath"] = field
    return entry


def rules(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return JSON schema extras that carry CEL rules, for a field or a whole model."""
    return {"x-kubernetes-validations": list(entries)}


def unchanged(field: str) -> str:
    """Return CEL that holds an optional field to its value, or to its absence."""
    return (
        f"has(self.{field}) == has(oldSelf.{field}) && "
        f"(!has(self.{field}) || self.{field} == oldSelf.{field})"
    )


@dataclass(frozen=True)
class Format:
    """The format of a text, as patterns that an editor checks and a sentence that a person reads.

    Attributes:
        pattern: What the text must match; see ``formats`` for which expressions are understood.
        says: What the value must be, as the rest of a sentence that begins with the field.
        also: A second pattern that it must match.
        never: A pattern that it must not match.
        unless: A pattern that excuses a match of ``never``.
    """

    pattern: str
    says: str
    also: str = ""
    never: str = ""
    unless: str = ""

    def cel(self, value: str) -> str:
        """Return CEL that holds for a text of this format."""
        checks = [f"{value}.matches(r'{one}')" for one in (self.pattern, self.also) if one]
        if self.never:
            checks.append(f"!{value}.matches(r'{self.never}')")
        if self.unless:
            checks[-1] = f"({value}.matches(r'{self.unless}') || {checks[-1]})"
        return " && ".join(checks)


def format_schema(form: Format) -> dict[str, Any]:
    """Return what OpenAPI says of a format; CEL adds the sentence.

    Kubernetes takes ``allOf``, ``anyOf`` and ``not`` in a structural schema where they hold value
    validations alone. Source: Kubernetes, "Custom Resources", specifying a structural schema.
    """
    schema: dict[str, Any] = {"pattern": form.pattern}
    if form.also:
        schema["allOf"] = [{"pattern": form.also}]
    if form.never:
        never = {"not": {"pattern": form.never}}
        schema |= {"anyOf": [{"pattern": form.unless}, never]} if form.unless else never
    return schema


def text(max_length: int, form: Format) -> Any:
    """Return the constraints of a text field.

    Args:
        max_length: The most characters; it also bounds what the API server spends on CEL.
        form: Its format.
    """
    return Field(
        max_length=max_length, pattern=form.pattern, json_schema_extra={"x-format": asdict(form)}
    )
