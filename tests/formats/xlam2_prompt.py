"""A conversation with one tool, and what xLAM-2 was trained to read of it, to the byte."""

from edge_lam.tools import Tool

WEATHER = Tool(
    "get_weather",
    "Get the current weather for a location",
    {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
        },
        "required": ["location"],
    },
)

SYSTEM = "You are a helpful assistant that can use tools. You are developed by Salesforce xLAM team."
INSTRUCTION = """\
You have access to a set of tools. When using tools, make calls in a single JSON array:\x20

[{"name": "tool_call_name", "arguments": {"arg1": "value1", "arg2": "value2"}}, ... (additional parallel tool calls as needed)]

If no tool is suitable, state that explicitly. If the user's input lacks required parameters, ask for clarification. \
Do not interpret or respond until tool results are returned. Once they are available, process them or make additional \
calls if needed. For tasks that don't require tools, such as casual conversation or general advice, respond directly in \
plain text. The available tools are:

"""  # noqa: E501
WEATHER_JSON = """\
{
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {
                "type": "string",
                "description": "The city and state, e.g. San Francisco, CA"
            }
        },
        "required": [
            "location"
        ]
    }
}

"""
CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"location": "London"}'}}
CONVERSATION = [
    {"role": "user", "content": "Hi, how are you?"},
    {"role": "assistant", "content": "Thanks. I am doing well. How can I help you?"},
    {"role": "user", "content": " What's the weather like in London?\n"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": {"temperature": 15, "unit": "celsius"}},
]
CONVERSATION_TEXT = (
    "<|im_start|>user\nHi, how are you?<|im_end|>"
    "<|im_start|>assistant\nThanks. I am doing well. How can I help you?<|im_end|>"
    "<|im_start|>user\nWhat's the weather like in London?<|im_end|>"
    '<|im_start|>assistant\n[{"name": "get_weather", "arguments": {"location": "London"}}]<|im_end|>'
    '<|im_start|>tool\n{"temperature": 15, "unit": "celsius"}<|im_end|>'
    "<|im_start|>assistant\n"
)
