"""llama-cpp-python's chat completion with tools, in the chat format that its documentation names for them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

# The handler lists the tools in the system message, and nowhere if there is none.
SYSTEM = {"role": "system", "content": "You are a helpful assistant that can use tools."}
_SURE = 1e9  # a logit that no other reaches


def load(setup: dict[str, Any]) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    """Load the model; return facts, and what answers a task."""
    import llama_cpp

    threads = {"n_threads": setup["n_threads"], "n_threads_batch": setup["n_threads"]}
    llama: Any = llama_cpp.Llama(
        setup["model"], n_ctx=setup["n_ctx"], chat_format="chatml-function-calling", verbose=False, **threads
    )

    def answer(task: dict[str, Any]) -> dict[str, Any]:
        messages = task["messages"]
        if messages[0]["role"] != "system":
            messages = [SYSTEM, *messages]
        options = {"tools": task["tools"], "temperature": 0, "repeat_penalty": 1.0}
        replay = TokenReplay(llama, task)
        if setup["replayed"] and task["n_tokens"] > 1:
            # The model chooses the tool, then writes the arguments: for this the handler has no limit of its own.
            options |= {"tool_choice": "auto", "logits_processor": llama_cpp.LogitsProcessorList([replay])}
        else:
            # The tool is named, which spares the handler a reply of its own to choose it.
            named = {"type": "function", "function": {"name": task["calls"][0][0]}}
            options |= {"tool_choice": named, "max_tokens": task["max_tokens"]}
        reply = llama.create_chat_completion(messages, **options)
        functions = [call["function"] for call in reply["choices"][0]["message"].get("tool_calls") or ()]
        calls = [(function["name"], _decoded(function["arguments"])) for function in functions]
        usage = reply["usage"]
        return {
            "n_prompt": usage["prompt_tokens"],
            "n_generated": replay.written or usage["completion_tokens"],
            "calls": [call for call in calls if isinstance(call[1], dict)],
        }

    build = llama_cpp.llama_print_system_info().decode(errors="replace").strip(" |")
    return {"version": llama_cpp.__version__, "build": build}, answer


class TokenReplay:
    """Makes the model choose the tokens of the answer's first call, as the handler has it written.

    It writes one call only: of a second one it does not find the tool.
    """

    def __init__(self, llama: Any, task: dict[str, Any]) -> None:
        name, arguments = task["calls"][0]
        [required] = [
            tool["function"]["parameters"].get("required", ())
            for tool in task["tools"]
            if tool["function"]["name"] == name
        ]
        # The grammar that the handler makes of a schema wants what is required first.
        ordered = {key: arguments[key] for key in sorted(arguments, key=lambda key: key not in required)}
        end = llama.token_eos()
        texts = (f"functions.{name}:", json.dumps(ordered, ensure_ascii=False))
        opening, body = (llama.tokenize(text.encode(), add_bos=False, special=False) for text in texts)
        self._tokens = deque([*opening, *body, end, end])  # the last one: no second call
        self.written = 0

    def __call__(self, tokens: Any, logits: Any) -> Any:
        """Raise the logit of the next token beyond all others."""
        if not self._tokens:  # it would go on to the end of the context
            raise ValueError("the handler's grammar refuses the answer")
        logits[self._tokens.popleft()] = _SURE
        self.written += 1
        return logits


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # cut off at the limit
        return None
