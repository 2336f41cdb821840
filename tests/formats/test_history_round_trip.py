"""Whatever calls a history renders, the parser of the same format gives back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.formats import FORMATS
from edge_lam.tools import Tool

TOOL = Tool("f", "", {"type": "object"})
MARK = "REPLY-BEGINS-HERE"
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
arguments = st.lists(st.dictionaries(text, values, max_size=3), min_size=1, max_size=3)


@pytest.mark.parametrize("name", ["xlam-2-qwen", "xlam-2-llama"])
@given(arguments)
def test_xlam_2_writes_calls_as_the_model_does(name, arguments):
    form = FORMATS[name]()
    calls = [{"name": "f", "arguments": json.dumps(given)} for given in arguments]
    messages = [{"role": "user", "content": MARK}, {"role": "assistant", "content": None, "tool_calls": calls}]
    written = "".join(segment.text for segment in form.render_segments(messages, [TOOL]) if not segment.special)
    reply = written.partition(f"{MARK}assistant")[2].lstrip("\n").removesuffix("\n").removesuffix("assistant")
    if name == "xlam-2-llama":  # the role and the text are segments of their own
        reply = written.partition(f"\n\n{MARK}")[2].removeprefix("assistant\n\n").removesuffix("assistant\n\n")
    parsed = form.parse(reply, [TOOL])
    assert [call.arguments for call in parsed.calls] == arguments
    assert (parsed.text, parsed.errors) == ("", ())


@given(text, arguments)
def test_xlam_1_general_writes_steps_that_hold_what_the_model_wrote(thought, arguments):
    form = FORMATS["xlam-1-general"]()
    calls = [{"name": "f", "arguments": given} for given in arguments]
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": thought, "tool_calls": calls}]
    history = form.render(messages, [TOOL]).partition("[BEGIN OF HISTORY STEPS]\n")[2]
    (step,) = json.loads(history.partition("\n[END OF HISTORY STEPS]")[0])
    reply = json.dumps({key: step[key] for key in ("thought", "tool_calls")}, ensure_ascii=False)
    parsed = form.parse(reply, [TOOL])
    assert [call.arguments for call in parsed.calls] == arguments
    assert parsed.text == thought.strip()
    assert parsed.errors == ()


@given(arguments)
def test_xlam_1_fc_reads_its_own_spelling(arguments):
    form = FORMATS["xlam-1-fc"]()
    opening = form.syntax.call_opening("f")
    calls = form.syntax.separator.join(f"{opening}{json.dumps(given, ensure_ascii=False)}}}" for given in arguments)
    parsed = form.parse(form.syntax.opening + calls + form.syntax.closing, [TOOL])
    assert [call.arguments for call in parsed.calls] == arguments
    empty = form.parse(form.syntax.opening + form.syntax.closing, [TOOL])
    assert (empty.text, empty.calls, empty.errors) == ("", (), ())
