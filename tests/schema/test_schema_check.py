"""Checking the arguments of a call when it is there."""

from __future__ import annotations

import pytest

from edge_lam.schema.check import MAX_PROBLEMS, Checker
from edge_lam.schema.patterns import read_pattern
from edge_lam.tools import Tool

BOOKING = Tool(
    "book",
    "",
    {
        "properties": {
            "day": {"type": "string", "format": "date"},
            "guests": {"type": "array", "items": {"type": "object", "properties": {"a/b": {"minimum": 1}}}},
        },
        "required": ["day"],
    },
)


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        ({"day": "2024-02-29"}, []),
        ({"day": "2023-02-29"}, [("/day", "format", "'2023-02-29' is not a 'date'")]),
        ({"guests": []}, [("", "required", "'day' is missing")]),
        (
            {"day": "2024-01-01", "guests": [{}, {"a/b": 0}]},
            [("/guests/1/a~1b", "minimum", "0 is less than the minimum of 1")],
        ),
        (
            {"day": 5, "night": 1},
            [
                ("/day", "type", "5 is not of type 'string'"),
                ("", "additionalProperties", "'night' is not among the properties"),
            ],
        ),
    ],
)
def test_problems_have_path_keyword_and_message(arguments, problems):
    found = BOOKING.validate(arguments)
    assert [(problem.path, problem.keyword, problem.message) for problem in found] == problems


def test_a_problem_reads_as_one_line():
    assert [str(problem) for problem in BOOKING.validate({})] == ["'day' is missing"]
    (problem,) = BOOKING.validate({"day": "x\n" * 10_000})
    assert str(problem).startswith("/day: 'x")
    assert str(problem).endswith("is not a 'date'")
    assert len(str(problem)) < 250
    assert "\n" not in str(problem)


def test_problems_are_no_more_than_can_be_read():
    assert len(Tool("t", "", {}).validate({str(number): 1 for number in range(1000)})) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"multipleOf": 0.1}, 0.3, True),
        ({"multipleOf": 0.1}, 0.35, False),
        ({"multipleOf": 3}, 10**400, False),
        ({"multipleOf": 0.5}, 10**400, True),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], True),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False),
        ({"type": "string", "pattern": "^é$"}, "é", True),
        ({"type": "string", "pattern": "."}, "\ud800", False),
        ({"type": "string", "format": "email"}, 'a"b@c.d', False),
        ({"const": 1e30}, 10**30, True),
        ({"enum": [10**30]}, 1e30, True),
        ({"const": 1e30}, int(1e30), False),
        ({"const": 1}, True, False),
        ({"enum": [0]}, False, False),
        ({"const": {"a": [1.0]}}, {"a": [1]}, True),
        ({"maximum": 1e30}, 10**30, True),
        ({"exclusiveMaximum": 10**30}, 1e30, False),
        ({"format": "date"}, 5, True),
        ({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False}, {"ab": 1}, True),
        ({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False}, {"b": 1}, False),
    ],
)
def test_values(schema, value, fits):
    assert (Checker(schema).problems(value) == []) is fits


def test_what_cannot_be_checked_is_a_problem():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    tree = {"$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}, "$ref": "#/$defs/T"}
    (problem,) = Checker(tree).problems(deep)
    assert (problem.path, problem.keyword) == ("", "")
    assert problem.message.startswith("the arguments can't be checked: ")
    (problem,) = Checker({"$ref": "https://example.com/schema"}).problems(1)
    assert problem.message.startswith("the arguments can't be checked: ")


@pytest.mark.slow
def test_definitions_that_multiply_end():
    defs = {f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2} for n in range(40)} | {"D40": {"type": "null"}}
    (problem,) = Checker({"$ref": "#/$defs/D0", "$defs": defs}).problems(1)
    assert "references to follow" in problem.message


def test_no_pattern_takes_exponential_time():
    pattern = read_pattern(r"^(?!(x+x+)+y)(a|aa)+$")
    assert not pattern.fault
    assert not pattern.allows("a" * 5000 + "b")
    assert not pattern.allows("x" * 5000)  # a backtracking engine would be at it for longer than the sun shines


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^(?=.*\d)(?=.*[a-z])(?!.*\s).{4,}$", ["a1bc"], ["abcd", "a 1b", "a1b"]),
        (r"^(?!admin$)\w+$", ["admins", "a"], ["admin", ""]),
        (r"^(?=[)(]|\))(?!\(\))[()]+$", [")", "(("], ["()", "a"]),
        (r"^(?=a)", ["ab"], ["b"]),
    ],
)
def test_look_ahead_at_the_beginning(pattern, good, bad):
    read = read_pattern(pattern)
    assert [text for text in good if not read.allows(text)] == []
    assert [text for text in bad if read.allows(text)] == []


@pytest.mark.parametrize("pattern", [r"^(?=a)b|c", r"x(?=a)", r"^(?=(?!a)b)", r"^(?=a", r"\bx", r"(a)\1", "["])
def test_other_patterns_are_left_alone(pattern):
    read = read_pattern(pattern)
    assert read.fault
    assert not read.allows("a")
