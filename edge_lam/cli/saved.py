"""Conversations in files: a JSON list of messages in OpenAI's form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.paths import user_path
from edge_lam._util.read_file import read_bounded
from edge_lam.errors import InvalidRequest
from edge_lam.formats import normalize_messages

_MAX_BYTES = 64 << 20


def save_messages(name: str, messages: Sequence[dict[str, Any]]) -> Path:
    """Write a conversation, readable by its owner only; a file that holds something else is left alone.

    Raises:
        InvalidRequest: the file can't be written, or is no conversation.
    """
    path = user_path(name)
    if path.exists():
        try:
            load_messages(name)
        except InvalidRequest as error:
            raise InvalidRequest(f"{path} exists and is no conversation", hint="name another file") from error
    text = json.dumps([_openai(message) for message in messages], ensure_ascii=False, indent=2)
    try:
        with atomic_write(path, private=True) as file:
            file.write(f"{text}\n".encode())
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} can't be written: {_reason(error)}") from error
    return path


def load_messages(name: str) -> list[dict[str, Any]]:
    """Read a conversation: a list of messages, or an object that holds one as "messages".

    Raises:
        InvalidRequest: the file can't be read, or holds no messages.
    """
    path = user_path(name)
    try:
        value = json.loads(read_bounded(path, _MAX_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path} is not JSON: {error}") from error
    if isinstance(value, dict):
        value = value.get("messages")
    if not isinstance(value, list):
        raise InvalidRequest(f"{path} holds no list of messages")
    return normalize_messages(value)


def _openai(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with the arguments of its calls as JSON text, and no content where it only calls."""
    if not (calls := message.get("tool_calls")):
        return message
    calls = [{**call, "function": _function(call["function"])} for call in calls]
    return {**message, "content": message["content"] or None, "tool_calls": calls}


def _function(function: dict[str, Any]) -> dict[str, Any]:
    arguments = function["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {**function, "arguments": arguments}


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
