"""The contracts as JSON Schemas, and what a change of them breaks.

While a new version is rolled out, services of two versions call one another, in both directions.
So what one of them sends has to be what the other takes. A new method, an argument that may be left
out, and a field of an answer that has a default are no trouble; everything else is.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from bookstore.core.rpc.contract import Contract, Method

Schema = Any

# What is for people, and what fills in for a field that is left out.
IGNORED = frozenset({"title", "description", "default"})


def described(contracts: Mapping[str, Contract]) -> dict[str, Any]:
    """Return all contracts as what JSON can hold, by domain."""
    return {
        domain: {
            "methods": {name: _method(method) for name, method in sorted(each.methods.items())},
            "errors": {kind.__name__: _error(kind) for kind in each.errors},
        }
        for domain, each in sorted(contracts.items())
    }


def breaks(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Return in sentences what of today's contracts does not go together with those of before."""
    for domain, old in before.items():
        new = now.get(domain)
        if new is None:
            yield f"{domain} is gone."
            continue
        for name, method in old["methods"].items():
            place = f"{domain}.{name}"
            if name not in new["methods"]:
                yield f"{place} is gone; who calls it is of the version before."
                continue
            today = new["methods"][name]
            yield from _arguments(place, method["arguments"], today["arguments"])
            yield from _differences(f"the answer of {place}", method["answer"], today["answer"])
        if old["errors"] != new["errors"]:
            yield f"the errors of {domain} have changed; the other version cannot read them."


def _arguments(place: str, before: Schema, now: Schema) -> Iterator[str]:
    yield from _differences(f"{place}", before, now)
    for name in set(before.get("required", ())) - set(now.get("required", ())):
        if name in now.get("properties", {}):
            yield f"{place}: {name} may be left out now, and the version before wants it."


def _differences(place: str, before: Schema, now: Schema) -> Iterator[str]:
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{place}[{number}]", old, new)
    elif isinstance(before, dict) and isinstance(now, dict) and "properties" in before:
        yield from _of_object(place, before, now)
    elif isinstance(before, dict) and isinstance(now, dict):
        for key in sorted((before.keys() | now.keys()) - IGNORED):
            yield from _differences(f"{place}/{key}", before.get(key), now.get(key))
    elif before != now:
        yield f"{place} was {before} and is {now}."


def _of_object(place: str, before: Schema, now: Schema) -> Iterator[str]:
    properties = now.get("properties", {})
    for name, old in before["properties"].items():
        if name not in properties:
            yield f"{place}: {name} is gone."
        else:
            yield from _differences(f"{place}.{name}", old, properties[name])
    for name in set(now.get("required", ())) - set(before.get("required", ())):
        yield f"{place}: {name} is required, and the version before does not send it."
    apart = {"properties", "required"}
    rest = [{key: told for key, told in each.items() if key not in apart} for each in (before, now)]
    yield from _differences(place, *rest)


def _method(method: Method) -> Schema:
    arguments = method.arguments.model_json_schema()
    answer = method.answer.json_schema(mode="serialization")
    return {"arguments": _inlined(arguments), "answer": _inlined(answer)}


def _error(kind: type[Exception]) -> dict[str, str]:
    _, *parameters = inspect.signature(kind.__init__).parameters.values()
    return {each.name: inspect.formatannotation(each.annotation) for each in parameters}


def _inlined(schema: Schema, definitions: Mapping[str, Schema] | None = None) -> Schema:
    """Return a schema without references, and without what is for people."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    known = schema.get("$defs", definitions) or {}
    if "$ref" in schema:
        return _inlined(known[schema["$ref"].rpartition("/")[2]], known)
    kept = {}
    for key, told in schema.items():
        if key == "properties":
            kept[key] = {name: _inlined(each, known) for name, each in told.items()}
        elif key != "$defs" and key not in IGNORED:
            kept[key] = _inlined(told, known)
    return kept
