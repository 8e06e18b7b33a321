"""Turn a model's JSON schema into a structural schema with CEL rules.

Kubernetes wants a schema without references and without ``null`` beside a type ("Custom Resources",
structural schema). What pydantic says by ``required`` and ``pattern`` becomes CEL, since the API
server's own words for those ("Required value", "should match '^fs-…'") tell a person no fix.
"""

from typing import Any

from bookstore_operator.api.model import ApiModel, missing, rule

Schema = dict[str, Any]

_ORDER = ("description", "type", "format", "default", "properties", "x-kubernetes-validations")
_DROPPED = ("title", "additionalProperties", "required", "pattern", "x-says", "x-union")


def structural(model: type[ApiModel], path: str = "", *, sentences: bool = True) -> Schema:
    """Return the structural schema of a model.

    Args:
        model: The model; its field docstrings become descriptions.
        path: Where the model stands, as sentences name it: ``""`` for the spec itself.
        sentences: Say a missing field by CEL; otherwise keep ``required``, as a status needs it.

    Raises:
        ValueError: A field has a pattern and no sentence for what does not match.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _Converter(schema.pop("$defs", {}), sentences=sentences).convert(schema, path)


class _Converter:
    def __init__(self, definitions: Schema, *, sentences: bool) -> None:
        self._definitions = definitions
        self._sentences = sentences

    def convert(self, schema: Schema, path: str) -> Schema:
        """Return the structural form of one schema that stands at ``path``."""
        schema = self._flat(schema)
        result = {key: value for key, value in schema.items() if key not in _DROPPED}
        checks = [*self._format_rules(schema, path), *self._union_rules(schema, path)]
        if properties := schema.get("properties"):
            result["properties"] = {
                name: self.convert(value, f"{path}.{name}".lstrip("."))
                for name, value in properties.items()
            }
            checks += self._required(schema, result, path)
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

    def _format_rules(self, schema: Schema, path: str) -> list[Schema]:
        if "pattern" not in schema:
            return []
        if "x-says" not in schema:
            raise ValueError(f"{path} has a pattern and no sentence for it; declare it by text()")
        return [rule(f"self.matches(r'{schema['pattern']}')", schema["x-says"])]

    def _union_rules(self, schema: Schema, path: str) -> list[Schema]:
        if "x-union" not in schema:
            return []
        members = list(schema["properties"])
        chosen = ", ".join(f"has(self.{member})" for member in members)
        found = [rule(f"[{chosen}].exists_one(chosen, chosen)", _union_sentence(members, path))]
        if schema["x-union"]["immutable"]:
            same = " && ".join(f"has(self.{one}) == has(oldSelf.{one})" for one in members)
            named = " and ".join(members)
            found.append(
                rule(
                    same,
                    f"{path} cannot pass between {named} on a live store; create a new BookStore "
                    "and move the data",
                )
            )
        return found

    def _required(self, schema: Schema, result: Schema, path: str) -> list[Schema]:
        names, properties = schema.get("required", []), schema["properties"]
        if not self._sentences:
            if names:
                result["required"] = names
            return []
        for name in names:
            field = result["properties"][name]
            field["description"] = f"{field['description']} Required."
        return [
            missing(name, self._missing_sentence(properties[name], f"{path}.{name}".lstrip(".")))
            for name in names
        ]

    def _missing_sentence(self, schema: Schema, path: str) -> str:
        schema = self._flat(schema)
        if "x-union" in schema:
            return _union_sentence(list(schema["properties"]), path)
        if "x-says" in schema:
            return f"set {path}; it {schema['x-says']}"
        needed = " and ".join(f"{path}.{name}" for name in schema.get("required", [])) or path
        return f"set {needed}"


def _union_sentence(members: list[str], path: str) -> str:
    named = [f"{path}.{member}" for member in members]
    if len(named) == 1:
        return f"set {named[0]}"
    return f"set exactly one of {', '.join(named[:-1])} and {named[-1]}"


def _place(key: str) -> int:
    """Put a field's meaning first and what is below it last, so that the file reads well."""
    if key in _ORDER[:4]:
        return _ORDER.index(key) - 10
    return _ORDER.index(key) if key in _ORDER else 0


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return value
