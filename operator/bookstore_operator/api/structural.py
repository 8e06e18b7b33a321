"""Turn a model's JSON schema into a structural schema with CEL rules.

Kubernetes wants a schema without references and without ``null`` beside a type ("Custom Resources",
structural schema). Whatever OpenAPI can say stands there, so that an editor or a check without a
cluster sees it. Formats and unions are said by CEL once more, since the API server's own words for
them ("should match '^fs-…'") tell a person no fix.
"""

from itertools import combinations
from typing import Any

from bookstore_operator.api.model import ApiModel, Format, format_schema, rule

Schema = dict[str, Any]

_ORDER = (
    "description",
    "type",
    "format",
    "default",
    "required",
    "properties",
    "x-kubernetes-validations",
)
_DROPPED = ("title", "additionalProperties", "x-format", "x-union")


def structural(model: type[ApiModel], path: str = "") -> Schema:
    """Return the structural schema of a model.

    Args:
        model: The model; its field docstrings become descriptions.
        path: Where the model stands, as sentences name it: ``""`` for the spec itself.

    Raises:
        ValueError: A field has a pattern and no sentence for what does not match.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _Converter(schema.pop("$defs", {})).convert(schema, path)


class _Converter:
    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def convert(self, schema: Schema, path: str) -> Schema:
        """Return the structural form of one schema that stands at ``path``."""
        schema = self._flat(schema)
        result = {key: value for key, value in schema.items() if key not in _DROPPED}
        checks: list[Schema] = []
        if schema.get("type") == "string" and "pattern" in schema:
            checks += _check_format(schema, result, path)
        if "x-union" in schema:
            checks += _check_union(schema, result, path)
        if "const" in result:
            # Kubernetes knows no const.
            result["enum"] = [result.pop("const")]
        if schema.get("x-kubernetes-int-or-string"):
            result["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        if properties := schema.get("properties"):
            result["properties"] = {
                name: self.convert(value, f"{path}.{name}".lstrip("."))
                for name, value in properties.items()
            }
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            result["additionalProperties"] = self.convert(values, f"{path}[*]")
        if "items" in schema:
            result["items"] = self.convert(schema["items"], f"{path}[*]")
        checks += schema.get("x-kubernetes-validations", [])
        if checks:
            result["x-kubernetes-validations"] = checks
        if "default" in result:
            result["default"] = _without_none(result["default"])
        if result.get("type") == "integer":
            result.setdefault("format", "int32")
        return {key: result[key] for key in sorted(result, key=_place)}

    def _flat(self, schema: Schema) -> Schema:
        """Inline references and drop ``null``, with what stands beside them on top."""
        schema = dict(schema)
        if "anyOf" in schema:
            (kept,) = [one for one in schema.pop("anyOf") if one != {"type": "null"}]
            schema = {**kept, **schema}
        if "$ref" in schema:
            name = schema.pop("$ref").rpartition("/")[2]
            schema = {**self._flat(self._definitions[name]), **schema}
        if schema.get("default", "") is None:
            del schema["default"]
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
        return schema


def _check_format(schema: Schema, result: Schema, path: str) -> list[Schema]:
    if "x-format" not in schema:
        raise ValueError(f"{path} has a pattern and no sentence for it; declare it by text()")
    form = Format(**schema["x-format"])
    result.update(format_schema(form))
    return [rule(form.cel("self"), form.says)]


def _check_union(schema: Schema, result: Schema, path: str) -> list[Schema]:
    """Let a union have exactly one member, and the same one for life where that is wanted.

    ``oneOf`` over ``required`` would say the same, but where no member is set the API server calls
    all of them required, and leaves out the sentence.
    """
    members = list(schema["properties"])
    result["minProperties"] = 1
    pairs = [{"required": list(pair)} for pair in combinations(members, 2)]
    if pairs:
        result["not"] = pairs[0] if len(pairs) == 1 else {"anyOf": pairs}
    chosen = ", ".join(f"has(self.{member})" for member in members)
    found = [rule(f"[{chosen}].exists_one(chosen, chosen)", _union_sentence(members, path))]
    if schema["x-union"]["immutable"]:
        same = " && ".join(f"has(self.{one}) == has(oldSelf.{one})" for one in members)
        found.append(
            rule(
                same,
                f"{path} cannot pass between {_listed(members)} on a live store; create a new "
                "BookStore and move the data",
            )
        )
    return found


def _union_sentence(members: list[str], path: str) -> str:
    named = [f"{path}.{member}" for member in members]
    if len(named) == 1:
        return f"set {named[0]}"
    return f"set exactly one of {_listed(named)}"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _place(key: str) -> int:
    """Put a field's meaning first and what is below it last, so that the file reads well."""
    if key in _ORDER[:5]:
        return _ORDER.index(key) - 10
    return _ORDER.index(key) if key in _ORDER else 0


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return value
