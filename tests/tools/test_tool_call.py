"""`ToolCall` and its ids."""

import json
import re

from edge_lam.tools import ToolCall, new_call_id


def test_openai_form_carries_arguments_as_a_json_string():
    call = ToolCall("call_1", "f", {"city": "Malmö", "n": [1, None]})
    assert call.to_openai() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"city": "Malmö", "n": [1, null]}'},
    }
    assert json.loads(call.to_openai()["function"]["arguments"]) == call.arguments


def test_ids_are_unique_and_of_one_form():
    ids = {new_call_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"call_[0-9a-f]{32}", call_id) for call_id in ids)
