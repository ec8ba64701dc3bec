from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from tools.models.schema import in_words, name_of, strict


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cut(Part):
    kind: Literal["cut"] = "cut"
    share: float = Field(0.5, ge=0, le=1)


class Swap(Part):
    kind: Literal["swap"] = "swap"
    words: tuple[str, ...] = ()


class Plan(Part):
    """A plan."""

    first: Cut = Field(Cut(), description="what to begin with")
    steps: list[Annotated[Cut | Swap, Field(discriminator="kind")]] = []
    note: str | None = None


def objects(node: Any) -> list[dict[str, Any]]:
    """Return every object that a schema describes."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    mine = [node] if isinstance(node, dict) and node.get("type") == "object" else []
    return mine + [one for part in inside for one in objects(part)]


def test_every_object_is_closed_and_every_property_required_without_defaults():
    schema = Plan.model_json_schema()
    before = json.dumps(schema)
    made, is_strict = strict(schema)
    assert is_strict
    assert json.dumps(schema) == before, "what was given stays as it is"
    assert len(objects(made)) == 3
    for one in objects(made):
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    text = json.dumps(made)
    assert "default" not in text
    assert "discriminator" not in text
    assert "oneOf" not in text
    assert made["properties"]["first"]["anyOf"] == [{"$ref": "#/$defs/Cut"}]
    assert made["properties"]["first"]["description"] == "what to begin with"


def test_the_strict_form_takes_what_the_record_writes_and_refuses_what_it_refuses():
    from jsonschema import Draft202012Validator

    made = Draft202012Validator(strict(Plan.model_json_schema())[0])
    plan = Plan(steps=[Cut(share=0.25), Swap(words=("a", "b"))])
    assert made.is_valid(plan.model_dump(mode="json"))
    assert not made.is_valid(plan.model_dump(mode="json") | {"more": 1})
    assert not made.is_valid(plan.model_dump(mode="json") | {"steps": [{"kind": "cut", "share": 2.0}]})
    assert not made.is_valid({"steps": []})


class Open(BaseModel):
    values: dict[str, int]


class Untyped(BaseModel):
    value: Any


class Pair(BaseModel):
    value: tuple[int, str]


class Either(RootModel[Cut | Swap]):
    pass


@pytest.mark.parametrize("record", [Open, Untyped, Pair, Either])
def test_what_has_no_strict_form_stays_as_it_is(record: type[BaseModel]):
    schema = record.model_json_schema()
    assert strict(schema) == (schema, False)


def test_a_property_may_be_called_like_a_keyword():
    named = {"default": {"type": "string"}, "oneOf": {"type": "integer"}, "items": {"type": "string"}}
    made, is_strict = strict({"type": "object", "properties": named})
    assert is_strict
    assert made["properties"] == named


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.booleans() | st.text(), st.lists), max_size=4))
def test_no_schema_is_too_odd(schema: dict[str, Any]):
    made, is_strict = strict(schema)
    assert is_strict or made == schema


def test_names_and_words():
    assert name_of({"title": "A plan, für x"}) == "A_plan__f_r_x"
    assert name_of({}) == "answer"
    assert len(name_of({"title": "x" * 200})) == 64
    assert json.loads(in_words(Plan.model_json_schema()).split("\n", 1)[1]) == Plan.model_json_schema()
