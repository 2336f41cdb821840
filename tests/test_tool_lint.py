"""What tools cost and how they are held, for a real model."""

from __future__ import annotations

import pytest

from edge_lam.formats import detect
from edge_lam.llama import Model
from edge_lam.tool_lint import ToolLint
from edge_lam.tools import Tool, as_tools

ANY = {"type": "object", "properties": {"x": {"type": "string", "description": "What to do"}}}


@pytest.fixture(scope="module")
def model(tiny_lam_path):
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture
def lint(model):
    return ToolLint(model, detect(model.metadata))


def test_tokens_of_tools_add_up_to_the_prompt(lint):
    tools = [Tool("first", "Does it.", ANY), Tool("second"), Tool("third", "Does it all again.", ANY)]
    found = lint.look_at(tools)
    assert [tool.name for tool in found] == ["first", "second", "third"]
    assert found[1].tokens < found[0].tokens < found[2].tokens
    frame = lint.prompt_tokens(tools[:1]) - found[0].tokens
    assert lint.prompt_tokens(tools) == frame + sum(tool.tokens for tool in found)
    assert frame > lint.prompt_tokens([])  # it holds how to call


@pytest.mark.parametrize("name", ["xlam-2-llama", "xlam-1-fc", "xlam-1-general"])
def test_tokens_in_other_formats(model, name):
    lint = ToolLint(model, detect(model.metadata, name=name))
    tools = [Tool("first", "Does it.", ANY), Tool("second", "Does it too.", ANY)]
    frame = lint.prompt_tokens(tools[:1]) - lint.look_at(tools)[0].tokens
    assert abs(lint.prompt_tokens(tools) - frame - sum(tool.tokens for tool in lint.look_at(tools))) <= 1


def test_what_is_refused_is_named_and_the_others_are_looked_at(lint):
    def untyped(x): ...

    never = {"type": "string", "pattern": "^a$", "minLength": 3}
    found = lint.look_at(
        [
            Tool("good", "", ANY),
            {"name": "bad name"},
            {"parameters": {}},
            untyped,
            {"name": "good"},
            {"name": "typo", "parameters": {"properties": {"x": {"type": "strin"}}}},
            {
                "name": "never",
                "parameters": {"properties": {"x": never}},
            },
            {"name": "explodes", "parameters": {"properties": {"x": {"type": "string", "pattern": "^a{1000000000}$"}}}},
            {"name": "odd", "parameters": {"properties": {"x": {"type": "string", "pattern": r"\b"}}}},
            5,
        ]
    )
    said = [(tool.name, tool.path, bool(tool.refusal)) for tool in found]
    assert said == [
        ("good", "", False),
        ("bad name", "", True),
        ("tool 3", "", True),
        ("untyped", "", True),
        ("good", "", True),
        ("typo", "/properties/x/type", True),
        ("never", "/properties/x", True),
        ("explodes", "/properties/x", True),
        ("odd", "/properties/x", True),
        ("tool 10", "", True),
    ]
    assert "two tools are named 'good'" in found[4].refusal
    assert all(tool.tokens is None for tool in found[1:6])
    assert all(tool.tokens for tool in found[6:9])


def test_in_json(lint):
    (found,) = lint.look_at([Tool("t", "", {"properties": {"x": {"type": "array", "uniqueItems": True}}})])
    described = found.to_dict()
    assert described["refused"] is None
    assert {"path": "/properties/x", "keyword": "uniqueItems", "verdict": "checked"}.items() <= described["keywords"][
        -1
    ].items()
    refused = lint.look_at([{"name": "t", "parameters": {"type": "string"}}])[0].to_dict()
    assert refused == {
        "name": "t",
        "tokens": None,
        "refused": {"reason": "tool 't': the parameters must be a schema of type object", "path": "/type"},
        "open": [],
        "keywords": [],
    }


def test_an_open_object_is_told(lint):
    inner = {"type": "object", "properties": {"x": {}}, "additionalProperties": True}
    closed, opened = lint.look_at([Tool("closed", "", ANY), Tool("open", "", {"properties": {"f": inner}})])
    assert closed.to_dict()["open"] == []
    assert opened.to_dict()["open"] == ["/properties/f"]


def test_the_tools_of_the_demo_are_enforced_by_the_grammar_alone(lint):
    from edge_lam.demo_tools import DEMO_TOOLS

    found = lint.look_at(as_tools(DEMO_TOOLS))
    assert {verdict.how for tool in found for verdict in tool.support} == {"grammar"}
    assert not any(tool.refusal for tool in found)
