"""Thousands of spoiled replies: the parser answers with calls, typed errors and text, in work that grows linearly."""

from __future__ import annotations

import json
import random

import pytest

from edge_lam.errors import InvalidCall
from edge_lam.formats.parser import ReplyParser, parse_reply
from edge_lam.tools import Tool
from tests.amount import many
from tests.formats.written_replies import essence, listen

pytestmark = pytest.mark.thorough

TOOLS = [
    Tool("get_weather", "", {"properties": {"city": {"type": "string"}}, "required": ["city"]}),
    Tool("now", "", {}),
]
OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
NOW = '{"name": "now", "arguments": {}}'
CORPUS = [
    f"[{OSLO}, {NOW}]",
    f"[{OSLO}] It may rain.",
    f"I look.\n```json\n[{OSLO}]\n```\nDone.",
    f"[TOOL_CALLS] [{OSLO},\n{NOW}]",
    f"<tool_call>\n{OSLO}\n</tool_call>\n<tool_call>{NOW}",
    f"<think>Which city?</think>\n\n[{OSLO}]",
    f"{OSLO}; {NOW}",
    f'{{"tool_calls": [{OSLO}, {NOW}]}}',
    f'{{"thought": "I look.\\n", "tool_calls": [{OSLO}]}}',
    f'[{{"id": "1", "type": "function", "function": {OSLO}}}]',
    '[{"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}]',
    '[{"name": "now", "arguments": {"a": [1, -2.5e3, true, null, "\\ud83e\\udded"]}}]',
    f"Sure: [{OSLO}] and [1, 2]",
    "[{'type': 'function', 'function': {'name': 'get_weather', 'arguments': {'city': \"O'Hara\"}}}]",
    f"[[{OSLO}], [{NOW}]] Done.",
    "[get_weather(city='Oslo', days=[1, (2)]), now()] Done.",
    'I look. <function=get_weather>{"city": "Oslo"}</function> <function=now><parameter=a>1</parameter></function>',
    f"<calls>{NOW}</calls>>>>now\n{{}} and",
]
FRAGMENTS = [
    "[", "]", "{", "}", '"', "\\", ",", ":", " ", "\n", "`", "```", "```json", "<tool_call>", "</tool_call>",
    "[TOOL_CALLS]", "<think>", "</think>", "'", "now(", "now()", "(", ")", ">>>now\n", "<function=now>", "</function>",
    "[[", "<calls>", "</calls>", "<|python_tag|>", "{'name': 'now', 'arguments': {'a': 'b'}}", "True",
    '"name"', '"arguments": ', '"tool_calls": [', '"thought": "', "null", "NaN",
    "1e999", "\\ud800", "\ud800", "\x00", "é", "[]", "{}", OSLO, f"[{NOW}]", "9" * 30,
]  # fmt: skip


def spoiled(seed: int) -> str:
    """Return a reply of the corpus with a few things cut out, put in, doubled or swapped."""
    rng = random.Random(seed)
    text = rng.choice(CORPUS)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 1, 2, 8, 40)))
        put = rng.choice(("", "", rng.choice(FRAGMENTS), 2 * text[start:end], text[start:end][::-1]))
        text = text[:start] + put + text[end:]
    return text


def test_spoiled_replies_give_typed_results():
    for seed in range(many(3_000)):
        output = spoiled(seed)
        options = {"complete": seed % 3 > 0, "calls_in_prose": seed % 4 == 0}
        reply = parse_reply(output, TOOLS, reply_id="reply", **options)
        assert reply.raw == output
        for call in reply.calls:
            json.dumps(call.to_openai(), ensure_ascii=False).encode()
        for error in reply.errors:
            assert isinstance(error, InvalidCall)
            assert error.raw in output
        if seed % 20 == 0:
            rng = random.Random(seed)
            cuts = sorted(rng.randrange(len(output) + 1) for _ in range(5))
            pieces = [output[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(output)], strict=True)]
            assert essence(listen(pieces, TOOLS, **options)[0]) == essence(reply)


HOSTILE = [
    "[", "{", '[{"name": ', '[{"name": "now", "arguments": {"a":', "```[", "```[]", "```a", "``` ", "`", "<tool_call>",
    "<tool_call>x", "<tool_call>{}", "<tool_call>[", "[TOOL_CALLS]", "[TOOL_CALLS] [", '["', '[{"\\', '{"', "[] ", "; ",
    '{"thought": "\\', "<think>", "</think", f"{NOW};", f"```json\n[{NOW}]\n", "\\", '"', "<tool_call> ```json ", "[ ",
    "[now(", "[now()", "[now", "[now(), ", "[[", "[[{", "{'", "[{'", "'", ">>>", ">>>now\n", ">>>now\n{", ">>>now\n{}",
    "<function=", "<function=now>", "<function=now>{}", "<function=now><parameter=a>", "<function=now>x</functio",
    "</function>", "<calls>", "<calls>{'", "<|python_tag|>", "<|python_tag|>now(", "<|tool_call_start|>[now",
]  # fmt: skip


@pytest.mark.parametrize("opening", ["", "<tool_call>", '{"thought": "', "a", f"[{NOW}]"])
def test_work_grows_with_the_length_alone(opening):
    """Whatever is repeated, every character is looked at a few times, however long the reply and short its pieces."""
    for fragment in HOSTILE:
        output = opening + fragment * (many(1000) // len(fragment))
        for pieces in (output, [output]):
            parser = ReplyParser(TOOLS, calls_in_prose=True)
            for piece in pieces:
                parser.feed(piece)
            parser.finish()
            assert parser.work <= 13 * len(output) + 100, fragment
