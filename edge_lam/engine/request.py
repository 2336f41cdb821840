"""`Request`: what one call asks for, checked before anything is decoded. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

from edge_lam.errors import InvalidRequest
from edge_lam.tools import Tool, as_tools

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.tools.tool import ToolLike

TOOL_CHOICES = ("auto", "required", "none")


class ReplyOptions(TypedDict, total=False):
    """How the model is to reply.

    Keys:
        tool_choice: "auto" (the model decides), "required", "none", or the one tool to call, by its name or as
            ``{"type": "function", "function": {"name": ...}}``.
        parallel_tool_calls: whether one reply may hold several calls.
        temperature: 0 (the default) takes the most likely token.
        top_p: sample among the most likely tokens that together reach this probability.
        seed: the same seed repeats a reply, as far as the logits do: their last digits depend on how much of the
            prompt was cached.
        max_tokens: longest reply in tokens; by default what the context leaves.
        stop: a string or strings that end a reply in text.
        constrain: hold calls to the tools' schemas; False lets the model write what it wants.
    """

    tool_choice: str | Mapping[str, Any]
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    seed: int | None
    max_tokens: int | None
    stop: str | Sequence[str]
    constrain: bool


class ChatOptions(ReplyOptions, total=False):
    """The keyword arguments of `LAM.chat` and `LAM.stream`: those of `ReplyOptions`, and tools.

    Keys:
        tools: functions, `Tool` objects, pydantic models or any vendor's definitions.
    """

    tools: Iterable[ToolLike] | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of the model; its fields are those of `ChatOptions`, in one form."""

    messages: Messages
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    constrain: bool = True

    @classmethod
    def of(cls, messages: Messages, options: Mapping[str, Any]) -> Request:
        """Check the options of a call and bring them into one form.

        Raises:
            InvalidRequest: an unknown option or an impossible value; `param` names it.
            InvalidTool: a tool that can't be read.
        """
        known = [field.name for field in fields(cls) if field.name != "messages"]
        for name in options:
            if name not in known:
                raise InvalidRequest(f"unknown option {name!r}", hint=f"known options: {', '.join(known)}", param=name)
        values = {
            **options,
            "tools": tuple(as_tools(options.get("tools"))),
            "tool_choice": _tool_choice(options.get("tool_choice", "auto")),
            "stop": _stop(options.get("stop", ())),
        }
        return cls(messages=messages, **values)

    def __post_init__(self) -> None:
        names = [tool.name for tool in self.tools]
        if self.tool_choice not in (*TOOL_CHOICES, *names):
            choices = ", ".join((*TOOL_CHOICES, *names))
            raise InvalidRequest(
                f"unknown tool_choice {self.tool_choice!r}", hint=f"one of {choices}", param="tool_choice"
            )
        if self.tool_choice == "required" and not names:
            raise InvalidRequest("tool_choice='required' without tools", hint="give tools", param="tool_choice")
        for name in ("parallel_tool_calls", "constrain"):
            if not isinstance(value := getattr(self, name), bool):
                raise InvalidRequest(f"{name} must be True or False, not {value!r}", param=name)
        limit = self.max_tokens
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise InvalidRequest(f"max_tokens must be a whole number of at least 1, not {limit!r}", param="max_tokens")


def _tool_choice(choice: object) -> str:
    """Return the choice as a word or a tool's name."""
    if isinstance(choice, str):
        return choice
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        hint = f"one of {', '.join(TOOL_CHOICES)}, or a tool's name"
        raise InvalidRequest(f"unknown tool_choice {choice!r}", hint=hint, param="tool_choice")
    return name


def _stop(stop: object) -> tuple[str, ...]:
    strings = (stop,) if isinstance(stop, str) else stop
    if not isinstance(strings, Sequence) or not all(isinstance(string, str) and string for string in strings):
        raise InvalidRequest(f"stop must be strings that are not empty, not {stop!r}", param="stop")
    return tuple(strings)
