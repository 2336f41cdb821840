"""calls.jsonl: what its lines may be, and what is said of those that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats import FORMATS
from edge_lam.formats.examples import Example, read_examples, same_calls
from edge_lam.formats.special_tokens import SpecialTokens
from edge_lam.tools import Tool, ToolCall

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_time", "description": "The time in a city", "parameters": PARAMETERS}
CALL = {"name": "get_time", "arguments": {"city": "Oslo"}}
LINE: dict[str, Any] = {"messages": "what time is it in Oslo?", "tools": [TOOL], "calls": [CALL]}


@pytest.fixture
def read(tmp_path: Path):
    """Read a file of these lines."""

    def from_lines(*lines: Any, **options: Any) -> list[Example]:
        path = tmp_path / "calls.jsonl"
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        return read_examples(path, **options)

    return from_lines


def essence(example: Example) -> tuple[object, ...]:
    calls = [(call.name, call.arguments) for call in example.calls]
    return [message["content"] for message in example.messages], calls, example.text


def test_a_line(read) -> None:
    [example] = read(LINE)
    assert essence(example) == (["what time is it in Oslo?"], [("get_time", {"city": "Oslo"})], None)
    assert [tool.name for tool in example.tools] == ["get_time"]
    assert example.id == "line 1"


def test_text_id_and_empty_lines(read) -> None:
    first, second = read({"id": "hello", "messages": "hi", "text": "Hello!"}, "", "   ", {**LINE, "calls": []})
    assert (first.id, essence(first)) == ("hello", (["hi"], [], "Hello!"))
    assert first.tools == ()
    assert (second.id, second.calls, second.text) == ("line 4", (), None)


def test_a_file_for_training_reads_as_it_is(read) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"city": "Oslo"}'}}
    messages = [{"role": "user", "content": "the time in Oslo?"}, {"role": "assistant", "tool_calls": [call]}]
    [example] = read({"messages": messages, "tools": [{"type": "function", "function": TOOL}]})
    assert essence(example) == (["the time in Oslo?"], [("get_time", {"city": "Oslo"})], None)


def test_tools_for_the_lines_that_bring_none(read) -> None:
    own, lent = read(LINE, {"messages": "hi", "calls": []}, tools=[Tool("wave")])
    assert [tool.name for tool in own.tools] == ["get_time"]
    assert [tool.name for tool in lent.tools] == ["wave"]


def test_the_lines_in_the_guide_are_read(read) -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
    block = guide.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    called, small_talk, trained = read(*block.splitlines())
    assert essence(called) == (["what time is it in Oslo?"], [("get_time", {"city": "Oslo"})], None)
    assert essence(small_talk) == (["Be brief.", "thanks!"], [], "You're welcome!")
    assert essence(trained) == (["hi"], [], "Hello!")


WRONG = {
    "no JSON": ('{"messages": ', "is not JSON"),
    "NaN": ('{"messages": "hi", "calls": [NaN]}', "NaN is not JSON"),
    "a list": ("[1]", "must be an object"),
    "a key twice": ('{"messages": "hi", "messages": "ho", "text": ""}', "'messages' stands twice"),
    "unknown field": ({**LINE, "tool": []}, "unknown field 'tool'"),
    "no messages": ({"calls": []}, "'messages' is missing"),
    "empty messages": ({"messages": [], "calls": []}, "messages is empty"),
    "a bad role": (
        {"messages": [{"role": "robot", "content": ""}], "calls": []},
        r"messages\[0\] has the unknown role",
    ),
    "no reply": ({"messages": "hi"}, "there is no expected reply"),
    "two replies": (
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}], "text": "hey"},
        "messages end with a reply",
    ),
    "tools that are none": ({**LINE, "tools": {"name": "x"}}, "tools must be a list"),
    "a tool without a name": ({**LINE, "tools": [{"description": "x"}]}, "no name"),
    "calls that are none": ({**LINE, "calls": CALL}, "calls must be a list"),
    "a call without a name": ({**LINE, "calls": [{"arguments": {}}]}, r"calls\[0\] names no function"),
    "arguments that are none": (
        {**LINE, "calls": [CALL, {"name": "get_time", "arguments": [1]}]},
        r"arguments of calls\[1\] must be an object",
    ),
    "an unknown tool": ({**LINE, "calls": [{"name": "get_tyme", "arguments": {}}]}, r"calls\[0\]: there is no tool"),
    "a missing argument": ({**LINE, "calls": [{"name": "get_time", "arguments": {}}]}, "'city' is missing"),
    "text that is none": ({"messages": "hi", "text": 3}, "text must be text"),
    "an id that is none": ({**LINE, "id": 3}, "id must be text"),
    "deep": ('{"messages": ' + "[" * 100_000, "nested more than"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line(case: str, read) -> None:
    line, message = WRONG[case]
    with pytest.raises(InvalidRequest, match=rf"calls\.jsonl, line 3.*{message}"):
        read(LINE, "", line)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no such file"):
        read_examples(tmp_path / "none.jsonl")
    with pytest.raises(InvalidRequest, match="can't be read"):
        read_examples(tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(InvalidRequest, match="holds no conversations"):
        read_examples(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes('{"messages": "é"}'.encode("latin-1"))
    with pytest.raises(InvalidRequest, match="line 1 is not UTF-8"):
        read_examples(tmp_path / "latin.jsonl")


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("", name, arguments)


def test_same_calls() -> None:
    assert same_calls([call("a", x=26, y={"z": [1.0]})], [call("a", y={"z": [1]}, x=26.0)])
    assert same_calls([call("a"), call("b")], [call("b"), call("a")])
    assert not same_calls([call("a"), call("a")], [call("a")])
    assert not same_calls([call("a", x=True)], [call("a", x=1)])
    assert not same_calls([call("a", x="1")], [call("a", x=1)])
    assert not same_calls([call("a", x=[1, 2])], [call("a", x=[2, 1])])


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("generic", "agentlm")])
def test_a_reply_is_written_as_it_is_read(name: str) -> None:
    form = FORMATS[name](special=SpecialTokens(eos="</s>"))
    tools = [Tool.from_schema(TOOL)]
    calls = [call("get_time", city="Oslo é"), call("get_time", city='"[{')]
    *reply, end = form.reply_segments(calls)
    assert (end.special, end.text) == (True, form.end_of_turn)
    parsed = form.parse("".join(segment.text for segment in reply), tools)
    assert same_calls(parsed.calls, calls)
    assert not parsed.errors
    *reply, _ = form.reply_segments((), "Which city?")
    parsed = form.parse("".join(segment.text for segment in reply), tools)
    assert not parsed.calls
    assert parsed.text in ("Which city?", "")  # xLAM 1.0 for function calling has no words for text
