"""The parser: every way models write calls, and any text at all."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_lam.formats import XLam2Qwen
from edge_lam.formats.parser import parse_reply
from edge_lam.tools import Tool
from tests.amount import many

WEATHER = Tool("get_weather", "", {"properties": {"city": {"type": "string"}}, "required": ["city"]})
NOW = Tool("now", "", {})
TOOLS = [WEATHER, NOW]

OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
NESTED = '{"id": "x", "type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}'
IN_OSLO, IN_ROME = ("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"})


def read(text, **options):
    reply = parse_reply(text, TOOLS, **options)
    assert reply.raw == text
    return reply


def calls_of(reply):
    return [(call.name, call.arguments) for call in reply.calls]


@pytest.mark.parametrize(
    ("output", "calls", "text"),
    [
        # a bare array, in every spacing
        (f"[{OSLO}]", [IN_OSLO], ""),
        (f" \n[{OSLO}]\n ", [IN_OSLO], ""),
        (f"[{OSLO}, {ROME}]", [IN_OSLO, IN_ROME], ""),
        (json.dumps(json.loads(f"[{OSLO}, {ROME}]"), indent=4), [IN_OSLO, IN_ROME], ""),
        (f"[{OSLO},{ROME}]", [IN_OSLO, IN_ROME], ""),
        # fences, alone or after prose
        (f"```json\n[{OSLO}]\n```", [IN_OSLO], ""),
        (f"```\n{OSLO}\n```", [IN_OSLO], ""),
        (f"```json [{OSLO}]", [IN_OSLO], ""),
        (f"I'll look.\n```json\n[{OSLO}]\n```\nDone.", [IN_OSLO], "I'll look.\n\nDone."),
        (f"```json\n[{OSLO}]\n```\n```json\n[{ROME}]\n```", [IN_OSLO, IN_ROME], ""),
        ("```json\n" + json.dumps([{"name": "get_weather", "arguments": {"city": "a```b"}}]) + "\n```",
         [("get_weather", {"city": "a```b"})], ""),
        # [TOOL_CALLS]
        (f"[TOOL_CALLS] [{OSLO}]", [IN_OSLO], ""),
        (f"[TOOL_CALLS]\n[{OSLO},\n{ROME}]", [IN_OSLO, IN_ROME], ""),
        (f"[TOOL_CALLS][{OSLO}]\n[TOOL_CALLS][{ROME}]", [IN_OSLO, IN_ROME], ""),
        (f"Sure. [TOOL_CALLS] [{OSLO}]", [IN_OSLO], "Sure."),
        # <tool_call> blocks
        (f"<tool_call>\n{OSLO}\n</tool_call>", [IN_OSLO], ""),
        (f"<tool_call>[{OSLO}, {ROME}]</tool_call>", [IN_OSLO, IN_ROME], ""),
        (f"<tool_call>{OSLO}</tool_call>\n<tool_call>{ROME}</tool_call>", [IN_OSLO, IN_ROME], ""),
        (f"<tool_call>{OSLO}</tool_call><tool_call>{ROME}", [IN_OSLO, IN_ROME], ""),
        (f"Let me see.\n<tool_call>{OSLO}</tool_call>", [IN_OSLO], "Let me see."),
        # objects
        (OSLO, [IN_OSLO], ""),
        (f"{OSLO}; {ROME}", [IN_OSLO, IN_ROME], ""),
        (f"{OSLO}\n{ROME}", [IN_OSLO, IN_ROME], ""),
        # wrapped
        (f'{{"tool_calls": [{OSLO}, {ROME}]}}', [IN_OSLO, IN_ROME], ""),
        (f'{{"thought": "I look.", "tool_calls": [{OSLO}]}}', [IN_OSLO], "I look."),
        ('{"thought": "No need.", "tool_calls": []}', [], "No need."),
        ('{"thought": "", "tool_calls": []}', [], ""),
        ('{"thought": "No need."}', [], "No need."),
        ('{"tool_calls": []}', [], ""),
        ('{"tool_calls": null, "thought": "No need."}', [], "No need."),
        (f'{{"tool_calls": [{OSLO}], "thought": "I look."}}', [IN_OSLO], "I look."),
        (f'{{"note": "x", "tool_calls": [{OSLO}], "thought": "I look."}}', [IN_OSLO], "I look."),
        (f'{{"tool_calls": {OSLO}}}', [IN_OSLO], ""),
        (f'```json\n{{"thought": "I look.", "tool_calls": [{OSLO}]}}\n```', [IN_OSLO], "I look."),
        # other vendors' keys
        (f"[{NESTED}]", [IN_OSLO], ""),
        (f'[{{"function": {OSLO}}}]', [IN_OSLO], ""),
        ('[{"name": "get_weather", "parameters": {"city": "Oslo"}}]', [IN_OSLO], ""),
        ('[{"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}]', [IN_OSLO], ""),
        ('[{"arguments": {"city": "Oslo"}, "name": "get_weather"}]', [IN_OSLO], ""),
        # text after the array, and two arrays
        (f"[{OSLO}] It may rain.", [IN_OSLO], "It may rain."),
        (f"[{OSLO}]\n[{ROME}]", [IN_OSLO, IN_ROME], ""),
        (f"[{OSLO}] and [{ROME}]", [IN_OSLO], f"and [{ROME}]"),
        (f"[{OSLO}] [1, 2]", [IN_OSLO], "[1, 2]"),
        # arguments left out
        ('[{"name": "now"}]', [("now", {})], ""),
        ('[{"name": "now", "arguments": ""}]', [("now", {})], ""),
        # markers inside of each other
        (f"<tool_call>\n```json\n[{OSLO}]\n```\n</tool_call>\nDone.", [IN_OSLO], "Done."),
        (f"```json\n<tool_call>\n{OSLO}\n</tool_call>\n```", [IN_OSLO], ""),
        (f"[TOOL_CALLS]```json\n[{OSLO}]```", [IN_OSLO], ""),
        (f"```json\n[{OSLO}]\n```json\n[{ROME}]\n```", [IN_OSLO, IN_ROME], ""),
        (f"```json\n[{OSLO}]\n```\n[{ROME}]", [IN_OSLO, IN_ROME], ""),
        (f"Use ```code``` so: ```json\n[{OSLO}]```", [IN_OSLO], "Use ```code``` so:"),
        (f"Write <tool_call> first. <tool_call>{OSLO}</tool_call>", [IN_OSLO], "Write <tool_call> first."),
        (f"<tool_call>{OSLO} as you wish</tool_call>!", [IN_OSLO], "as you wish!"),
        # an unknown tool stays a call
        ('[{"name": "fly", "arguments": {"to": "Mars"}}]', [("fly", {"to": "Mars"})], ""),
        # no call
        ("[]", [], ""),
        (" [ ] \n", [], ""),
        ("[1, 2, 3]", [], "[1, 2, 3]"),
        ("[Note] I cannot do that.", [], "[Note] I cannot do that."),
        ("The list [a] and {b} are fine.", [], "The list [a] and {b} are fine."),
        (f"Sure: [{OSLO}]", [], f"Sure: [{OSLO}]"),
        ("  text loses the space  around it ", [], "text loses the space  around it"),
        ("", [], ""),
        ('{"answer": 42}', [], '{"answer": 42}'),
        ('[{"name": "Ada", "age": 36}]', [], '[{"name": "Ada", "age": 36}]'),
        ("```json\n[1, 2]\n```", [], "```json\n[1, 2]\n```"),
        ("```python\nx = [1]\n```", [], "```python\nx = [1]\n```"),
        ("[] is an empty list.", [], "[] is an empty list."),
        ("I would use <tool_call> here.", [], "I would use <tool_call> here."),
        # a definition repeated is no call
        (json.dumps([{**WEATHER.definition(), "description": "d"}]), [],
         json.dumps([{**WEATHER.definition(), "description": "d"}])),
    ],
)  # fmt: skip
def test_outputs(output, calls, text):
    reply = read(output)
    assert calls_of(reply) == calls
    assert reply.text == text
    assert reply.errors == ()


def test_thinking_is_apart_and_never_read_for_calls():
    reply = read(f"<think>\nMaybe [{ROME}] or <tool_call>{ROME}</tool_call>?\n</think>\n\n[{OSLO}]")
    assert calls_of(reply) == [IN_OSLO]
    assert reply.thinking.startswith("Maybe [")
    assert reply.text == ""
    unclosed = read(f"<think>[{ROME}]")
    assert (unclosed.calls, unclosed.text, unclosed.thinking) == ((), "", f"[{ROME}]")


@pytest.mark.parametrize(
    ("output", "message", "tool"),
    [
        ('[{"name": "get_weather"}]', "lacks the argument 'city'", "get_weather"),
        ('[{"name": "get_weather", "arguments": null}]', "arguments of 'get_weather' are null", "get_weather"),
        ('[{"name": "get_weather", "arguments": ["Oslo"]}]', "are a list, not an object", "get_weather"),
        ('[{"name": "get_weather", "arguments": 5}]', "are a number", "get_weather"),
        ('[{"name": "get_weather", "arguments": false}]', "are a boolean", "get_weather"),
        ('[{"name": "get_weather", "arguments": "Oslo"}]', "are not JSON", "get_weather"),
        ('[{"name": "get_weather", "arguments": "\\"Oslo\\""}]', "are a string", "get_weather"),
        ('[{"name": "get_weather", "arguments": {"city": NaN}}]', "NaN is not JSON", ""),
        ('[{"name": "get_weather", "arguments": {"city": -Infinity}}]', "-Infinity is not JSON", ""),
        ('[{"name": "get_weather", "arguments": {"city": 1e999}}]', "out of range", ""),
        ('[{"name": "get_weather", "arguments": {"city": "\\ud800"}}]', "surrogate", ""),
        ('[{"name": "get_weather", "arguments": {"city": ' + "9" * 5000 + "}}]", "integer of more than", ""),
        ('[{"name": "get_weather", "arguments": {"city": Oslo}}]', "not JSON", ""),
        ('[{"name": "get_weather", "arguments": ' + '{"a": ' * 300 + "1" + "}" * 301 + "]", "nested more than", ""),
        ('<tool_call>get_weather(city="Oslo")</tool_call>', "holds no JSON", ""),
        ("<tool_call>[1]</tool_call>", "names no tool", ""),
        ('{"tool_calls": [5]}', "names no tool", ""),
        ('{"tool_calls": "now"}', "names no tool", ""),
        ('{"tool_calls": [], "tool_calls": []}', "stands twice", ""),
        ('{"tool_calls": [] oops}', "a list of calls is not JSON", ""),
        ('{"name": "", "arguments": {}}', "names no tool", ""),
        ('{"name": "\\ud800", "arguments": {}}', "surrogate", ""),
        ("<tool_call></tool_call>", "holds no JSON", ""),
        (f"[{OSLO[:-3]}", "the reply ends inside a call", ""),
    ],
)
def test_calls_that_cannot_be_used_are_errors_not_lost(output, message, tool):
    reply = read(output)
    assert reply.calls == ()
    assert reply.text == ""
    assert len(reply.errors) == 1
    error = reply.errors[0]
    assert message in error.message
    assert error.tool == tool
    assert error.raw
    assert error.raw in output


def test_good_calls_survive_beside_bad_ones():
    bad = '{"name": "get_weather", "arguments": null}'
    reply = read(f"[{OSLO}, {bad}, 5, {ROME}]")
    assert calls_of(reply) == [IN_OSLO, IN_ROME]
    assert [error.message for error in reply.errors] == [
        "the arguments of 'get_weather' are null, not an object",
        "a call names no tool",
    ]
    broken = read(f"[{OSLO}, {bad.replace('null', 'nil')}, {ROME}]")
    assert calls_of(broken) == [IN_OSLO, IN_ROME]
    assert len(broken.errors) == 1


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("cut", range(1, len(ROME) + 3))
def test_cut_off_gives_what_is_complete(cut, complete):
    whole = f"[{OSLO}, {ROME}]"
    reply = read(whole[:-cut], complete=complete)
    assert calls_of(reply) == ([IN_OSLO, IN_ROME] if cut == 1 else [IN_OSLO])
    assert reply.text == ""
    assert bool(reply.errors) == complete


@pytest.mark.parametrize(
    "whole",
    [f"[{OSLO}]", f'{{"tool_calls": [{OSLO}]}}', f'{{"thought": "", "tool_calls": [{OSLO}]}}',
     f"<tool_call>{OSLO}</tool_call>", f"```json\n[{OSLO}]\n```", f"[TOOL_CALLS] [{OSLO}]"],
)  # fmt: skip
def test_cut_off_in_the_first_call_is_neither_text_nor_call(whole):
    end = whole.index(OSLO) + len(OSLO)
    for cut in range(1, len(whole) + 1):
        reply = read(whole[:cut], complete=False)
        assert (reply.text, reply.errors) == ("", ())
        assert calls_of(reply) == ([IN_OSLO] if cut >= end else [])


@pytest.mark.parametrize("text", ['{"answer": 42, "why": "be', "[1, 2", "[Note", "{x} is", "It is `"])
def test_cut_off_text_stays(text):
    assert read(text, complete=False).text == text.rstrip("`").strip()


def test_the_last_of_equal_arguments_wins():
    output = '[{"name": "get_weather", "arguments": {"city": "Rome", "city": "Oslo"}}]'
    assert calls_of(read(output)) == [IN_OSLO]


@pytest.mark.parametrize("key", ["name", "arguments", "id"])
def test_a_call_with_one_of_its_own_keys_twice_is_an_error(key):
    call = {"name": '"now"', "arguments": "{}", "id": '"1"'}
    output = "{" + ", ".join(f'"{name}": {value}' for name, value in [*call.items(), (key, call[key])]) + "}"
    for text in (output, f"[{output}]", f"<tool_call>{output}</tool_call>", f'{{"tool_calls": [{output}]}}'):
        reply = read(text)
        assert reply.calls == ()
        assert [error.message for error in reply.errors] == [f"a call is not JSON: the key {key!r} stands twice"]


def test_calls_in_prose_are_an_option():
    output = f"Sure: [{OSLO}] and [1] and [ {ROME} ]!"
    reply = read(output, calls_in_prose=True)
    assert calls_of(reply) == [IN_OSLO, IN_ROME]
    assert reply.text == "Sure:  and [1] and !"


def test_without_tools_everything_is_text():
    for text in (f"[{OSLO}]", f"<tool_call>{OSLO}</tool_call>", "Hi"):
        reply = XLam2Qwen().parse(text, [])
        assert (reply.text, reply.calls, reply.errors) == (text, (), ())


def test_ids_are_unique():
    ids = [call.id for call in read(f"[{OSLO}, {OSLO}, {OSLO}]").calls]
    assert len(set(ids)) == 3


def test_problems_of_a_call_are_told_and_the_call_is_kept():
    unknown, lacking, good = read(
        f'[{{"name": "fly", "arguments": {{}}}}, {OSLO.replace("city", "town")}, {OSLO}]'
    ).calls
    assert unknown.problems == ("there is no tool 'fly'",)
    assert "city" in lacking.problems[0]
    assert good.problems == ()


def test_large_strings_and_many_calls():
    city = "é\\" * 500_000
    reply = read(json.dumps([{"name": "get_weather", "arguments": {"city": city}}], ensure_ascii=False))
    assert reply.calls[0].arguments["city"] == city
    assert len(read(f"[{', '.join([OSLO] * 3000)}]").calls) == 3000


SIZE = many(10_000)  # characters


@pytest.mark.thorough
@pytest.mark.parametrize(
    "output",
    [
        "[" * SIZE,
        "{" * SIZE,
        '[{"name": ' + "[" * SIZE,
        '[{"name": "now", "arguments": ' + '{"a":' * SIZE + "1" + "}" * SIZE + "}]",
        "```[" * (SIZE // 2),
        "```[" * (SIZE // 2) + "]" * (SIZE // 2),
        "```[]" * (SIZE // 2),
        "```" + "a" * SIZE,
        "```" + " " * SIZE,
        "`" * SIZE,
        "<tool_call>" * (SIZE // 2),
        "<tool_call>x" * (SIZE // 2) + "</tool_call>",
        "<tool_call>{}" * (SIZE // 2),
        "<tool_call>[" * (SIZE // 2),
        "[TOOL_CALLS]" * (SIZE // 2),
        "[TOOL_CALLS] [" * (SIZE // 2),
        '["' * (SIZE // 2),
        '[{"' + "\\" * (SIZE + 1),
        "[{" + '"' * (SIZE + 1),
        " " * SIZE + "[",
        "[" + " " * SIZE,
        "[] " * (SIZE // 2),
        "<think>" * (SIZE // 2),
        '{"name": "now", "arguments": {}};' * (SIZE // 20),
    ],
    ids=range(24),
)
def test_hostile_text_comes_back(output):
    """Of a hundred thousand characters linear work takes about a second; quadratic work would take many minutes."""
    for complete in (True, False):
        reply = read(output, complete=complete, calls_in_prose=True)
        assert len(reply.text) <= len(output)


pieces = st.sampled_from(
    [
        "[", "]", "{", "}", '"', "\\", ",", ":", " ", "\n", "`", "```", "```json\n", "<tool_call>", "</tool_call>",
        "[TOOL_CALLS]", "<think>", "</think>", '"name"', '"arguments"', '"tool_calls"', '"thought"', '"function"',
        '"now"', "null", "NaN", "1e999", "-5", "é", "\ud800", "\x00", OSLO, f"[{ROME}]", "prose",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=30).map("".join) | st.text(), st.booleans(), st.booleans())
@example("[\ud800", True, False)
def test_any_text_gives_a_reply(output, complete, calls_in_prose):
    reply = read(output, complete=complete, calls_in_prose=calls_in_prose)
    for call in reply.calls:
        assert isinstance(call.name, str)
        assert isinstance(call.arguments, dict)
        json.dumps(call.to_openai(), ensure_ascii=False).encode()
    for error in reply.errors:
        assert error.raw in output
    if not reply.calls and not reply.errors and not reply.thinking and complete and not reply.text:
        assert not output.strip() or output.strip()[0] in "[{`<"


@given(st.text(st.characters(exclude_characters="[{`<")))
def test_prose_is_returned_as_it_is(output):
    assert read(output).text == output.strip()


@given(st.lists(st.sampled_from([OSLO, ROME]), min_size=1, max_size=4), st.text(alphabet=" \n"))
def test_every_wrapping_of_the_same_calls_agrees(calls, space):
    bare = calls_of(read(f"[{', '.join(calls)}]"))
    array = f"[{f',{space}'.join(calls)}{space}]"
    for output in (
        space + array + space,
        f"```json{space}{array}{space}```",
        f"[TOOL_CALLS]{space}{array}",
        f"<tool_call>{space}{array}{space}</tool_call>",
        "".join(f"<tool_call>{space}{call}</tool_call>{space}" for call in calls),
        f";{space}".join(calls),
        f'{{"tool_calls":{space}{array}}}',
    ):
        reply = read(output)
        assert calls_of(reply) == bare
        assert reply.text == ""
