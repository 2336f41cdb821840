"""The prompts of xLAM 1.0, both lines, to the byte."""

import json

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats import FORMATS
from edge_lam.formats.special_tokens import SpecialTokens
from edge_lam.tools import Tool
from tests.formats.xlam2_prompt import CONVERSATION

WEATHER = Tool(
    "get_weather",
    "Get the current weather for a location",
    {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, New York"},
            "unit": {"type": "string"},
        },
        "required": ["location"],
    },
)
LOCATION = '{"type": "string", "description": "The city and state, e.g. San Francisco, New York"'
PUBLISHED = (
    '[{"name": "get_weather", "description": "Get the current weather for a location", '
    f'"parameters": {{"location": {LOCATION}}}, "unit": {{"type": "string"}}}}}}]'
)
MARKED = PUBLISHED.replace(LOCATION, LOCATION + ', "required": true')
FC = """\
You are an AI assistant for function calling.For politically sensitive questions, security and privacy issues, and \
other non-computer science questions, you will refuse to answer
### Instruction:
[BEGIN OF TASK INSTRUCTION]
You are an expert in composing functions. You are given a question and a set of possible functions.\x20
Based on the question, you will need to make one or more function/tool calls to achieve the purpose.\x20
If none of the functions can be used, point it out and refuse to answer.\x20
If the given question lacks the parameters required by the function, also point it out.
[END OF TASK INSTRUCTION]

[BEGIN OF AVAILABLE TOOLS]
TOOLS
[END OF AVAILABLE TOOLS]

[BEGIN OF FORMAT INSTRUCTION]
The output MUST strictly adhere to the following JSON format, and NO other text MUST be included.
The example format is as follows. Please make sure the parameter type is correct. If no function call is needed, \
please make tool_calls an empty list '[]'.
```
{
    "tool_calls": [
    {"name": "func_name1", "arguments": {"argument1": "value1", "argument2": "value2"}},
    ... (more tool calls as required)
    ]
}
```
[END OF FORMAT INSTRUCTION]

[BEGIN OF QUERY]
What's the weather like in New York in fahrenheit?
[END OF QUERY]

### Response:
"""
GENERAL = """\
[INST] [BEGIN OF TASK INSTRUCTION]
Based on the previous context and API request history, generate an API request or a response as an AI assistant.
[END OF TASK INSTRUCTION]

[BEGIN OF AVAILABLE TOOLS]
TOOLS
[END OF AVAILABLE TOOLS]

[BEGIN OF FORMAT INSTRUCTION]
The output should be of the JSON format, which specifies a list of generated function calls. The example format is as \
follows, please make sure the parameter type is correct. If no function call is needed, please make tool_calls an \
empty list "[]".
```
{"thought": "the thought process, or an empty string", "tool_calls": [{"name": "api_name1", "arguments": {"argument1": \
"value1", "argument2": "value2"}}]}
```
[END OF FORMAT INSTRUCTION]

[BEGIN OF QUERY]
QUERY
[END OF QUERY]

"""
QUERY = "What's the weather like in New York in fahrenheit?"


def form(name, **options):
    return FORMATS[name](**options)


def test_fc_is_the_contract_s_example():
    assert form("xlam-1-fc", mark_required=False).render(QUERY, [WEATHER]) == FC.replace("TOOLS\n[", f"{PUBLISHED}\n[")
    assert form("xlam-1-fc").render(QUERY, [WEATHER]) == FC.replace("TOOLS\n[", f"{MARKED}\n[")
    assert form("xlam-1-fc").render(QUERY) == form("xlam-1-fc").render(QUERY, []) == FC.replace("TOOLS\n[", "[]\n[")


def test_bos_is_a_control_token_and_written_once():
    special = SpecialTokens(bos="<s>", eos="</s>", add_bos=True)
    for name in ("xlam-1-fc", "xlam-1-general"):
        segments = form(name, special=special).render_segments("a <s> </s> b")
        assert [segment.text for segment in segments if segment.special] == ["<s>"]
        assert segments[0].special
        assert "a <s> </s> b" in segments[1].text


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "S"}, {"role": "user", "content": "x"}],
        [{"role": "user", "content": "x"}, {"role": "user", "content": "x"}],
        CONVERSATION,
        [{"role": "assistant", "content": "x"}],
    ],
)
def test_fc_refuses_what_it_was_not_trained_on(messages):
    with pytest.raises(InvalidRequest, match="trained on one user message") as caught:
        form("xlam-1-fc").render(messages, [WEATHER])
    assert caught.value.param == "messages"


def test_general_without_history():
    expected = GENERAL.replace("TOOLS\n[", f"{MARKED}\n[").replace("QUERY\n[END", f"{QUERY}\n[END")
    assert form("xlam-1-general").render(QUERY, [WEATHER]) == expected + " [/INST]"
    published = expected.replace(MARKED, PUBLISHED)
    assert form("xlam-1-general", mark_required=False).render(QUERY, [WEATHER]) == published + " [/INST]"


def steps_of(prompt):
    return json.loads(prompt.partition("[BEGIN OF HISTORY STEPS]\n")[2].partition("\n[END OF HISTORY STEPS]")[0])


def test_general_with_history():
    prompt = form("xlam-1-general").render(CONVERSATION)
    assert prompt == (
        GENERAL.replace("TOOLS\n[", "[]\n[").replace("QUERY\n[END", "Hi, how are you?\n[END")
        + "\n[BEGIN OF HISTORY STEPS]\n"
        + '[{"step_id": 1, "thought": "Thanks. I am doing well. How can I help you?", "tool_calls": [], '
        + '"next_observation": "", "user_input": " What\'s the weather like in London?\\n"}, '
        + '{"step_id": 2, "thought": "", "tool_calls": [{"name": "get_weather", "arguments": {"location": "London"}}], '
        + '"next_observation": "{\\"temperature\\": 15, \\"unit\\": \\"celsius\\"}", "user_input": ""}]'
        + "\n[END OF HISTORY STEPS]\n [/INST]"
    )


def test_general_keeps_everything_that_was_said():
    messages = [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "Ü", "tool_calls": [{"name": "f", "arguments": {}}] * 2},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "user", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    prompt = form("xlam-1-general").render(messages)
    assert "[BEGIN OF TASK INSTRUCTION]\nBe brief.\nBased on" in prompt
    assert "[BEGIN OF QUERY]\na\nb\n[END OF QUERY]" in prompt
    assert '"thought": "Ü"' in prompt
    (step,) = steps_of(prompt)
    assert step["next_observation"] == ["1", "2"]
    assert step["user_input"] == "c\nd"
    assert [call["name"] for call in step["tool_calls"]] == ["f", "f"]


@pytest.mark.parametrize("messages", [[{"role": "assistant", "content": "x"}], [{"role": "tool", "content": "x"}]])
def test_general_begins_with_a_user(messages):
    with pytest.raises(InvalidRequest, match="begins with a user message"):
        form("xlam-1-general").render(messages)


@pytest.mark.parametrize("name", ["xlam-1-fc", "xlam-1-general", "agentlm"])
def test_words_of_the_frame_are_refused_in_messages_and_tools(name):
    for words in form(name).frame:
        with pytest.raises(InvalidRequest, match="messages or tools hold"):
            form(name).render(f"x {words} y")
    if name != "agentlm":
        tool = Tool("f", form(name).frame[0], {})
        with pytest.raises(InvalidRequest, match="messages or tools hold"):
            form(name).render("x", [tool])


def test_agentlm():
    special = SpecialTokens(bos="<s>", eos="</s>", add_bos=True)
    agent = form("agentlm", special=special)
    system = "<<SYS>>\nYou are a helpful, respectful and honest assistant.\n<</SYS>>\n\n"
    assert form("agentlm").render("Hi ") == f"[INST] {system}Hi [/INST]"
    messages = [("user", "a"), ("assistant", "b</s>"), ("user", "c")]
    segments = agent.render_segments([{"role": role, "content": text} for role, text in messages])
    assert "".join(segment.text for segment in segments) == (
        f"<s>[INST] {system}a [/INST] b</s> </s><s>[INST] c [/INST]"
    )
    assert [segment.text for segment in segments if segment.special] == ["<s>", "</s>", "<s>"]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}],
        [{"role": "user", "content": "x"}, {"role": "user", "content": "x"}],
        [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"name": "f"}]}],
        [{"role": "user", "content": "x"}, {"role": "tool", "content": "x"}],
    ],
)
def test_agentlm_refuses_what_it_can_t_express(messages):
    with pytest.raises(InvalidRequest, match="user and assistant in turn"):
        form("agentlm").render(messages)


def test_agentlm_refuses_tools():
    assert not form("agentlm").renders_tools
    with pytest.raises(InvalidRequest, match="agentlm renders no tools") as caught:
        form("agentlm").render("x", [WEATHER])
    assert caught.value.param == "tools"


@pytest.mark.parametrize(("name", "option"), [("xlam-2-qwen", "mark_required"), ("xlam-1-fc", "nested_tools")])
def test_options_of_other_formats_are_refused(name, option):
    with pytest.raises(InvalidRequest, match=f"{name} has no option {option}"):
        form(name, **{option: True})


def test_a_template_without_tools_refuses_them():
    carried = form("xlam-1-fc", template="{{ messages[0].content }}")
    assert carried.render("x") == "x"
    with pytest.raises(InvalidRequest, match="renders no tools"):
        carried.render("x", [WEATHER])


def test_own_templates_take_tools_as_other_runtimes_give_them():
    from edge_lam.formats.template import Template

    nested = {"type": "function", "function": WEATHER.definition()}
    for name in ("xlam-1-fc", "xlam-1-general"):
        template = Template(form(name).template)
        segments = template.render(messages=[{"role": "user", "content": QUERY}], tools=[nested])
        assert segments[0].text == form(name).render(QUERY, [WEATHER])


READY = FC.replace("TOOLS\n[", f"{PUBLISHED}\n[").partition("### Instruction:\n")[2].partition("\n\n### Response")[0]


@pytest.mark.parametrize("space", ["", "\n\n", "  \n"])
def test_a_ready_made_prompt_is_sent_as_it_is(space):
    """As the `build_prompt` of the models' cards makes it."""
    expected = FC.replace("TOOLS\n[", f"{PUBLISHED}\n[")
    fc = form("xlam-1-fc")
    for given in (READY, expected.partition("\n\n### Response")[0]):
        for messages in (f"{space}{given}{space}", [{"role": "user", "content": f"{given}{space}"}]):
            assert fc.render(messages) == fc.render(messages, [WEATHER]) == expected
    with pytest.raises(InvalidRequest, match="leaves out the tool 'other'"):
        fc.render(READY, [WEATHER, Tool("other", "")])
    bos = form("xlam-1-fc", special=SpecialTokens(bos="<s>", eos="</s>", add_bos=True, user_defined=("<|EOT|>",)))
    segments = bos.render_segments(READY.replace("Paris", "x").replace("fahrenheit?", "<|EOT|>?"))
    assert segments[0] == ("<s>", True)
    assert [segment.text[-1:] for segment in segments[1:-1]] == ["<"]
    assert "".join(segment.text for segment in segments[1:]) == expected.replace("fahrenheit?", "<|EOT|>?")


def test_a_ready_made_prompt_of_the_general_line():
    general = form("xlam-1-general")
    for messages in (QUERY, CONVERSATION):
        prompt = general.render(messages, [WEATHER])
        inside = prompt.removeprefix("[INST] ").removesuffix(" [/INST]")
        assert general.render(inside) == general.render(inside.strip(), [WEATHER]) == prompt


@pytest.mark.parametrize(
    "spoiled",
    [
        READY.replace("[END OF QUERY]", "[END OF QUERY] more"),
        f"Please: {READY}",
        READY.replace("[BEGIN OF AVAILABLE TOOLS]", ""),
        "[BEGIN OF QUERY]\nx\n[END OF QUERY]",
    ],
)
def test_what_is_only_like_a_ready_made_prompt_is_refused_as_ever(spoiled):
    with pytest.raises(InvalidRequest, match="messages or tools hold"):
        form("xlam-1-fc").render(spoiled)
