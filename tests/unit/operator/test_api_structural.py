"""What a model becomes in the CRD: a structural schema, with a sentence for each rule."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, create_model

from bookstore_operator.api.model import (
    ApiModel,
    Format,
    Union,
    composed,
    format_schema,
    rule,
    rules,
    text,
    unchanged,
)
from bookstore_operator.api.structural import structural

Schema = dict[str, Any]

WORD = Format("^[a-z]+$", "must be small letters")


class Inner(ApiModel):
    """Something within."""

    word: Annotated[str, text(9, WORD)]
    """A word of
    two lines."""

    number: int = 3
    """A number."""

    left_out: int | None = None


class Two(Union):
    """One of two."""

    one_way: Inner | None = None
    other: Inner | None = None


class Three(Two):
    """One of three, for ever."""

    immutable: ClassVar[bool] = True
    third: Inner | None = None


class Only(Union):
    """The one of one."""

    single: Inner | None = None


def converted(annotation: Any, default: Any = ..., path: str = "") -> Schema:
    """Return what the CRD says of a field; it is converted anew each time."""
    model = create_model("Outer", __base__=ApiModel, a_field=(annotation, default))
    schema = structural(model, path)
    assert schema["type"] == "object"
    field: Schema = schema["properties"]["aField"]
    return field


INNER: Schema = {
    "description": "Something within.",
    "type": "object",
    "required": ["word"],
    "properties": {
        "word": {
            "description": "A word of two lines.",
            "type": "string",
            "maxLength": 9,
            "pattern": "^[a-z]+$",
            "x-kubernetes-validations": [
                {"rule": "self.matches(r'^[a-z]+$')", "message": "must be small letters"}
            ],
        },
        "number": {
            "description": "A number.",
            "type": "integer",
            "format": "int32",
            "default": 3,
        },
        "leftOut": {"type": "integer", "format": "int32"},
    },
}


def test_a_model_is_inlined_without_references_titles_or_null() -> None:
    assert converted(Inner) == INNER
    assert converted(Inner | None, None) == INNER, "null is no value of a structural schema"
    assert converted(tuple[Inner, ...])["items"] == INNER
    assert converted(dict[str, Inner])["additionalProperties"] == INNER


def test_a_field_reads_from_its_meaning_to_what_is_below_it() -> None:
    found = converted(Inner)
    assert list(found) == ["description", "type", "required", "properties"]
    word, number = found["properties"]["word"], found["properties"]["number"]
    assert list(word)[:2] == ["description", "type"]
    assert list(word)[-1] == "x-kubernetes-validations"
    assert list(number) == ["description", "type", "format", "default"]


def test_what_a_field_says_of_itself_wins_over_what_its_type_says() -> None:
    found = converted(Annotated[Inner, Field(description="This one.")])
    assert found == INNER | {"description": "This one."}


def test_a_default_has_no_null_within() -> None:
    default = Inner(word="a")
    found = converted(Inner, default)
    assert found["default"] == {"word": "a", "number": 3}


def test_an_integer_has_the_width_that_it_asks_for() -> None:
    wide = Annotated[int, Field(json_schema_extra={"format": "int64"})]
    assert converted(int)["format"] == "int32"
    assert converted(wide)["format"] == "int64"


def test_a_constant_is_the_only_value_of_a_list() -> None:
    assert converted(Literal["Always"]) == {"type": "string", "enum": ["Always"]}


def test_a_number_or_a_text_is_said_as_kubernetes_says_it() -> None:
    either = Field(json_schema_extra={"x-kubernetes-int-or-string": True})
    found = converted(Annotated[int, either])
    assert found["anyOf"] == [{"type": "integer"}, {"type": "string"}]


def test_the_rules_of_a_model_come_with_those_of_its_format() -> None:
    mine = rule("self != 'a'", "must not be a")
    form = text(9, WORD)
    form.json_schema_extra |= rules(mine)
    assert converted(Annotated[str, form]) == {
        "type": "string",
        "maxLength": 9,
        "pattern": "^[a-z]+$",
        "x-kubernetes-validations": [
            {"rule": "self.matches(r'^[a-z]+$')", "message": "must be small letters"},
            mine,
        ],
    }


def test_a_union_takes_one_member_and_names_all_with_their_place() -> None:
    found = converted(Two, path="spec")
    assert found["minProperties"] == 1
    assert found["not"] == {"required": ["oneWay", "other"]}
    assert found["x-kubernetes-validations"] == [
        {
            "rule": "[has(self.oneWay), has(self.other)].exists_one(chosen, chosen)",
            "message": "set exactly one of spec.aField.oneWay and spec.aField.other",
        }
    ]
    assert found["properties"]["oneWay"] == INNER


def test_a_union_for_life_says_so_and_refuses_each_pair_of_three() -> None:
    found = converted(Three)
    assert found["not"] == {
        "anyOf": [
            {"required": ["oneWay", "other"]},
            {"required": ["oneWay", "third"]},
            {"required": ["other", "third"]},
        ]
    }
    one, same = found["x-kubernetes-validations"]
    assert one["message"] == "set exactly one of aField.oneWay, aField.other and aField.third"
    assert same == {
        "rule": "has(self.oneWay) == has(oldSelf.oneWay) && has(self.other) == "
        "has(oldSelf.other) && has(self.third) == has(oldSelf.third)",
        "message": "aField cannot pass between oneWay, other and third on a live store; create a "
        "new BookStore and move the data",
    }


def test_a_union_of_one_member_wants_it() -> None:
    found = converted(Only)
    assert "not" not in found
    (told,) = found["x-kubernetes-validations"]
    assert told["message"] == "set aField.single"


def test_a_place_within_lists_and_maps_is_named() -> None:
    assert _said(converted(tuple[Two, ...])["items"]).startswith(
        "set exactly one of aField[*].oneWay "
    )
    assert _said(converted(dict[str, Two])["additionalProperties"]).startswith(
        "set exactly one of aField[*].oneWay "
    )


def _said(schema: Schema) -> str:
    return str(schema["x-kubernetes-validations"][0]["message"])


def test_a_rule_carries_what_it_is_given_and_no_more() -> None:
    assert rule("a", "b") == {"rule": "a", "message": "b"}
    assert rule("a", "b", field=".c", expression="d") == {
        "rule": "a",
        "message": "b",
        "messageExpression": "d",
        "fieldPath": ".c",
    }
    assert unchanged("a") == (
        "has(self.a) == has(oldSelf.a) && (!has(self.a) || self.a == oldSelf.a)"
    )


def test_a_format_says_the_same_to_an_editor_and_to_the_server() -> None:
    plain = Format("^p$", "s")
    assert (format_schema(plain), plain.cel("self")) == (
        {"pattern": "^p$"},
        "self.matches(r'^p$')",
    )
    whole = Format("^p$", "s", also="^a$", never="^n$", unless="^u$")
    assert format_schema(whole) == {
        "pattern": "^p$",
        "allOf": [{"pattern": "^a$"}],
        "anyOf": [{"pattern": "^u$"}, {"not": {"pattern": "^n$"}}],
    }
    assert whole.cel("self") == (
        "self.matches(r'^p$') && self.matches(r'^a$') && "
        "(self.matches(r'^u$') || !self.matches(r'^n$'))"
    )
    never = Format("^p$", "s", never="^n$")
    assert format_schema(never) == {"pattern": "^p$", "not": {"pattern": "^n$"}}


def test_a_model_of_many_parts_has_the_fields_and_the_rules_of_all() -> None:
    first, second = rule("1", "one"), rule("2", "two")

    class Core(ApiModel):
        """The core."""

        model_config = ConfigDict(json_schema_extra=rules(first))
        core: int = 1

    class Part(ApiModel):
        model_config = ConfigDict(json_schema_extra=rules(second))
        part: int = 2

    class Bare(ApiModel):
        bare: int = 3

    whole = structural(composed(Core, [Part, Bare]))
    assert list(whole["properties"]) == ["core", "part", "bare"]
    assert whole["x-kubernetes-validations"] == [first, second]
    assert whole["description"] == "The core."
    assert "x-kubernetes-validations" not in structural(composed(Bare, []))


def test_a_manifest_has_the_names_of_the_resource_and_nothing_that_is_unset() -> None:
    assert Inner(word="a").manifest() == {"word": "a", "number": 3}
    assert Two(one_way=Inner(word="a")).manifest() == {"oneWay": {"word": "a", "number": 3}}
    assert Inner(word="a", left_out=1).manifest()["leftOut"] == 1
