"""`xLAMConfig` and `xLAMChatCompletion`: programs written for xLAM's own client, on the device.

In come its messages, OpenAI's definitions and options; out comes its dict of choices. A small door over `LAM`, which
does all the work; what belongs to a server is refused by name.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.loading.load import load

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from edge_lam.engine import Reply
    from edge_lam.formats.messages import Messages
    from edge_lam.lam import LAM
    from edge_lam.tools.likes import ToolLike

_REFUSED = {
    "base_url": "the model runs in this process: leave it out",
    "api_key": "the model runs in this process: leave it out",
    "task_instruction": "each model is asked in the words it was trained on: use a system message",
    "format_instruction": "each model is asked in the words it was trained on: use a system message",
}


class xLAMConfig:  # noqa: N801 - the name that programs import
    """Which model to load.

    Args:
        base_url: of a server; there is none, so anything but None is refused.
        model: as for `edge_lam.load`; None is the embedded model.
        **options: other arguments of `edge_lam.load`, such as n_ctx.

    Attributes:
        MODEL_NAME: the model, under the name that xLAM's client gave it.

    Raises:
        InvalidRequest: an option that makes no sense on a device; `param` names it.
    """

    def __init__(
        self, base_url: str | None = None, model: str | os.PathLike[str] | None = None, **options: Any
    ) -> None:
        _refuse({"base_url": base_url, **options})
        self.MODEL_NAME = model
        self.options = {name: value for name, value in options.items() if name not in _REFUSED}


class xLAMChatCompletion:  # noqa: N801 - the name that programs import
    """Completions of one loaded model; a context manager.

    Args:
        lam: a loaded model, which `close` closes.
    """

    def __init__(self, lam: LAM) -> None:
        self.lam = lam

    @classmethod
    def from_config(cls, config: xLAMConfig) -> xLAMChatCompletion:
        """Load the model of a configuration.

        Raises:
            EdgeLamError: whatever `edge_lam.load` raises; an unknown option is an InvalidRequest.
        """
        try:
            return cls(load(config.MODEL_NAME, **config.options))
        except TypeError as error:
            unknown = next((name for name in config.options if f"'{name}'" in str(error)), None)
            if unknown is None:
                raise
            raise InvalidRequest(f"unknown option {unknown!r}", hint="see edge_lam.load", param=unknown) from error

    def completion(self, messages: Messages, tools: Iterable[ToolLike] | None = None, **options: Any) -> dict[str, Any]:
        """Ask the model.

        Args:
            messages: in OpenAI's form; a message of an earlier completion can be one of them.
            tools: flat or nested definitions, or whatever else `LAM.chat` takes.
            **options: of `LAM.chat`, such as temperature and max_tokens. Any other is refused by name.

        Returns:
            ``{"choices": [{"message": {"role", "content", "tool_calls"}, ...}], ...}``. As with xLAM's client, content
            is always a string, and tool_calls a list of ``{"id", "name", "arguments"}`` with decoded arguments.

        Raises:
            EdgeLamError: whatever `LAM.chat` raises.
        """
        _refuse(options)
        return _completion(self.lam.chat(messages, tools=tools, **options), self.lam)

    def close(self) -> None:
        """Free the model."""
        self.lam.close()

    def __enter__(self) -> xLAMChatCompletion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _completion(reply: Reply, lam: LAM) -> dict[str, Any]:
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
    tokens = reply.report.tokens
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text, "tool_calls": calls},
        "finish_reason": reply.finish_reason,
    }
    if reply.logprobs is not None:
        choice["logprobs"] = reply.openai_logprobs
    return {
        "id": reply.report.id,
        "object": "chat.completion",
        "model": lam.info.name,
        "choices": [choice],
        "usage": {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": tokens.generated,
            "total_tokens": tokens.prompt + tokens.generated,
        },
    }


def _refuse(options: dict[str, Any]) -> None:
    for name, reason in _REFUSED.items():
        if options.get(name) is not None:
            raise InvalidRequest(f"the option {name!r} is not supported", hint=reason, param=name)
