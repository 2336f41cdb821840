"""The call log, or a saved conversation -> trajectories.

Needs a log with prompts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.formats.rows import Decoded, at_place, is_of_data_set, read_rows
from edge_lam.trajectories.trajectory import Trajectory

if TYPE_CHECKING:
    from edge_lam.tools.likes import ToolLike

COMPLETE = ("stop", "tool_calls")


@dataclass(slots=True)
class LoggedTrajectories:
    """What a log holds.

    Attributes:
        trajectories: in the order of their last replies.
        wrong: lines that can't be read.
        skipped: how many replies were left out, by reason.
    """

    trajectories: list[Trajectory] = field(default_factory=list)
    wrong: list[InvalidRequest] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read_log(path: str | os.PathLike[str], tools: Iterable[ToolLike] | None = None) -> LoggedTrajectories:
    """Read the conversations of a call log or a data set, or a single one in a JSON list of messages, as of a chat.

    Each line holds one reply with the whole conversation before it. A line from which a later one goes on, as every
    round of an agent does, is part of that one and is not given twice.

    Args:
        path: the file.
        tools: of a list of messages, which doesn't say what they were; each line of a log does.

    Raises:
        InvalidRequest: the file can't be read, or is a list of messages that are wrong; `param` is "path".
        InvalidTool: a tool can't be read.
    """
    entries = read_rows(path, param="path")
    first = list(islice(entries, 1))
    if first and isinstance(first[0][1], Mapping) and "role" in first[0][1]:
        return LoggedTrajectories([_conversation(path, chain(first, entries), tools)])
    return _read_lines(chain(first, entries))


def _conversation(
    path: str | os.PathLike[str], entries: Iterable[Decoded], tools: Iterable[ToolLike] | None
) -> Trajectory:
    messages = []
    for _place, value in entries:
        if isinstance(value, InvalidRequest):
            raise value
        messages.append(value)
    try:
        return Trajectory.of(messages, tools)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path}: {error.message}", hint=error.hint, param="path") from error


def _read_lines(entries: Iterable[Decoded]) -> LoggedTrajectories:
    found = LoggedTrajectories()
    open_ends: dict[str, Trajectory] = {}
    results: dict[tuple[str, str], Any] = {}  # of tools, by the ids of reply and call
    for place, value in entries:
        if isinstance(value, InvalidRequest):
            found.wrong.append(value)
        elif isinstance(value, Mapping) and value.get("kind") == "tool":
            if "result" in value:
                results[str(value.get("reply_id")), str(value.get("id"))] = value["result"]
        elif not is_of_data_set(value) and (reason := _skip_reason(value)):
            found.skipped[reason] += 1
        else:
            try:
                trajectory = _trajectory(value)
            except InvalidRequest as error:
                found.wrong.append(at_place(place, error))
                continue
            prefixes = _prefixes(trajectory)
            for earlier in prefixes[:-1]:
                open_ends.pop(earlier, None)
            open_ends.pop(prefixes[-1], None)  # said again word for word: the later one stays, at its place
            open_ends[prefixes[-1]] = _with_results(trajectory, str(value.get("id")), results)
    found.trajectories = list(open_ends.values())
    return found


def _skip_reason(line: object) -> str:
    """Return why a line holds no conversation to learn from, or ""."""
    if not isinstance(line, Mapping):
        return "no line of a call log"
    if "messages" not in line:
        return "prompts not logged"
    if not line.get("reply"):
        return f"ended early ({line['error']})" if line.get("error") else "no reply"
    if line.get("finish_reason") not in COMPLETE:
        return f"cut off ({line.get('finish_reason')})"
    return ""


def _trajectory(line: Mapping[str, Any]) -> Trajectory:
    if is_of_data_set(line):
        return Trajectory.from_dict(line)
    messages = line["messages"]
    if not isinstance(messages, list):
        raise InvalidRequest(f"messages must be a list, not {type(messages).__name__}", param="messages")
    name = str(line.get("id") or "")
    return Trajectory.of([*messages, line["reply"]], line.get("tools"), id=f"edge-lam---{name}" if name else None)


def _with_results(trajectory: Trajectory, reply: str, results: Mapping[tuple[str, str], Any]) -> Trajectory:
    """Return a trajectory with the results of its last reply's calls behind it, as far as there are any."""
    found = []
    for call in trajectory.messages[-1].get("tool_calls", ()):
        if (key := (reply, call["id"])) in results:
            content = results[key] if isinstance(results[key], str) else json.dumps(results[key], ensure_ascii=False)
            name = call["function"]["name"]
            found.append({"role": "tool", "tool_call_id": call["id"], "name": name, "content": content})
    return replace(trajectory, messages=[*trajectory.messages, *found])


def _prefixes(trajectory: Trajectory) -> list[str]:
    """Return a name for each beginning of a conversation with the same tools, the shortest first."""
    digest = hashlib.sha256(json.dumps([tool.definition() for tool in trajectory.tools]).encode())
    names = []
    for message in trajectory.messages:
        digest.update(json.dumps(message, sort_keys=True).encode())
        names.append(digest.hexdigest())
    return names
