"""Which tools a reply may or must call: `tool_choice` and `allowed_tools` in every form -> words and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_lam.errors import InvalidRequest

TOOL_CHOICES = ("auto", "required", "none")
ALLOWED_MODES = ("auto", "required")


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
