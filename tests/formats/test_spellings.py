"""Calls in the spellings of other models, whole and at every split; and what only looks like one."""

from __future__ import annotations

import json

import pytest

from edge_lam.formats import detect
from edge_lam.formats.parser import ReplyParser
from edge_lam.formats.python_text import read_python, read_python_call
from edge_lam.formats.xlam2_qwen import XLam2Qwen
from edge_lam.tools import Tool
from tests.formats.written_replies import essence, listen

WEATHER = Tool(
    "get_weather",
    "",
    {
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "when": {"type": "object"}},
        "required": ["city"],
    },
)
NOW = Tool("now", "", {})
BRAVE = Tool("brave_search", "", {"properties": {"query": {"type": "string"}}})
TOOLS = [WEATHER, NOW, BRAVE]
OSLO, LIMA = ("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Lima"})
JSON = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
FLAT = "{'name': 'get_weather', 'arguments': {'city': 'Oslo'}}"
NESTED = "{'type': 'function', 'function': {'name': 'get_weather', 'arguments': {'city': 'Oslo'}}}"


def parse(pieces, tools=TOOLS, **options):
    reply, _ = listen(pieces, tools, **options)
    return reply


def read(output, **options):
    """Read a reply whole, and check that it is the same however it is cut."""
    whole = parse([output], **options)
    for cut in range(len(output) + 1):
        assert essence(parse([output[:cut], output[cut:]], **options)) == essence(whole)
    assert essence(parse(output, **options)) == essence(whole)
    return whole


def calls_of(reply):
    return [(call.name, call.arguments) for call in reply.calls]


@pytest.mark.parametrize(
    ("output", "calls", "text"),
    [
        # Python's spelling of lists and dicts: Hammer
        (f"[{NESTED}]", [OSLO], ""),
        (f"[{FLAT}, {FLAT.replace('Oslo', 'Lima')}]", [OSLO, LIMA], ""),
        (FLAT, [OSLO], ""),
        (f"{FLAT}\n{FLAT.replace('Oslo', 'Lima')}", [OSLO, LIMA], ""),
        ("""[{'name': 'get_weather', 'arguments': {'city': "O'Hara ]}"}}] Done""",
         [("get_weather", {"city": "O'Hara ]}"})], "Done"),
        ("[{'name': 'get_weather', 'arguments': {'city': 'a\\'b\"]', 'days': -3, 'when': {'x': [True, None, 1.5]}}}]",
         [("get_weather", {"city": "a'b\"]", "days": -3, "when": {"x": [True, None, 1.5]}})], ""),
        ('[{"name": "get_weather", "arguments": "{\'city\': \'Oslo\'}"}]', [OSLO], ""),
        (f"<tool_call>{FLAT}</tool_call>", [OSLO], ""),
        (f"Sure.\n```python\n[{FLAT}]\n```", [OSLO], "Sure."),
        # the function named beside its parameters: xLAM-2-1b
        ('{"type": "function", "function": "get_weather", "parameters": {"city": "Oslo"}}', [OSLO], ""),
        ('[{"type": "function", "function": "get_weather", "parameters": {"city": "Oslo"}}]', [OSLO], ""),
        ('{"type": "function", "function": "fly", "parameters": {"to": "Mars"}}', [("fly", {"to": "Mars"})], ""),
        ('{"tool_name": "get_weather", "parameters": {"city": "Oslo"}}', [OSLO], ""),
        # lists in lists
        (f"[[{JSON}]]", [OSLO], ""),
        (f"[ [{JSON}, {JSON.replace('Oslo', 'Lima')}] ]", [OSLO, LIMA], ""),
        (f"[[{JSON}], [{JSON.replace('Oslo', 'Lima')}]]", [OSLO, LIMA], ""),
        (f"[[{FLAT}]]", [OSLO], ""),
        # blocks and markers
        (f"<calls>{FLAT}</calls>", [OSLO], ""),
        (f"I look. <tool_calls>[{JSON}]</tool_calls> Done.", [OSLO], "I look.  Done."),
        (f"<calls>{JSON}\n{FLAT.replace('Oslo', 'Lima')}</calls>", [OSLO, LIMA], ""),
        (f"<|python_tag|>{JSON}", [OSLO], ""),
        (f"<|python_tag|>{JSON.replace('arguments', 'parameters')}; {JSON}", [OSLO, OSLO], ""),
        (f"<|tool_call|>[{JSON}]", [OSLO], ""),
        (f"I look.<|tool_call|>[{JSON}]<|/tool_call|> Done", [OSLO], "I look. Done"),
        # Python's calls: Llama 3.2, LFM2
        ('[get_weather(city="Oslo")]', [OSLO], ""),
        ("[get_weather(city='Oslo'), now()]", [OSLO, ("now", {})], ""),
        ("[ get_weather( city = 'Oslo' ) ,\n now() ] Done", [OSLO, ("now", {})], "Done"),
        ('[get_weather(city="a)], [b", days=3, when={"x": [1, (2)]})]',
         [("get_weather", {"city": "a)], [b", "days": 3, "when": {"x": [1, 2]}})], ""),
        ('[get_weather("Oslo")]', [OSLO], ""),
        ("[get_weather(city='Oslo', when={'x': true})]", [("get_weather", {"city": "Oslo", "when": {"x": True}})], ""),
        ('<|tool_call_start|>[get_weather(city="Oslo")]<|tool_call_end|>It may rain.', [OSLO], "It may rain."),
        ("[TOOL_CALLS][fly(to='Mars')]", [("fly", {"to": "Mars"})], ""),
        ("[now(), fly(to='Mars')]", [("now", {}), ("fly", {"to": "Mars"})], ""),
        ('<|python_tag|>brave_search.call(query="x")', [("brave_search", {"query": "x"})], ""),
        # names before arguments: Llama 3.1, Functionary, Qwen3-Coder
        ('<function=get_weather>{"city": "Oslo"}</function>', [OSLO], ""),
        ('I look. <function=get_weather>\n{"city": "Oslo"}\n</function>\n<function=now>{}</function> Done',
         [OSLO, ("now", {})], "I look.  Done"),
        ('<function=get_weather>{"city": "</function>"}</function>', [("get_weather", {"city": "</function>"})], ""),
        ('<function=get_weather>{"city": "Oslo"}', [OSLO], ""),
        ("<function=get_weather>{'city': 'Oslo'}</function>", [OSLO], ""),
        ("<function=fly>{}</function>", [("fly", {})], ""),
        ("<function=now></function>", [("now", {})], ""),
        ("<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n3\n</parameter>"
         "\n</function>\n</tool_call>", [("get_weather", {"city": "Oslo", "days": 3})], ""),
        ('>>>get_weather\n{"city": "Oslo"}', [OSLO], ""),
        ('I look.>>>get_weather\n{"city": "Oslo"}>>>now\n{}', [OSLO, ("now", {})], "I look."),
        ('[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}', [OSLO], ""),
        ('I look.[TOOL_CALLS]get_weather[CALL_ID]a1b2[ARGS]{"city": "Oslo"}[TOOL_CALLS]now{}', [OSLO, ("now", {})],
         "I look."),
        # xLAM 1.0 takes its instruction at its word
        ('{"tool_calls": "[]"}', [], ""),
    ],
)  # fmt: skip
def test_calls_are_read(output, calls, text):
    reply = read(output)
    assert calls_of(reply) == calls
    assert (reply.text, reply.errors) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        'Here is the config:\n```json\n{"name": "my-experiment", "parameters": {"lr": 0.1}}\n```',
        '[{"name": "Anna", "parameters": {"height": 3}}]',
        '```json\n{"name": "run", "arguments": {"a": 1}, "cwd": "/"}\n```',
        '```json\n{"name": "run", "arguments": ["-v"]}\n```',
        "{'name': 'Ada', 'age': 36}",
        "[see(1)] and [note] (x)",
        "[now] is the time",
        "[[1, 2], [3]]",
        "[[Wiki link]] and more",
        "Write [TOOL_CALLS] first, then {",
        ">>> print(1)\n1",
        ">>>all\nHello",
        "a >> b >>>c",
        ">>>now\nno JSON",
        "<function> is a tag, <function = x> too",
        "<|python_tag|".removesuffix("|"),
        "It's {a} 'quoted' [b]",
    ],
)
def test_what_only_looks_like_a_call_is_text(text):
    reply = read(text)
    assert (reply.text, reply.calls, reply.errors) == (text, (), ())


def test_code_behind_llamas_tag_is_text_without_it():
    reply = read("<|python_tag|>import os\nprint(os)")
    assert (reply.text, reply.calls) == ("import os\nprint(os)", ())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("[get_weather(city=Oslo)]", "a call is not Python"),
        ("[get_weather(**x)]", "an argument has no name"),
        ("[now(1)]", "an argument has no name"),
        ("[get_weather(city='a', city='b')]", "a call is not Python"),
        ("[{'name': 'now', 'arguments': {'a': f(1)}}]", "a call is not JSON"),
        ("<function=get_weather>{city}</function>", "are not JSON"),
        ("<function=get_weather>Oslo</function>", "are not JSON"),
        ('<function=get_weather>{"city": "Os', "ends inside a call"),
        ("[get_weather(city='Os", "ends inside a call"),
        (f"[{FLAT[:-3]}", "ends inside a call"),
        ('>>>get_weather\n{"city": ', "ends inside a call"),
    ],
)
def test_a_call_that_cannot_be_used_is_an_error_not_lost(output, message):
    reply = read(output)
    assert (reply.calls, reply.text) == ((), "")
    (error,) = reply.errors
    assert message in error.message
    assert error.raw in output
    if "ends inside" in message:
        cut = read(output, complete=False)
        assert (cut.calls, cut.errors, cut.text) == ((), (), "")


def test_a_fence_is_read_as_ever_where_it_names_a_tool():
    for keys in ("arguments", "parameters"):
        fenced = f"```json\n{JSON.replace('arguments', keys)}\n```"
        assert calls_of(read(fenced)) == [OSLO]
    assert calls_of(XLam2Qwen().parse('```json\n{"name": "fly", "arguments": {}}\n```', TOOLS)) == [("fly", {})]


FUNCTIONARY = "{{ tools | tojson if tools }}{% for m in messages %}{{ m.content }}{% endfor %}assistant\n\n>>>"


def test_functionarys_prompt_ends_in_what_its_reply_begins_with():
    form = detect({"tokenizer.chat_template": FUNCTIONARY})
    assert form.reply_opening == ">>>"
    for output, calls, text in (
        ('get_weather\n{"city": "Oslo"}', [OSLO], ""),
        ('all\nI look.>>>get_weather\n{"city": "Oslo"}>>>fly\n{}', [OSLO, ("fly", {})], "I look."),
        ("all\nHello >>> all!", [], "Hello >>> all!"),
        (f"[{JSON}]", [OSLO], ""),
        ("Hello", [], "Hello"),
    ):
        for pieces in ([output], list(output)):
            parser = form.parser(TOOLS)
            for piece in pieces:
                parser.feed(piece)
            parser.finish()
            assert (calls_of(parser.reply), parser.reply.text, parser.reply.raw) == (calls, text, output)
    assert form.parse("all\nHello", []).text == "Hello"
    assert form.parse("Hello\n{}", None).text == "Hello\n{}"


@pytest.mark.parametrize(
    "text", ["f(1)", "a.b", "1 + 1", "{1: 2}", "{'a': 1, 'a': 2}", "b'x'", "f'x'", "x", "{**a}", "[" * 300 + "]" * 300,
             "'\ud800'", "9" * 2000, "1e999", "lambda: 1", "", "...", "-True", "1j"],
)  # fmt: skip
def test_what_is_no_plain_value_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_python(text)


def test_plain_values_are_those_of_python():
    for value in ({"a": [1, -2.5, "x\n'\"", True, False, None, {"b": {}}], "é": "🧭"}, [], "x", 0, -1):
        assert read_python(repr(value)) == json.loads(json.dumps(value))
    assert read_python("[true, false, null, (1, 2)]") == [True, False, None, [1, 2]]
    assert read_python_call("f(1, b=2)", ["a"]) == {"a": 1, "b": 2}


def test_a_megabyte_of_python_in_small_pieces():
    city = "é'\"[{`" * 60_000
    output = repr([{"name": "get_weather", "arguments": {"city": city}}])
    for text in (output, f"[get_weather(city={city!r})]"):
        parser = ReplyParser(TOOLS)
        for start in range(0, len(text), 5):
            parser.feed(text[start : start + 5])
        parser.finish()
        assert parser.reply.calls[0].arguments == {"city": city}
        assert parser.work == len(text)
