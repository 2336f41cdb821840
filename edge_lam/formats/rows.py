"""Files of conversations with calls, row by row, in the shapes of published data sets and our own.

In comes a path; out come decoded rows with their places, JSON lines or one JSON list. `conversation_of` brings rows of
xlam-function-calling-60k, of APIGen-MT-5k and of trajectories into one form: messages and tools. Judges no call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from edge_lam._util.paths import user_path
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.formats.json_text import decode

Decoded: TypeAlias = "tuple[str, Any | InvalidRequest]"

LONGEST_LINE = 2**24  # bytes
LONGEST_LIST = 2**28  # bytes: all of it is in memory at once
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Whose turn it is, in data sets of the ShareGPT kind.
SPEAKERS = {
    **{"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
    **dict.fromkeys(("function_call", "function-call", "tool_call"), "call"),
    **dict.fromkeys(("observation", "function_response", "function-response", "tool", "tool_response"), "tool"),
}


def read_rows(path: str | os.PathLike[str], *, param: str, own_keys_once: bool = False) -> Iterator[Decoded]:
    """Yield each row of a file of lines or a list, decoded, with its place; or what is wrong with it.

    Args:
        path: JSON, one row a line or one list of rows.
        param: of the errors.
        own_keys_once: whether a key that stands twice in a row is an error.

    Raises:
        InvalidRequest: the file can't be read, or is a list that is not JSON.
    """
    try:
        with user_path(path).open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                text = line.removeprefix(BYTE_ORDER_MARK).strip() if number == 1 else line.strip()
                if number == 1 and text.startswith(b"["):
                    text += file.read(LONGEST_LIST + 1)
                    if len(text) > LONGEST_LIST:
                        hint = "write one row a line"
                        raise InvalidRequest(f"{path} is a list of over {LONGEST_LIST:,} bytes", hint=hint, param=param)
                    yield from _listed(path, text, param)
                    return
                if len(line) > LONGEST_LINE:
                    raise InvalidRequest(f"{path}, line {number} is longer than {LONGEST_LINE:,} bytes", param=param)
                if text:
                    yield _row(f"{path}, line {number}", text, param, own_keys_once=own_keys_once)
    except FileNotFoundError as error:
        raise InvalidRequest(f"no such file: {path}", param=param) from error
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {error.strerror or error}", param=param) from error


def _row(place: str, line: bytes, param: str, *, own_keys_once: bool) -> Decoded:
    try:
        return place, decode(line.decode(), own_keys_once=own_keys_once)
    except UnicodeDecodeError as error:
        return place, InvalidRequest(f"{place} is not UTF-8 text, from byte {error.start + 1} on", param=param)
    except ValueError as error:
        return place, InvalidRequest(f"{place} is not JSON: {error}", param=param)


def _listed(path: str | os.PathLike[str], data: bytes, param: str) -> Iterator[Decoded]:
    try:
        values = decode(data.decode())
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", param=param) from error
    for index, value in enumerate(values):
        yield f"{path}, item {index}", value


def at_place(place: str, error: EdgeLamError, param: str | None = None) -> InvalidRequest:
    """Return an error that says where in a file it is."""
    return InvalidRequest(f"{place}: {error.message}", hint=error.hint, param=param or error.param)


@dataclass(frozen=True)
class ConversationRow:
    """A row of a data set.

    Attributes:
        name: what the data set calls it, or "".
        messages: in OpenAI's form, as far as they can be read.
        tools: definitions, in whatever form.
    """

    name: str
    messages: list[Any]
    tools: list[Any]


def is_of_data_set(row: object) -> bool:
    """Tell whether a row has the shape of a data set that `conversation_of` reads."""
    return isinstance(row, Mapping) and any(
        all(key in row for key in keys) for keys in (("conversation",), ("conversations",), ("query", "answers"))
    )


def conversation_of(row: Mapping[str, Any]) -> ConversationRow | None:
    """Return the conversation in a row; None if its shape is not one of those that are known.

    Raises:
        InvalidRequest: the shape is, but something in it can't be read; names the field.
    """
    name = next((str(row[key]) for key in ("unique_trajectory_id", "id") if isinstance(row.get(key), str | int)), "")
    if isinstance(row.get("conversation"), list):
        instruction = row.get("task_instruction")
        messages = _with_system(row["conversation"], instruction if isinstance(instruction, str) else "")
        return ConversationRow(name, messages, _decoded(row.get("tools"), "tools"))
    if isinstance(row.get("conversations"), list):
        system = row.get("system")
        messages = _with_system(_spoken(row["conversations"]), system if isinstance(system, str) else "")
        return ConversationRow(name, messages, _decoded(row.get("tools"), "tools"))
    if isinstance(row.get("query"), str) and "answers" in row:
        calls = _calls(_decoded(row["answers"], "answers"), "answers", 0)
        question = {"role": "user", "content": row["query"]}
        reply = {"role": "assistant", "content": "", "tool_calls": calls}
        return ConversationRow(name, [question, reply], _decoded(row.get("tools"), "tools"))
    return None


def _with_system(messages: list[Any], system: str) -> list[Any]:
    has_one = messages and isinstance(messages[0], Mapping) and messages[0].get("role") == "system"
    return [{"role": "system", "content": system}, *messages] if system and not has_one else messages


def _spoken(turns: list[Any]) -> list[dict[str, Any]]:
    """Return the messages of turns, each with "from" and "value"; calls and their results are told by speakers too."""
    messages: list[dict[str, Any]] = []
    open_calls: list[dict[str, Any]] = []  # without a result yet
    n_calls = 0
    for index, turn in enumerate(turns):
        speaker, value = (turn.get("from"), turn.get("value")) if isinstance(turn, Mapping) else (None, None)
        role = SPEAKERS.get(speaker) if isinstance(speaker, str) else None
        if role is None or not isinstance(value, str):
            raise InvalidRequest(f'conversations[{index}] is no turn with a known "from" and a "value"')
        if role == "tool":
            call = open_calls.pop(0) if open_calls else {}
            about = {"tool_call_id": call["id"], "name": call["name"]} if call else {}
            messages.append({"role": "tool", "content": value, **about})
        elif role != "call":
            messages.append({"role": role, "content": value})
        else:
            calls = _calls(_decoded(value, f"conversations[{index}]"), f"conversations[{index}]", n_calls)
            open_calls, n_calls = list(calls), n_calls + len(calls)
            if not messages or messages[-1]["role"] != "assistant" or "tool_calls" in messages[-1]:
                messages.append({"role": "assistant", "content": ""})
            messages[-1]["tool_calls"] = calls
    return messages


def _calls(values: list[Any], field: str, first: int) -> list[dict[str, Any]]:
    """Return calls with ids that are the same whenever the row is read."""
    for index, value in enumerate(values):
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise InvalidRequest(f"{field}[{index}] names no function")
    return [
        {"id": f"call_{number}", "name": value["name"], "arguments": value.get("arguments", value.get("parameters"))}
        for number, value in enumerate(values, first)
    ]


def _decoded(value: Any, field: str) -> list[Any]:
    """Return a list that may be written as text; one object is a list of one."""
    if isinstance(value, str):
        try:
            value = decode(value) if value.strip() else []
        except ValueError as error:
            raise InvalidRequest(f"{field} is not JSON: {error}") from error
    if isinstance(value, Mapping):
        value = [value]
    if value is not None and not isinstance(value, list):
        raise InvalidRequest(f"{field} must be a list, not {type(value).__name__}")
    return value or []
