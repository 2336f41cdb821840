"""Types as programs write them."""

from __future__ import annotations

import pytest

from edge_lam.schema.type_names import NAMES, UnknownTypeError, read_type
from edge_lam.tools import Tool

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("str", STRING),
        ("Int", INTEGER),
        ("STRING", STRING),
        ("Decimal", NUMBER),
        ("datetime.date", STRING),
        ("Any", {}),
        ("None", {"type": "null"}),
        ("set", {"type": "array"}),
        ("List", {"type": "array"}),
        ("List[int]", {"type": "array", "items": INTEGER}),
        ("typing.List[List[int]]", {"type": "array", "items": {"type": "array", "items": INTEGER}}),
        ("List[Any]", {"type": "array"}),
        ("Dict[str, Any]", {"type": "object"}),
        ("Dict[str, float]", {"type": "object", "additionalProperties": NUMBER}),
        ("Tuple[float, float]", {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}),
        ("Tuple[str, int]", {"type": "array", "prefixItems": [STRING, INTEGER], "minItems": 2, "maxItems": 2}),
        ("Tuple[int, ...]", {"type": "array", "items": INTEGER}),
        ("Union[int, float]", {"type": ["integer", "number"]}),
        (
            "List[Union[str, List[str]]]",
            {"type": "array", "items": {"anyOf": [STRING, {"type": "array", "items": STRING}]}},
        ),
        ("List[Optional[int]]", {"type": "array", "items": {"type": ["integer", "null"]}}),
        ("str | int", {"type": ["string", "integer"]}),
        ("Literal['a', 'b']", {"enum": ["a", "b"]}),
        ("Callable[[float], float]", STRING),
        ("string[][]", {"type": "array", "items": {"type": "array", "items": STRING}}),
        ("Array<string>", {"type": "array", "items": STRING}),
        ("Record<string, number>", {"type": "object", "additionalProperties": NUMBER}),
    ],
)
def test_a_type_is_a_schema(text, schema):
    assert read_type(text) == (schema, text == "None")


@pytest.mark.parametrize(
    "text", ["int, optional", "int,Optional", "int (optional)", "int, default=5", "Optional[int]", "int | None"]
)
def test_what_may_be_left_out(text):
    assert read_type(text) == (INTEGER, True)


@pytest.mark.parametrize("text", ["int", "int, required", "int (required)"])
def test_what_may_not(text):
    assert read_type(text) == (INTEGER, False)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "text box",
            "np.ndarray",
            "int, positive",
            "__import__('os')",
            "'str'",
            "List[",
            "Tuple[()]",
            "Optional[()]",
        ),
        *("[" * 300, "(" * 399, "a" * 401, "Literal[x]", "int\0", 5, None, ["int"]),
    ],
)
def test_what_is_no_type(text):
    with pytest.raises(UnknownTypeError):
        read_type(text)


def test_a_schema_may_name_its_types_so():
    properties = {
        "ids": {"type": "List[int]", "description": "d", "minItems": 1},
        "pair": {"maxItems": 3, "type": "Tuple[int, int]"},
        "either": {"type": ["str", "null"]},
    }
    assert Tool("f", "", {"type": "dict", "properties": properties}).parameters["properties"] == {
        "ids": {"type": "array", "items": INTEGER, "description": "d", "minItems": 1},
        "pair": {"type": "array", "items": INTEGER, "minItems": 2, "maxItems": 3},
        "either": {"type": ["string", "null"]},
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_name_is_read_as_the_parser_reads_it(name):
    assert read_type(name) == read_type(f" {name} ")
