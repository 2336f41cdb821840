"""`ToolChoice`: what a reply may or must call. It is read here from options in any form, and decided here alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    from edge_lam.tools import Tool

TOOL_CHOICES = ("auto", "required", "none")
ALLOWED_MODES = ("auto", "required")


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """What a reply may or must call.

    Attributes:
        mode: "auto" (the model decides), "required", "none", or the name of the one tool to call.
        allowed: names of the tools that may be called; None for all.
        parallel: whether one reply may hold several calls.
    """

    mode: str = "auto"
    allowed: tuple[str, ...] | None = None
    parallel: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any], tools: Sequence[Tool]) -> ToolChoice:
        """Read the options of a request, and hold them against its tools and each other.

        Args:
            options: "tool_choice", "allowed_tools" and "parallel_tool_calls" are looked at, as in `ReplyOptions`.
            tools: of the request.

        Raises:
            InvalidRequest: `param` names the option.
        """
        mode, allowed = read_choice(options.get("tool_choice", "auto"))
        if options.get("allowed_tools") is not None:
            if allowed is not None:
                raise InvalidRequest("allowed_tools is given twice, in tool_choice too", param="allowed_tools")
            allowed = read_names(options["allowed_tools"])
        parallel = options.get("parallel_tool_calls", True)
        if not isinstance(parallel, bool):
            wrong = f"parallel_tool_calls must be True or False, not {parallel!r}"
            raise InvalidRequest(wrong, param="parallel_tool_calls")
        choice = cls(mode, allowed, parallel)
        choice._check([tool.name for tool in tools])
        return choice

    def among(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        """Return those of the tools that are allowed, whatever the mode."""
        return tuple(tool for tool in tools if self.allowed is None or tool.name in self.allowed)

    def callable(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        """Return those of the tools that the reply may call."""
        if self.mode in ALLOWED_MODES:
            return self.among(tools)
        return tuple(tool for tool in tools if tool.name == self.mode)

    def _check(self, names: Sequence[str]) -> None:
        """Refuse tools that are not there, and a mode that the allowed ones contradict."""
        mode, allowed = self.mode, self.allowed
        for name in allowed or ():
            if name not in names:
                hint = f"tools: {', '.join(names)}" if names else "give tools"
                raise InvalidRequest(f"allowed_tools names the unknown tool {name!r}", hint=hint, param="allowed_tools")
        if mode not in (*TOOL_CHOICES, *names):
            hint = f"one of {', '.join((*TOOL_CHOICES, *names))}"
            raise InvalidRequest(f"unknown tool_choice {mode!r}", hint=hint, param="tool_choice")
        if mode == "required" and not names:
            raise InvalidRequest("tool_choice='required' without tools", hint="give tools", param="tool_choice")
        if mode in names and allowed is not None and mode not in allowed:
            wrong = f"tool_choice={mode!r} is not among the allowed_tools"
            raise InvalidRequest(wrong, hint="allow it", param="tool_choice")


ANY_TOOL = ToolChoice()


def read_choice(choice: object) -> tuple[str, tuple[str, ...] | None]:
    """Read a tool choice.

    Args:
        choice: a word of `TOOL_CHOICES`, a tool's name, or one of OpenAI's objects: a function, with its name inside
            "function" or not, or the allowed tools, with mode and tools inside "allowed_tools" or not.

    Returns:
        The word or name, and the names of the tools that are allowed, None for all.

    Raises:
        InvalidRequest: anything else; `param` is "tool_choice".
    """
    if isinstance(choice, str):
        return choice, None
    if not isinstance(choice, Mapping):
        raise _refusal(choice)
    if choice.get("type") == "allowed_tools":
        return _allowed(choice)
    if choice.get("type", "function") != "function":
        raise _refusal(choice)
    name = _name(choice)
    if name is None:
        raise _refusal(choice)
    if name in TOOL_CHOICES:
        raise InvalidRequest(f"a tool named {name!r} can't be chosen", hint="rename it", param="tool_choice")
    return name, None


def read_names(names: object) -> tuple[str, ...]:
    """Return the names of allowed tools, given as such or as ``{"type": "function", "function": {"name": ...}}``.

    Raises:
        InvalidRequest: no list of at least one name; `param` is "allowed_tools".
    """
    given = names if isinstance(names, Sequence) and not isinstance(names, str) else ()
    read = [name if isinstance(name, str) else _name(name) for name in given]
    found = [name for name in read if name is not None]
    if not found or len(found) < len(read):
        hint = "to forbid all calls use tool_choice='none'"
        raise InvalidRequest(f"allowed_tools must be names of tools, not {names!r}", hint=hint, param="allowed_tools")
    return tuple(found)


def _allowed(choice: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    inner = choice.get("allowed_tools", choice)
    if not isinstance(inner, Mapping) or (mode := inner.get("mode", "auto")) not in ALLOWED_MODES:
        raise _refusal(choice)
    return str(mode), read_names(inner.get("tools"))


def _name(function: object) -> str | None:
    if not isinstance(function, Mapping):
        return None
    inner = function.get("function", function)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return name if isinstance(name, str) else None


def _refusal(choice: object) -> InvalidRequest:
    hint = f"one of {', '.join(TOOL_CHOICES)}, or a tool's name"
    return InvalidRequest(f"unknown tool_choice {choice!r}", hint=hint, param="tool_choice")
